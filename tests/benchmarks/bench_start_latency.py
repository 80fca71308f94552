"""From the call that creates a run to the first line of task code, with a warm agent."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.benchmarks.measure import Measure, percentile
from tests.benchmarks.stage import Stage

ROUNDS = 50
FLOW = """
    import time
    from towpath import Flow, Parameter, task

    @task
    def first(trace):
        now = time.time_ns()
        with open(trace, "w") as file:
            file.write(str(now))

    with Flow("bench-start") as flow:
        first(Parameter("trace"))
"""


def bare_start() -> float:
    """Milliseconds that an interpreter which does nothing takes, at the median."""
    times = []
    for _ in range(10):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        flow_id = stage.register(FLOW)
        stage.start_agent()
        until_code: list[float] = []
        calls: list[float] = []
        for round_ in range(ROUNDS + 3):
            trace = stage.folder / f"trace-{round_}"
            before = time.time_ns()
            run_id = stage.client.create_flow_run(flow_id, parameters={"trace": str(trace)})
            calls.append((time.time_ns() - before) / 1e6)
            if (state := stage.wait_stored(run_id)) != "Success":
                raise RuntimeError(f"the run ended {state}")
            until_code.append((int(trace.read_text()) - before) / 1e6)
    warm, calls = until_code[3:], calls[3:]
    floor = bare_start()
    remark = f"{ROUNDS} runs, one after the other; the call itself {statistics.median(calls):.1f} at the median"
    return [
        Measure(
            name="create call to first line of task code, p50",
            value=percentile(warm, 0.5),
            unit="ms",
            target=60,
            floor=floor,
            floor_is="python -c pass: a process for each run without a warm one to fork from",
            remark=remark,
        ),
        Measure(
            name="create call to first line of task code, p99",
            value=percentile(warm, 0.99),
            unit="ms",
            target=200,
            remark=f"smallest {min(warm):.0f}, p90 {percentile(warm, 0.9):.0f}",
        ),
    ]
