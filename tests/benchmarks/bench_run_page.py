"""The page of a run with ten thousand tasks in a real Chromium: first full paint of each view, and frames a second while it is panned.

The run is a real one, of an agent; the page is the one that the gateway serves. services/ui/e2e/bench_run_page.mjs says what a full
paint is.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Measure, spread
from tests.benchmarks.stage import Stage

CHILDREN = 10_000
ROUNDS = 5
UI = Path(__file__).resolve().parents[2] / "services" / "ui"
VIEWS = {"graph": "graph", "tasks": "grid of all tasks", "timeline": "timeline"}
FLOW = f"""
    from towpath import Flow, task

    @task(log_stdout=True)
    def numbers():
        print("counting to {CHILDREN}")
        return list(range({CHILDREN}))

    @task(log_stdout=True)
    def nothing(number):
        if number % 20 == 0:
            print(f"at {{number}}")

    with Flow("bench-run-page") as flow:
        nothing.map(numbers)
"""


def run() -> list[Measure]:
    """Measure; needs Node, Chromium and the built page."""
    with Stage() as stage:
        stage.start_agent()
        flow = stage.register(FLOW)
        run_id = str(stage.client.create_flow_run(flow_id=flow))
        state = stage.wait_stored(run_id, timeout=90)
        assert state == "Success", state
        assert stage.rows("select count(*) from task_run where flow_run_id = %s", run_id) == [(CHILDREN + 2,)]
        seen = _look(stage.backend.url, run_id)
    assert all(round_["rows"] == CHILDREN + 2 for round_ in seen["download"]), seen["download"]
    empty = statistics.median(seen["empty"]) / 1000
    download = statistics.median(d["ms"] for d in seen["download"])
    parse = statistics.median(d["parse"] for d in seen["download"])
    size = seen["download"][0]["bytes"] / 1e6
    rows = f"the rows alone: {size:.1f} MB in {download:.0f} ms, {parse:.0f} to parse"
    return [
        Measure(
            name=f"run page, {CHILDREN:,} tasks, first full paint: {words}",
            value=statistics.median(seen["paint"][view]) / 1000,
            unit="s",
            target=1.5,
            floor=empty,
            floor_is="an empty page of the same gateway",
            remark=f"{spread([ms / 1000 for ms in seen['paint'][view]], 2)}; {rows}",
        )
        for view, words in VIEWS.items()
    ] + [
        Measure(
            name=f"run page, {CHILDREN:,} tasks, frames a second while panned: {words}",
            value=pan["fps"],
            unit="/s",
            target=59,  # of a display of 60: the last frame may be cut by the end of the measurement
            better="more",
            remark=f"{pan['frames']} frames, p95 {pan['p95']:.1f} ms, longest {pan['longest']:.0f} ms",
        )
        for view, words in VIEWS.items()
        for pan in [seen["pan"][view]]
    ]


def _look(url: str, run_id: str) -> dict[str, Any]:
    env = {**os.environ, "TOWPATH_UI_URL": url, "TOWPATH_UI_RUN_ID": run_id, "CHILDREN": str(CHILDREN), "ROUNDS": str(ROUNDS)}
    done = subprocess.run(["node", "e2e/bench_run_page.mjs"], cwd=UI, env=env, capture_output=True, text=True, timeout=150, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
