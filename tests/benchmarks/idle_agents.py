"""What an agent costs that waits for work."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator

from tests.benchmarks.measure import Measure
from tests.benchmarks.processes import cpu_seconds, cpu_since, family, pss
from tests.benchmarks.stage import TOWPATH, Stage, wait_until

SETTLE = 10.0
WATCHED = 60.0


@contextlib.contextmanager
def running(stage: Stage, kind: str, *options: str) -> Iterator[int]:
    """An agent's process, registered; its id."""
    log = stage.folder / f"{kind}.log"
    with log.open("wb") as output:
        agent = subprocess.Popen(
            [TOWPATH, "agent", kind, "start", "--name", "bench", *options],
            env=stage.env,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until("the agent registers", lambda: "Agent bench registered" in log.read_text())
        yield agent.pid
    finally:
        agent.terminate()
        agent.wait(20)


def idle(stage: Stage, kind: str, *options: str, memory: float) -> list[Measure]:
    """An agent that waits. The runner of the local one is a process of its own, and no child of it.

    Args:
        stage: The backend that it asks.
        kind: Its kind.
        options: Further options of its command.
        memory: MiB that it must stay below.
    """
    with running(stage, kind, *options) as pid:
        time.sleep(SETTLE)
        began, before = time.monotonic(), cpu_seconds(pid)
        time.sleep(WATCHED)
        used = sum(cpu_since(pid, before).values()) / (time.monotonic() - began) * 100
        held = sum(pss(process) for process in family(pid))
    return [
        Measure(name=f"idle {kind} agent, memory (PSS)", value=held, unit="MiB", target=memory),
        Measure(name=f"idle {kind} agent, CPU", value=used, unit="% of a core", target=0.5, remark=f"over {WATCHED:.0f} s"),
    ]
