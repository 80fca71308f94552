"""Real processes: runs whose code is not with the API, and run configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import towpath
from towpath import Flow, task
from towpath.run_configs import LocalRun
from towpath.storage import Local, Module

__towpath_script__ = True  # what is defined here goes to the run's process by value

MODULE = """
import towpath
from towpath import Flow, task

@task
def work():
    towpath.get_logger().info("the module's own")

with Flow("kept") as flow:
    work()
"""


@task
def work() -> None:
    import os

    towpath.get_logger().info("registered, in %s, %s", os.getcwd(), os.environ.get("COLOR"))


def kept(**options: Any) -> Flow:
    with Flow("kept", **options) as flow:
        work()
    return flow


def said(run: Any) -> list[str]:
    return [log["message"] for log in run.logs if log.get("slug") == "work-1"]


def test_local_storage_runs_what_lies_on_this_disk(bench: Any, tmp_path: Path) -> None:
    """A run takes the pickle on the disk, after the signature over its hash; without the file it fails and says so."""
    flow = kept(storage=Local(str(tmp_path / "flows")))
    run, _ = bench.start(flow)
    bench.ended(run)
    assert run.flow_states == ["Running", "Success"]
    (file,) = (tmp_path / "flows").rglob("*.pickle")
    run = bench.create(flow)
    file.unlink()
    bench.launch(bench.claim())
    bench.ended(run)
    assert run.flow_states == ["Failed"]
    assert "Local storage needs an agent that sees the disk" in run.states[-1][-1]["message"]


def test_module_storage_imports_the_module_in_the_working_dir(bench: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """The run imports the module of its working_dir; where there is none, the run fails, naming module and remedy."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "kept_by_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(folder))
    flow = kept(storage=Module("kept_by_module"), run_config=LocalRun(working_dir=str(folder)))
    run, _ = bench.start(flow, run_config=flow.run_config.to_dict())
    bench.ended(run)
    assert said(run) == ["the module's own"]
    run, _ = bench.start(flow)
    bench.ended(run)
    assert run.flow_states == ["Failed"]
    message = run.states[-1][-1]["message"]
    assert "the module 'kept_by_module' of flow 'kept' cannot be imported here; install it" in message
    assert message.endswith("(FLOW_CODE_MISSING)")
