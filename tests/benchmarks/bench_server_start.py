"""How long `towpath server start` takes until /health says that everything is healthy: on an empty directory, and again on the same one."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.benchmarks.measure import Measure, spread
from towpath_server.embedded import EmbeddedPostgres
from towpath_server.testing import Backend

FIRST, AGAIN = 2, 3


def healthy_after(directory: Path) -> float:
    """Seconds from the start of the process to a healthy answer; it is stopped afterwards."""
    backend = Backend(directory)
    started = time.perf_counter()
    with backend:
        with urllib.request.urlopen(f"{backend.url}/health", timeout=10) as answer:
            if answer.status != 200:
                raise RuntimeError(f"/health answers {answer.status}")
        return time.perf_counter() - started


def postgres_after(directory: Path) -> float:
    """Seconds until PostgreSQL alone accepts connections; it is stopped afterwards."""

    async def start() -> float:
        server = EmbeddedPostgres(directory / "postgres")
        started = time.perf_counter()
        await server.start()
        took = time.perf_counter() - started
        await server.stop()
        return took

    return asyncio.run(start())


def run() -> list[Measure]:
    """Measure."""
    first: list[float] = []
    again: list[float] = []
    floors: tuple[list[float], list[float]] = ([], [])
    for round_ in range(FIRST):
        with tempfile.TemporaryDirectory(prefix="towpath-bench-") as home:
            Path(home).chmod(0o755)  # the account that PostgreSQL runs as must get through
            first.append(healthy_after(Path(home) / "data"))
            again += [healthy_after(Path(home) / "data") for _ in range(AGAIN if round_ == 0 else 0)]
            floors[0].append(postgres_after(Path(home)))
            floors[1].append(postgres_after(Path(home)))
    return [
        Measure(
            name="server start until healthy, first time",
            value=statistics.median(first),
            unit="s",
            target=4,
            floor=statistics.median(floors[0]),
            floor_is="initdb and PostgreSQL alone",
            remark=f"median of {spread(first, 2)}",
        ),
        Measure(
            name="server start until healthy, again",
            value=statistics.median(again),
            unit="s",
            target=2,
            floor=statistics.median(floors[1]),
            floor_is="PostgreSQL alone",
            remark=f"median of {spread(again, 2)}",
        ),
    ]
