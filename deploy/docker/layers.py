"""Splits one environment, in which everything is installed, into the layers of each image. It runs while images are built.

Usage: layers.py ENVIRONMENT OUT NAME=FAMILY...

NAME is the distribution that an image is about and FAMILY one that it needs, as its like do. These are made, and together they are what
NAME needs: `OUT/FAMILY/common`, third parties' packages that FAMILY needs, which all of the family share as one layer; `OUT/NAME/further`,
those that NAME needs besides, and the bill of materials; and `OUT/NAME/own`, Towpath's own packages. Each is laid over an image's root,
and none is empty: builders lose layers that change nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sbom import bill_of_materials

EXTRA: dict[str, tuple[str, ...]] = {"towpath": ("pip", "dulwich", "towpath-agent-local")}
"""What an image has besides: people put packages of their own on top of the image of flows, and keep flows in Git. A local agent in a
container runs flows there, so it is in the image that has what flows need."""


class Environment:
    """What is installed below a folder.

    Args:
        folder: A virtual environment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (site,) = folder.glob("lib/python3*/site-packages")
        self._found: dict[str, Distribution] = {canonicalize_name(each.metadata["Name"]): each for each in distributions(path=[str(site)])}

    def needs(self, name: str) -> set[str]:
        """The canonical names of a distribution and of all that it needs on this machine, with the extras that are asked for."""
        seen: set[tuple[str, str]] = set()
        todo = [(canonicalize_name(name), "")]
        while todo:
            if (each := todo.pop()) in seen:
                continue
            seen.add(each)
            for line in self[each[0]].requires or ():
                wanted = Requirement(line)
                if wanted.marker is None or wanted.marker.evaluate({"extra": each[1]}):
                    todo += [(canonicalize_name(wanted.name), extra) for extra in ("", *wanted.extras)]
        return {each for each, _ in seen}

    def __getitem__(self, name: str) -> Distribution:
        if name not in self._found:
            sys.exit(f"layers.py: {name} is needed and is not installed in {self.folder}")
        return self._found[name]

    def files(self, name: str) -> Iterator[Path]:
        """The files of a distribution, relative to the environment, and what was compiled from them."""
        for entry in self[name].files or ():
            path = Path(os.path.normpath(str(entry.locate())))
            compiled = Path(cache_from_source(str(path))) if path.suffix == ".py" else path
            # where the build took one of our packages from is of no use to those who have the image
            for each in {path, compiled} if path.name != "direct_url.json" and path.suffix != ".pyc" else ():
                if each.is_file():
                    yield each.relative_to(self.folder)


def lay(environment: Environment, names: Iterable[str], layer: Path) -> None:
    """Put the files of distributions into the folder of a layer, at the place that they have in the environment."""
    layer.mkdir(parents=True, exist_ok=True)
    for name in sorted(names):
        for path in environment.files(name):
            place = inside(layer, environment) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(environment.folder / path, place)


def inside(layer: Path, environment: Environment) -> Path:
    """Where the environment is in a layer."""
    return layer / environment.folder.relative_to("/")


def is_own(name: str) -> bool:
    """Whether a distribution is one of Towpath's."""
    return name == "towpath" or name.startswith("towpath-")


def main() -> None:
    """Split it."""
    environment, out = Environment(Path(sys.argv[1])), Path(sys.argv[2])
    families: dict[str, set[str]] = {}
    for pair in sys.argv[3:]:
        name, _, family = pair.partition("=")
        if family not in families:
            families[family] = {each for each in environment.needs(family) if not is_own(each)}
            lay(environment, families[family], out / family / "common")
        wanted = environment.needs(name).union(*(environment.needs(each) for each in EXTRA.get(name, ())))
        lay(environment, (each for each in wanted - families[family] if not is_own(each)), out / name / "further")
        lay(environment, (each for each in wanted if is_own(each)), out / name / "own")
        share = inside(out / name / "further", environment) / "share"
        share.mkdir(parents=True, exist_ok=True)
        bill = bill_of_materials(name, [environment[each] for each in wanted])
        (share / "sbom.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
