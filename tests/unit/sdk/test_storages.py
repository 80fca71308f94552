"""Storages: what registration signs, and what a run process makes of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from towpath import Flow, task
from towpath.client.packing import pack
from towpath.errors import FlowError
from towpath.storage import Local, Module, load_code, pickle_flow

SCRIPT = """
from towpath import Flow, task

@task
def number():
    return {number}

with Flow("kept") as flow:
    number()
"""


@task
def number() -> int:
    return 1


def kept(storage: object) -> Flow:
    with Flow("kept", storage=storage) as flow:  # type: ignore[arg-type]
        number()
    return flow


def value_of(flow: Flow) -> object:
    state = flow.run()
    (only,) = flow.get_tasks(name="number")
    return state.result[only].result


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with the flow, that can be imported."""
    (tmp_path / "kept_flows.py").write_text(SCRIPT.format(number=3))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "kept_flows", raising=False)
    return "kept_flows"


def test_local_keeps_the_pickle_and_signs_its_hash(tmp_path: Path) -> None:
    """The pickle lies in the folder, what is sent is small and names it; a file that was changed since is not run."""
    flow = kept(Local(str(tmp_path / "flows")))
    packed = pack(flow)
    (file,) = (tmp_path / "flows").rglob("*.pickle")
    assert packed.serialized_flow["storage"]["flows"] == {"kept": str(file)}
    assert packed.serialized_flow["storage"]["type"] == "Local"
    assert len(packed.code) < 500
    assert value_of(load_code(packed.code)) == 1
    assert pack(flow).content_hash == packed.content_hash
    file.write_bytes(pickle_flow(kept(None)))
    with pytest.raises(FlowError, match="not the one that was registered") as caught:
        load_code(packed.code)
    assert caught.value.code == "BAD_SIGNATURE"
    file.unlink()
    with pytest.raises(FlowError, match=r"not at .* on this machine") as caught:
        load_code(packed.code)
    assert caught.value.code == "FLOW_CODE_MISSING"


def test_local_at_a_path_of_ones_own(tmp_path: Path) -> None:
    """With a path the pickle lies there; registration refuses a folder that is not there."""
    assert value_of(load_code(pack(kept(Local(path=str(tmp_path / "one.pickle")))).code)) == 1
    assert (tmp_path / "one.pickle").is_file()
    with pytest.raises(FlowError, match="there is no folder"):
        pack(kept(Local(path=str(tmp_path / "nowhere/one.pickle"))))


def test_local_script_is_run_each_time(tmp_path: Path) -> None:
    """A script may be changed without registering again; registration and runs say when it is not there."""
    script = tmp_path / "kept.py"
    script.write_text(SCRIPT.format(number=5))
    code = pack(kept(Local(path=str(script), stored_as_script=True))).code
    assert value_of(load_code(code)) == 5
    script.write_text(SCRIPT.format(number=66))
    assert value_of(load_code(code)) == 66
    script.unlink()
    with pytest.raises(FlowError, match=r"the script .* is not on this machine"):
        load_code(code)
    with pytest.raises(FlowError, match="there is no script"):
        pack(kept(Local(path=str(script), stored_as_script=True)))
    assert pack(kept(Local(path=str(script), stored_as_script=True, validate=False))).code == code
    with pytest.raises(FlowError, match="needs its path"):
        Local(stored_as_script=True)


def test_module_takes_the_flow_of_that_name(module: str) -> None:
    """The module's own flow is what runs, not the one that was registered."""
    for name in (module, f"{module}:flow"):
        packed = pack(kept(Module(name)))
        assert packed.serialized_flow["storage"]["flows"] == {"kept": name}
        assert packed.serialized_flow["storage"]["stored_as_script"] is True
        assert value_of(load_code(packed.code)) == 3


def test_module_that_is_not_there_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registration refuses a module that is not here; a run says which one is missing and what to do, or that its flow is another."""
    with pytest.raises(FlowError, match=r"'no_such_module.flows' cannot be imported here") as caught:
        pack(kept(Module("no_such_module.flows")))
    assert caught.value.code == "FLOW_CODE_MISSING"
    for name in ("no/module", "__main__", "", "a:b:c"):
        with pytest.raises(FlowError):
            Module(name)
    flow = kept(Module(module))
    flow.name = "other"
    with pytest.raises(FlowError, match=r"has no flow 'other' \(there: 'kept'\)"):
        load_code(pack(flow).code)
    code = pack(kept(Module(module))).code
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not Path(entry, f"{module}.py").exists()])
    sys.path_importer_cache.clear()
    with pytest.raises(FlowError, match=r"the module 'kept_flows' of flow 'kept' cannot be imported here; install it") as caught:
        load_code(code)
    assert caught.value.code == "FLOW_CODE_MISSING"


def test_a_pointer_of_a_later_version_is_refused() -> None:
    """A kind of storage that this version does not know is named."""
    with pytest.raises(FlowError, match="the storage 'Tape' is not known here"):
        load_code(b'{"pointer": 1, "type": "Tape", "flow": "kept"}')
