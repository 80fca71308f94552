"""Pointers: bytes that are signed in place of a flow's code and say where the code is. The run process follows them.

A pointer is JSON, so it begins with a brace, which no pickle does.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.client.secrets import Secret
from towpath.errors import FlowError
from towpath.storage.code import load_flow
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow

LOCAL_REMEDY = (
    "Local storage needs an agent that sees the disk on which the flow was registered: use labels, or leave the code to the backend"
)


def pointer(**facts: Any) -> bytes:
    """A pointer; `type` and `flow`, and what the type needs."""
    return json.dumps({"pointer": 1, **facts}, sort_keys=True).encode()


def load_code(blob: bytes) -> Flow:
    """The flow that `blob`, a pickled flow or a pointer to one, stands for. This runs code: check the signature of `blob` first.

    Raises:
        FlowError: FLOW_CODE_MISSING if something is missing on this machine, BAD_SIGNATURE if the pickle pointed to is another one,
            BAD_FLOW if there is no flow; MissingSecretError without a secret that the storage names. What a script or module itself raises
            is passed on.
    """
    if not blob.startswith(b"{"):
        return load_flow(blob)
    facts: dict[str, Any] = json.loads(blob)
    for name in facts.get("secrets") or ():
        Secret(name).get()
    match facts.get("type"):
        case "Local" if "script" in facts:
            return _from_script(facts["script"], facts["flow"])
        case "Local":
            return _from_pickle(facts, LOCAL_REMEDY)
        case "Docker":
            return _from_pickle(facts, f"it is in the image {facts['image']}: let an agent run it that starts containers (use labels)")
        case "Module":
            return _from_module(facts["module"], facts["flow"])
        case "S3":
            from towpath.storage.s3 import fetch

            return _fetched_script(fetch(facts), facts) if "script" in facts else _checked(fetch(facts), facts, facts["key"])
        case "Git":
            from towpath.storage.git import script

            return _from_script(str(script(facts)), facts["flow"])
    raise FlowError(Code.BAD_FLOW, f"the storage {facts.get('type')!r} is not known here; update towpath where runs take place")


def _from_pickle(facts: Mapping[str, Any], remedy: str) -> Flow:
    path = facts["path"]
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        sentence = f"the code of flow {facts['flow']!r} is not at {path} on this machine ({error.strerror}); {remedy}"
        raise FlowError(Code.FLOW_CODE_MISSING, sentence, path=path) from error
    return _checked(data, facts, path)


def _checked(data: bytes, facts: Mapping[str, Any], place: str) -> Flow:
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        sentence = f"the file {place} is not the one that was registered, so it is not run; register the flow again"
        raise FlowError(Code.BAD_SIGNATURE, sentence)
    return load_flow(data)


def _fetched_script(source: bytes, facts: Mapping[str, Any]) -> Flow:
    with tempfile.TemporaryDirectory(prefix="towpath-script-") as folder:
        path = Path(folder, Path(facts["script"]).name)
        path.write_bytes(source)
        return _from_script(str(path), facts["flow"])


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
