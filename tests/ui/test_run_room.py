"""The room of a run and of a task run in a real Chromium: real backend, real agent, real runs; and a run of ten thousand tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.benchmarks.stage import Stage
from tests.ui.driving import drive, needs_browser, run_script

pytestmark = needs_browser
MANY = 10_000
ROOM = """
    import pathlib, time
    from towpath import Flow, Parameter, task, unmapped

    @task(log_stdout=True)
    def inputs(count):
        print(f"{count} inputs")
        return list(range(count))

    @task(log_stdout=True)
    def hold(gate):
        print("waiting at the gate")
        while not pathlib.Path(gate).exists():
            time.sleep(0.02)

    @task(log_stdout=True)
    def work(number, mend):
        print(f"work {number}")
        if number == 7 and not pathlib.Path(mend).exists():
            raise ValueError("seven is not ready")
        return number

    @task
    def total(numbers):
        return sum(numbers)

    with Flow("room") as flow:
        gate, mend = Parameter("gate"), Parameter("mend")
        numbers = inputs(Parameter("count", default=30))
        held = hold(gate)
        worked = work.map(numbers, mend=unmapped(mend), upstream_tasks=[unmapped(held)])
        total(worked)
"""
PLENTY = f"""
    from towpath import Flow, task

    @task(log_stdout=True)
    def numbers():
        print("counting")
        return list(range({MANY}))

    @task
    def nothing(number):
        return None

    with Flow("plenty") as flow:
        nothing.map(numbers)
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A backend with an agent."""
    with Stage() as found:
        found.start_agent()
        yield found


def test_a_run_is_seen_from_every_side_and_acted_on(stage: Stage) -> None:
    """Each view, one selection, log filters, the task run's page; a failed run restarted, a running one followed, cut off and cancelled."""
    flow = stage.register(ROOM)
    gate, mend = stage.folder / "gate", stage.folder / "mend"
    gate.touch()

    closed = stage.folder / "closed"

    def create(name: str, labels: list[str] | None = None, **parameters: object) -> str:
        given = {"gate": str(gate), "mend": str(mend), **parameters}
        return stage.client.create_flow_run(flow_id=flow, parameters=given, run_name=name, labels=labels)

    failed = create("failed")
    assert stage.wait_stored(failed, timeout=240) == "Failed"
    live = create("live", gate=str(closed), mend=str(gate), count=400)
    endless = create("endless", gate=str(stage.folder / "never"))
    alone = create("alone", labels=["nobody"])
    drive(
        "run_room",
        stage.backend.url,
        15,
        ROOM_FAILED=failed,
        ROOM_LIVE=live,
        ROOM_ENDLESS=endless,
        ROOM_ALONE=alone,
        ROOM_MEND=str(mend),
        ROOM_GATE=str(closed),
    )


def test_ten_thousand_tasks_are_drawn_whole_and_pan_smoothly(stage: Stage) -> None:
    """Graph, grid and timeline show every one of ten thousand task runs with its state. (Speed is judged by the benchmark.)"""
    run = str(stage.client.create_flow_run(flow_id=stage.register(PLENTY)))
    assert stage.wait_stored(run, timeout=300) == "Success"
    seen = run_script("bench_run_page", stage.backend.url, TOWPATH_UI_RUN_ID=run, CHILDREN=str(MANY), ROUNDS="1")
    assert sorted(seen["paint"]) == ["graph", "tasks", "timeline"]
    assert all(ms < 60_000 for view in seen["paint"].values() for ms in view), seen["paint"]
    assert all(pan["frames"] > 2 for pan in seen["pan"].values()), seen["pan"]
    assert [d["rows"] for d in seen["download"]] == [MANY + 2]
