"""Prints what an image holds as a CycloneDX 1.5 bill of materials: its Python distributions, and Debian's packages of its base.

Usage: sbom.py NAME SITE_PACKAGES. It runs while the image is built, with nothing but the standard library.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from typing import Any


def python_components(site: str) -> list[dict[str, Any]]:
    """The distributions in a folder of packages."""
    found = []
    for each in distributions(path=[site]):
        name, version = each.metadata["Name"], each.version
        component: dict[str, Any] = {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name.lower()}@{version}"}
        licence = each.metadata.get("License-Expression") or each.metadata.get("License") or ""
        if licence and "\n" not in licence:
            component["licenses"] = [{"license": {"name": licence}}]
        found.append(component)
    return sorted(found, key=lambda c: c["name"].lower())


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


def main() -> None:
    """Print it."""
    name, site = sys.argv[1:]
    mine = python_components(site)
    version = next((c["version"] for c in mine if c["name"] == name), None)
    about: dict[str, Any] = {"type": "container", "name": name} | ({"version": version} if version else {})
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": about},
        "components": [*mine, *debian_components()],
    }
    print(json.dumps(bill, indent=1))


if __name__ == "__main__":
    main()
