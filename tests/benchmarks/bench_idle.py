"""What the backend costs when nothing happens: memory and CPU of all its processes, PostgreSQL and NATS among them."""

from __future__ import annotations

import time

from tests.benchmarks.measure import Measure
from tests.benchmarks.processes import cpu_seconds, cpu_since, family, kind, pss
from tests.benchmarks.stage import Stage

SETTLE = 10.0
WATCHED = 20.0


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        stage.database.close()  # our own look into the database is not part of an idle backend
        time.sleep(SETTLE)
        began, before = time.monotonic(), cpu_seconds(stage.backend.pid)
        time.sleep(WATCHED)
        used = cpu_since(stage.backend.pid, before)
        watched = time.monotonic() - began
        processes = family(stage.backend.pid)
        parts: dict[str, float] = {}
        for process in processes:
            parts[kind(process)] = parts.get(kind(process), 0.0) + pss(process)
    share_of_cpu = ", ".join(f"{name} {seconds / watched * 100:.2f}" for name, seconds in sorted(used.items(), key=lambda p: -p[1]))
    share = ", ".join(f"{name} {size:.0f}" for name, size in sorted(parts.items(), key=lambda p: -p[1]))
    return [
        Measure(
            name="idle backend, memory (PSS)",
            value=sum(parts.values()),
            unit="MiB",
            target=220,
            floor=parts.get("PostgreSQL", 0.0) + parts.get("NATS", 0.0),
            floor_is="PostgreSQL and NATS in it",
            remark=f"{len(processes)} processes: {share}",
        ),
        Measure(
            name="idle backend, CPU",
            value=sum(used.values()) / watched * 100,
            unit="% of a core",
            target=1.5,
            remark=f"over {WATCHED:.0f} s, {SETTLE:.0f} s after the start; no agent; {share_of_cpu}",
        ),
    ]
