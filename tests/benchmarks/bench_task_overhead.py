"""What a task costs beyond its own code: in a chain, reported to a backend, and by `flow.run()` alone."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import textwrap
import time

from tests.benchmarks.measure import Measure, spread
from tests.benchmarks.stage import Stage, clean_env

LENGTH = 100
ROUNDS = 10
TRACKED = f"""
    import time
    from towpath import Flow, Parameter, task

    @task
    def stamp(trace, before=None):
        with open(trace, "a") as file:
            file.write(f"{{time.time_ns()}}\\n")

    @task
    def step(before):
        return before

    with Flow("bench-chain") as flow:
        trace = Parameter("trace")
        last = stamp(trace)
        for _ in range({LENGTH}):
            last = step(last)
        stamp(trace, last)
"""
# a process of its own: what it logs to the console is part of the price and must not be part of our output
ALONE = f"""
    import json, time
    from towpath import Flow, task

    @task
    def step(before):
        return before

    with Flow("bench-chain") as flow:
        last = step(0)
        for _ in range({LENGTH - 1}):
            last = step(last)

    def plain():
        value = 0
        for _ in range({LENGTH}):
            value = step.run(value)

    def timed(work, times):
        found = []
        for _ in range(times):
            started = time.perf_counter()
            work()
            found.append((time.perf_counter() - started) * 1000 / {LENGTH})
        return found

    def flow_run():
        assert flow.run().is_successful()

    timed(flow_run, 3)
    print(json.dumps([timed(flow_run, 30), timed(plain, 30)]))
"""


def tracked() -> Measure:
    """Milliseconds a task between the first and the last line of user code of a chain, while the run reports to its backend."""
    with Stage() as stage:
        flow_id = stage.register(TRACKED)
        stage.start_agent()
        inside: list[float] = []
        whole: list[float] = []
        for round_ in range(ROUNDS + 1):
            trace = stage.folder / f"trace-{round_}"
            started = time.perf_counter()
            run_id = stage.client.create_flow_run(flow_id, parameters={"trace": str(trace)})
            if (state := stage.wait_stored(run_id)) != "Success":
                raise RuntimeError(f"the run ended {state}")
            whole.append((time.perf_counter() - started) * 1000)
            first, last = map(int, trace.read_text().split())
            inside.append((last - first) / 1e6 / (LENGTH + 1))
    return Measure(
        name=f"a task in a chain of {LENGTH}, tracked",
        value=statistics.median(inside[1:]),
        unit="ms",
        target=1.0,
        remark=f"median of {spread(inside[1:], 2)}; the whole run, created to stored: {statistics.median(whole[1:]):.0f} ms",
    )


def alone() -> Measure:
    """Milliseconds a task of `flow.run()` with no backend anywhere."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ALONE)], env=clean_env(), capture_output=True, text=True, check=True, timeout=60
    )
    flow, plain = json.loads(result.stdout.splitlines()[-1])
    return Measure(
        name=f"a task in a chain of {LENGTH}, flow.run() without a server",
        value=statistics.median(flow),
        unit="ms",
        target=0.15,
        floor=statistics.median(plain),
        floor_is="a plain loop over the same functions",
        remark=f"median of {spread(flow, 3)}",
    )


def run() -> list[Measure]:
    """Measure."""
    return [tracked(), alone()]
