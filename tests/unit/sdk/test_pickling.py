"""Flows as bytes, and the error that names what cannot be pickled."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from towpath import Flow, Parameter, Task, task
from towpath.errors import Code, FlowError
from towpath.executors import LocalDaskExecutor
from towpath.scripts import flows_in_script
from towpath.storage import BackendStorage, code_hash, load_flow, pickle_flow

lock = threading.Lock()


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    yield made
    made.close()


def test_a_flow_comes_back_whole() -> None:
    """A loaded flow runs like the original, also after the original has run, with its executor and its graph."""

    @task
    def add(x: int, y: int) -> int:
        return x + y

    with Flow("f", executor=LocalDaskExecutor(num_workers=2)) as flow:
        add(Parameter("p", 1), add(1, 2))
    flow.run()
    twin = load_flow(pickle_flow(flow))
    assert list(twin.slugs.values()) == list(flow.slugs.values())
    made = twin.get_tasks(slug="add-2")[0]
    assert sorted(s.result for s in twin.run(p=5).result.values()) == [3, 5, 8]
    assert twin.executor.slots == 2  # type: ignore[union-attr]
    assert made in twin.tasks
    assert pickle_flow(flow) is not None


def flow_of(step: Task, **inputs: Any) -> Flow:
    with Flow("f") as flow:
        step(**inputs)
    return flow


def test_a_closure_variable_is_named(connection: sqlite3.Connection) -> None:
    """The error names task, variable and type, and says what to do."""

    @task
    def load() -> Any:
        return connection.execute("select 1")

    with pytest.raises(FlowError) as caught:
        pickle_flow(flow_of(load))
    assert caught.value.code == Code.FLOW_NOT_PICKLABLE
    assert "flow 'f' cannot be pickled: task 'load', closure variable 'connection': a sqlite3.Connection" in caught.value.message
    assert "make it inside the task" in caught.value.message
    assert caught.value.detail == {"path_to_object": ["task 'load'", "closure variable 'connection'"], "type": "sqlite3.Connection"}


def test_the_way_to_the_object_is_told(connection: sqlite3.Connection) -> None:
    """Globals, arguments, attributes, defaults and containers on the way are part of the path."""

    class Load(Task):
        def __init__(self, where: Any) -> None:
            super().__init__("load")
            self.where = where

        def run(self) -> None: ...

    def path(flow: Flow) -> list[str]:
        with pytest.raises(FlowError) as caught:
            pickle_flow(flow)
        return caught.value.detail["path_to_object"]  # type: ignore[no-any-return]

    assert path(flow_of(Load({"a": [connection]}))) == ["task 'load'", "attribute 'where'", "item 'a'", "item 0"]
    assert path(flow_of(task(name="t")(lambda x: x), x=[connection])) == ["argument 'x' of task 't'", "item 0"]
    assert path(flow_of(task(name="t")(lambda: lock.locked()))) == ["task 't'", "global variable 'lock'"]
    assert path(flow_of(task(name="t")(lambda x=connection: x))) == ["task 't'", "a default argument"]
    assert path(Flow("f", state_handlers=[lambda *_: connection and None])) == [
        "the flow's state_handlers",
        "item 0",
        "closure variable 'connection'",
    ]


def test_code_has_an_address() -> None:
    """The backend's storage knows each flow's code by the hash of its content."""
    storage = BackendStorage()
    flow = Flow("f", storage=storage)
    code = storage.pack(flow)
    assert code == pickle_flow(flow)
    assert storage.to_dict()["flows"] == {"f": code_hash(code)}


def test_bytes_that_are_no_flow_are_refused() -> None:
    """Loading says whether the bytes are broken, hold something else, or need a module that is not here."""
    import pickle

    for blob, code in [
        (b"nonsense", Code.BAD_FLOW),
        (pickle.dumps(5), Code.BAD_FLOW),
        (b"cnot_a_module_here\nthing\n.", Code.FLOW_CODE_MISSING),
    ]:
        with pytest.raises(FlowError) as caught:
            load_flow(blob)
        assert caught.value.code == code


def test_scripts_and_their_flows(tmp_path: Path) -> None:
    """Flows are found in a script by its path; a missing file, flow or name is explained."""
    script = tmp_path / "two.py"
    script.write_text("from towpath import Flow\na = Flow('A')\nb = Flow('B')\nagain = a\n")
    assert [flow.name for flow in flows_in_script(script)] == ["A", "B"]
    assert [flow.name for flow in flows_in_script(script, "B")] == ["B"]
    with pytest.raises(FlowError, match=r"no flow 'C' in .*two\.py; there: 'A', 'B'"):
        flows_in_script(script, "C")
    with pytest.raises(FlowError, match="there is no file"):
        flows_in_script(tmp_path / "none.py")
    script.write_text("x = 1\n")
    with pytest.raises(FlowError, match="global variable"):
        flows_in_script(script)
