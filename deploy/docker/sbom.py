"""What an image holds, as a CycloneDX 1.5 bill of materials: its Python distributions, and Debian's packages of its base.

Usage: sbom.py NAME prints that of an image called NAME that has Debian's packages alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution
from typing import Any


def python_components(found: Iterable[Distribution]) -> list[dict[str, Any]]:
    """Python distributions, by name."""
    components = []
    for each in found:
        name, version = each.metadata["Name"], each.version
        component: dict[str, Any] = {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name.lower()}@{version}"}
        licence = each.metadata.get("License-Expression") or each.metadata.get("License") or ""
        if licence and "\n" not in licence:
            component["licenses"] = [{"license": {"name": licence}}]
        components.append(component)
    return sorted(components, key=lambda c: c["name"].lower())


@cache
def debian_components() -> list[dict[str, Any]]:
    """The packages of the base, where it is Debian's."""
    if shutil.which("dpkg-query") is None:
        return []
    command = ["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n"]
    rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [
        {"type": "library", "name": name, "version": version, "purl": f"pkg:deb/debian/{name}@{version}?arch={arch}"}
        for name, version, arch in (row.split("\t") for row in sorted(rows))
    ]


def bill_of_materials(name: str, found: Iterable[Distribution]) -> dict[str, Any]:
    """The bill of an image.

    Args:
        name: The distribution that the image is about.
        found: All that it holds.
    """
    mine = python_components(found)
    version = next((c["version"] for c in mine if c["name"] == name), None)
    about: dict[str, Any] = {"type": "container", "name": name} | ({"version": version} if version else {})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": about},
        "components": [*mine, *debian_components()],
    }


if __name__ == "__main__":
    print(json.dumps(bill_of_materials(sys.argv[1], []), indent=1))
