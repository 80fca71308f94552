"""Artifacts as authors make them: they reach the run's reporter from every executor, whole and in order, and belong to a running task."""

from __future__ import annotations

from uuid import UUID

import pytest

from towpath import Flow, artifacts, task
from towpath.backend import create_link_artifact, create_markdown_artifact, delete_artifact, update_markdown_artifact
from towpath.engine.reporting import Artifact, MemoryReporter
from towpath.engine.run import FlowRun
from towpath.executors import LocalDaskExecutor, LocalExecutor
from towpath.log_relay import Joining, parts
from towpath_proto.artifacts import MAX_BYTES
from towpath_proto.errors import Code, TowpathError

LARGE = "é" * 400_000


@task
def show(name):
    made = create_markdown_artifact(f"# {name}")
    update_markdown_artifact(made, LARGE)
    delete_artifact(made)
    return made


def _run(executor):
    with Flow("shows") as flow:
        link = task(lambda: create_link_artifact("https://example.com"), name="link")()
        shown = show.map(["a", "b"])
    reporter = MemoryReporter()
    state = FlowRun(flow, reporter=reporter, executor=executor).run()
    assert state.is_successful(), state.message
    return reporter, state.result[link].result, state.result[shown].result


@pytest.mark.parametrize("executor", [LocalExecutor(), LocalDaskExecutor(scheduler="threads"), LocalDaskExecutor(scheduler="processes")])
def test_every_executor_tells_the_reporter(executor):
    """Each artifact is told with its task and id, its changes follow in order, and one of nearly a megabyte arrives whole."""
    reporter, link, (first, second) = _run(executor)
    told = {a.id: [] for a in reporter.artifacts}
    for a in reporter.artifacts:
        told[a.id].append(a)
    assert told[link] == [Artifact(link, {"link": "https://example.com"}, "link", "link-1", -1)]
    for index, made in enumerate((first, second)):
        new = Artifact(made, {"markdown": f"# {'ab'[index]}"}, "markdown", "show-1", index)
        assert told[made] == [new, Artifact(made, {"markdown": LARGE}), Artifact(made)]
        assert UUID(made).version == 7


def test_without_a_reporter_nothing_is_shown():
    """`flow.run()` without a backend runs such tasks, too."""
    with Flow("alone") as flow:
        show("x")
    assert flow.run().is_successful()


def test_outside_of_a_task_none_is_made():
    """An artifact without a task is refused, with a sentence that says where to make it."""
    with pytest.raises(TowpathError, match="in the task's run method") as caught:
        create_link_artifact("https://example.com")
    assert caught.value.code is Code.BAD_REQUEST


def test_bounds():
    """What is no text, and more than the API takes, fails in the task that does it."""
    with Flow("bounds") as flow:
        large = task(lambda: create_markdown_artifact("x" * MAX_BYTES), name="large")()
        number = task(lambda: create_link_artifact(7), name="number")()
    state = flow.run()
    assert [state.result[t].result.code for t in (large, number)] == [Code.PAYLOAD_TOO_LARGE, Code.BAD_REQUEST]


def test_prefects_older_names():
    """`create_link` and its like are the same functions."""
    assert artifacts.create_link is create_link_artifact
    assert artifacts.create_markdown is create_markdown_artifact
    assert artifacts.update_markdown is update_markdown_artifact


def test_a_message_in_parts_that_broke_off_is_forgotten():
    """Parts of an interrupted message are dropped; the next one is whole."""
    joining = Joining()
    broken, whole = list(parts({"artifact": "x" * 200_000})), {"artifact": "y" * 200_000}
    assert [joining.add(d) for d in broken[:2]] == [None, None]
    assert [joining.add(d) for d in parts(whole)][-1] == whole
    assert joining.add(broken[2]) is None
    assert [joining.add(d) for d in parts({"msg": "small"})] == [{"msg": "small"}]
