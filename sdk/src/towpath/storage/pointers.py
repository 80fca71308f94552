"""Pointers: bytes that are signed in place of a flow's code and say where the code is. The run process follows them.

A pointer is JSON, so it begins with a brace, which no pickle does.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError
from towpath.storage.code import load_flow
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow


def pointer(**facts: str) -> bytes:
    """A pointer; `type` and `flow`, and what the type needs."""
    return json.dumps({"pointer": 1, **facts}, sort_keys=True).encode()


def load_code(blob: bytes) -> Flow:
    """The flow that `blob`, a pickled flow or a pointer to one, stands for. This runs code: check the signature of `blob` first.

    Raises:
        FlowError: FLOW_CODE_MISSING if something is missing on this machine, BAD_SIGNATURE if the pickle pointed to is another one,
            BAD_FLOW if there is no flow. What a script or module itself raises is passed on.
    """
    if not blob.startswith(b"{"):
        return load_flow(blob)
    facts: dict[str, Any] = json.loads(blob)
    match facts.get("type"):
        case "Local" if "script" in facts:
            return _from_script(facts["script"], facts["flow"])
        case "Local":
            return _from_pickle(facts["path"], facts["sha256"], facts["flow"])
        case "Module":
            return _from_module(facts["module"], facts["flow"])
    raise FlowError(Code.BAD_FLOW, f"the storage {facts.get('type')!r} is not known here; update towpath where runs take place")


def _from_pickle(path: str, sha256: str, name: str) -> Flow:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FlowError(
            Code.FLOW_CODE_MISSING,
            f"the code of flow {name!r} is not at {path} on this machine ({error.strerror}); Local storage needs an agent that sees "
            "the disk on which the flow was registered: use labels, or leave the code to the backend",
            path=path,
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise FlowError(
            Code.BAD_SIGNATURE, f"the file {path} is not the one that was registered, so it is not run; register the flow again"
        )
    return load_flow(data)


def _from_script(path: str, name: str) -> Flow:
    from towpath.scripts import flows_in_script

    if not Path(path).is_file():
        raise FlowError(
            Code.FLOW_CODE_MISSING,
            f"the script {path} of flow {name!r} is not on this machine; put it there, or let an agent run it that has it (use labels)",
            path=path,
        )
    return flows_in_script(path, name)[0]


def _from_module(module: str, name: str) -> Flow:
    import importlib

    from towpath.scripts import flows_in

    wanted, _, attribute = module.partition(":")
    try:
        found = importlib.import_module(wanted)
    except ModuleNotFoundError as error:
        needs = "" if error.name == wanted else f" (it needs {error.name!r})"
        raise FlowError(
            Code.FLOW_CODE_MISSING,
            f"the module {wanted!r} of flow {name!r} cannot be imported here{needs}; install it where runs take place, or set the run "
            "config's working_dir or PYTHONPATH to the folder that has it",
            module=error.name,
        ) from error
    flows = [value for value in [getattr(found, attribute, None)] if value is not None] if attribute else flows_in(found)
    for flow in flows:
        if flow.name == name:
            return flow
    known = ", ".join(repr(flow.name) for flow in flows) or "none"
    raise FlowError(Code.BAD_FLOW, f"the module {module!r} on this machine has no flow {name!r} (there: {known}); is it another version?")
