"""Where flows come from: scripts, folders of scripts, modules. Loads them and says in one sentence why one cannot be loaded."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
    from types import TracebackType

    from towpath.core.flow import Flow


@dataclass(frozen=True, slots=True)
class Source:
    """One script or module.

    Attributes:
        path: The script.
        module: Or the module.
        optional: Whether it may hold no flow at all, as scripts of a folder may.
    """

    path: Path | None = None
    module: str | None = None
    optional: bool = False

    def __str__(self) -> str:
        return str(self.path) if self.path is not None else str(self.module)


def sources(paths: Iterable[Path], modules: Iterable[str]) -> list[Source]:
    """The sources that are meant; a folder means its scripts (`*.py`, none that begins with `_` or `.`), in the order of their names."""
    found: dict[str, Source] = {}
    for path in paths:
        inner = [p for p in sorted(path.glob("*.py")) if p.name[0] not in "._"] if path.is_dir() else None
        for one in [path] if inner is None else inner:
            found.setdefault(str(one.resolve()), Source(path=one, optional=inner is not None))
    for module in modules:
        found.setdefault(module, Source(module=module))
    return list(found.values())


def flows_of(source: Source) -> list[Flow]:
    """Load a source; its flows.

    Raises:
        TowpathError: `BAD_FLOW`, with the line of the source at which it failed, when it cannot be loaded; `NOT_FOUND` when it is not
            there or holds no flow; and what the SDK says about a flow that is wrong.
    """
    from towpath.scripts import flows_in, load_script

    try:
        if source.path is not None:
            module = load_script(source.path)
        else:
            if str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))
            module = importlib.import_module(source.module or "")
    except (TowpathError, KeyboardInterrupt):
        raise
    except ModuleNotFoundError as e:
        if e.name == source.module:
            raise TowpathError(Code.NOT_FOUND, f"The module {e.name!r} cannot be imported; install it, or check the name.") from e
        raise TowpathError(Code.BAD_FLOW, f"{_place(source, e)} needs the module {e.name!r}, which is not installed here.") from e
    except SyntaxError as e:
        text = f" near `{e.text.strip()}`" if e.text and e.text.strip() else ""
        raise TowpathError(Code.BAD_FLOW, f"{_shown(e.filename or source)}, line {e.lineno}: {e.msg}{text}.") from e
    except SystemExit as e:
        raise TowpathError(Code.BAD_FLOW, f"{_place(source, e)} ends the program (exit {e.code}) instead of defining a flow.") from e
    except BaseException as e:
        raise TowpathError(Code.BAD_FLOW, f"{_place(source, e)} fails with {type(e).__name__}: {e}") from e
    found = flows_in(module)
    if not found and not source.optional:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow in {source}; a flow must be a global variable there.")
    return found


def _shown(file: object) -> str:
    """A file's path as short as it is clear."""
    path = Path(str(file))
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _place(source: Source, error: BaseException) -> str:
    """File and line at which a source failed: the last place that is neither ours nor the import system's."""
    frames = own_frames(error.__traceback__)
    return f"{_shown(frames[-1].filename)}, line {frames[-1].lineno}," if frames else str(source)


def own_frames(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    """The user's part of a traceback."""
    ours = str(Path(__file__).parents[1])
    return [f for f in traceback.extract_tb(trace) if not f.filename.startswith((ours, "<frozen")) and "importlib" not in f.filename]


def files_loaded() -> set[Path]:
    """The files of all modules that are loaded now and belong to the user: neither the standard library nor installed packages."""
    paths = sysconfig.get_paths()
    foreign = tuple({str(Path(paths[key]).resolve()) for key in ("stdlib", "platstdlib", "purelib", "platlib")})
    packages = [module for name, module in list(sys.modules.items()) if name in ("towpath", "towpath_proto")]
    ours = tuple(str(Path(place).resolve()) for package in packages for place in package.__path__)
    found = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py"):
            path = Path(file).resolve()
            if not str(path).startswith(foreign + ours):
                found.add(path)
    return found
