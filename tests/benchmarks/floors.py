"""What the database of a stage can do by itself, for benchmarks of what is built on it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.benchmarks.load import CLIENTS, together
from tests.benchmarks.stage import Stage

_EACH = 150


def commits(stage: Stage) -> float:
    """Durable commits a second, each of one small row, by as many connections as there are clients."""
    stage.database.execute("create table floor_commit (id uuid primary key, text text)")

    def work(barrier: threading.Barrier) -> None:
        with stage.connect() as connection:
            connection.prepare_threshold = 1
            barrier.wait(30)
            for _ in range(_EACH):
                connection.execute("insert into floor_commit values (gen_random_uuid(), 'one small row')")

    works: list[Callable[[threading.Barrier], None]] = [work] * CLIENTS
    return CLIENTS * _EACH / together(works)
