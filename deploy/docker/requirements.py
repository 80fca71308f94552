"""Prints what Towpath's packages need of third parties, a requirement a line. It runs while images are built.

Usage: requirements.py FOLDER [EXTRA...]

FOLDER has their pyproject.toml files, EXTRA names extras of theirs that are wanted besides.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements(folder: Path, extras: set[str]) -> set[str]:
    """What the packages below a folder need and are not themselves."""
    projects = [tomllib.loads(file.read_text(encoding="utf-8"))["project"] for file in folder.rglob("pyproject.toml")]
    own = {canonicalize_name(each["name"]) for each in projects}
    lines = {line for each in projects for line in each["dependencies"]}
    lines |= {line for each in projects for name in extras for line in each.get("optional-dependencies", {}).get(name, ())}
    return {line for line in lines if canonicalize_name(Requirement(line).name) not in own}


if __name__ == "__main__":
    print("\n".join(sorted(requirements(Path(sys.argv[1]), set(sys.argv[2:])))))
