"""Loads a script by its path and finds the flows in it. The module is marked, so that its content is pickled by value."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from towpath.errors import FlowError
from towpath.storage import SCRIPT_MARK
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow


def load_script(path: str | Path) -> ModuleType:
    """Run the script at `path` as a module (`__name__` is not `__main__`, so nothing under that guard runs).

    Modules beside the script can be imported by it, as they can when Python runs it.

    Raises:
        FlowError: If there is no such file. What the script itself raises is passed on.
    """
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise FlowError(Code.NOT_FOUND, f"there is no file {file}; give the path of a Python script")
    name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise FlowError(Code.BAD_FLOW, f"{file} is not a Python script")
    module = importlib.util.module_from_spec(spec)
    setattr(module, SCRIPT_MARK, True)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        sys.path.remove(str(file.parent))
    return module


def flows_in(module: ModuleType) -> list[Flow]:
    """The flows among a module's global variables, each once, in the order of their names there."""
    from towpath.core.flow import Flow

    found: dict[int, Flow] = {id(value): value for value in vars(module).values() if isinstance(value, Flow)}
    return list(found.values())


def flows_in_script(path: str | Path, name: str | None = None) -> list[Flow]:
    """The flows of the script at `path`; with `name`, that one only.

    Raises:
        FlowError: If there is none.
    """
    flows = flows_in(load_script(path))
    chosen = [flow for flow in flows if name is None or flow.name == name]
    if not chosen:
        known = ", ".join(repr(flow.name) for flow in flows) or "none; a flow must be a global variable of the script"
        raise FlowError(Code.NOT_FOUND, f"no flow{'' if name is None else f' {name!r}'} in {path}; there: {known}")
    return chosen
