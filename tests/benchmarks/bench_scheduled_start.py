"""How late a run with a scheduled start begins: from the moment for which it was scheduled to the first line of its task code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.benchmarks.bench_start_latency import FLOW
from tests.benchmarks.measure import Measure, percentile
from tests.benchmarks.stage import Stage

RUNS = 12
AHEAD = timedelta(seconds=3)
APART = timedelta(milliseconds=730)
"""So that they do not meet, and fall on different parts of a second and of the five-second sweep."""


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        flow_id = stage.register(FLOW)
        stage.start_agent()
        stage.wait_stored(stage.client.create_flow_run(flow_id, parameters={"trace": str(stage.folder / "warm")}))
        first = datetime.now(UTC) + AHEAD
        due = [first + n * APART for n in range(RUNS)]
        traces = [stage.folder / f"trace-{n}" for n in range(RUNS)]
        runs = [
            stage.client.create_flow_run(flow_id, parameters={"trace": str(trace)}, scheduled_start_time=moment)
            for moment, trace in zip(due, traces, strict=True)
        ]
        for run_id in runs:
            if (state := stage.wait_stored(run_id)) != "Success":
                raise RuntimeError(f"the run ended {state}")
        late = [int(t.read_text()) / 1e6 - m.timestamp() * 1000 for t, m in zip(traces, due, strict=True)]
    return [
        Measure(
            name="a scheduled run starts late by, p50",
            value=percentile(late, 0.5),
            unit="ms",
            target=60,
            remark=f"{RUNS} runs at different instants, {min(late):.0f} to {max(late):.0f}; until the first line of task code",
        )
    ]
