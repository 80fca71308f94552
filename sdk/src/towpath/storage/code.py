"""The code of a flow as bytes: pickled so that another process can load it, and known by the hash of its content.

What is defined in a script goes into the pickle by value, and so do the functions of tasks; modules that can be imported are only named.
Signing and sending is the client's, checking signatures the run process's; `load_flow` runs what the bytes say, so check first.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from towpath.errors import FlowError
from towpath_proto import __version__
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow

SCRIPT_MARK = "__towpath_script__"
"""Attribute of a module that was loaded from a script by its path, so no other process can import it by name."""

PROTOCOL = 5
"""Pickle protocol: the newest that every Python we run on reads."""


def code_hash(blob: bytes) -> str:
    """sha256 of the code, in hex: its address."""
    return hashlib.sha256(blob).hexdigest()


def code_name(flow_name: str, address: str) -> str:
    """Path of a flow's code among that of others, for storages that have paths: `etl/0a1b2c3d4e5f6071.pickle`."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', flow_name).strip('.') or 'flow'}/{address[:16]}.pickle"


def code_info() -> dict[str, str]:
    """What wrote the code, so that one who cannot load it can say why."""
    import cloudpickle

    return {"python": platform.python_version(), "cloudpickle": cloudpickle.__version__, "towpath": __version__}


def pickle_flow(flow: Flow) -> bytes:
    """The flow as bytes that another process can load.

    Raises:
        FlowError: FLOW_NOT_PICKLABLE, naming the object that cannot be pickled and the way to it.
    """
    import cloudpickle

    with scripts_by_value():
        try:
            blob: bytes = cloudpickle.dumps(flow, protocol=PROTOCOL)
        except Exception as error:
            from towpath.unpicklable import found_in

            found = found_in(flow, error)
            message = f"flow {flow.name!r} cannot be pickled: {found.sentence()}"
            raise FlowError(Code.FLOW_NOT_PICKLABLE, message, **found.detail()) from error
    return blob


def load_flow(blob: bytes) -> Flow:
    """The flow that `pickle_flow` wrote. This runs code: check the signature first.

    Raises:
        FlowError: FLOW_CODE_MISSING if a module is missing here, BAD_FLOW if the bytes are no flow.
    """
    import pickle

    from towpath.core.flow import Flow

    try:
        flow = pickle.loads(blob)
    except ModuleNotFoundError as error:
        raise FlowError(
            Code.FLOW_CODE_MISSING,
            f"the flow needs the module {error.name!r}, which cannot be imported here; install it where runs take place, "
            "or define what the flow needs in the flow's own file",
            module=error.name,
        ) from error
    except Exception as error:
        raise FlowError(Code.BAD_FLOW, f"the code of the flow cannot be loaded by Python {platform.python_version()}: {error!r}") from error
    if not isinstance(flow, Flow):
        raise FlowError(Code.BAD_FLOW, f"the code holds a {type(flow).__name__}, not a flow")
    return flow


@contextmanager
def scripts_by_value() -> Iterator[None]:
    """Let cloudpickle take what scripts define by value inside the block, as it does with `__main__`."""
    import cloudpickle

    scripts: list[ModuleType] = [module for module in list(sys.modules.values()) if getattr(module, SCRIPT_MARK, False) is True]
    fresh = [module for module in scripts if module.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    for module in fresh:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in fresh:
            cloudpickle.unregister_pickle_by_value(module)
