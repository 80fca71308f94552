"""The store on PostgreSQL by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from towpath_graphql.adapters.postgres import PostgresStore


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancellation_that_comes_together_with_a_connection_is_not_forgotten(migrated: str, new_database: Any, steps: int) -> None:
    """Whatever the moment, a task that waits for a connection ends when it is cancelled, and the connection is not lost."""
    store = PostgresStore(new_database(migrated), size=1)
    await store.open()
    used = False

    async def use() -> None:
        nonlocal used
        async with store.transaction() as tx:
            used = True
            await tx.now()
            await asyncio.Event().wait()

    try:
        async with store.transaction() as held:
            await held.now()
            waiting = asyncio.create_task(use())
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.cancel()
        done, _ = await asyncio.wait([waiting], timeout=60)
        assert done, f"the cancellation was forgotten (used: {used})"
        assert waiting.cancelled()
        async with asyncio.timeout(60), store.transaction() as tx:
            await tx.now()
    finally:
        waiting.cancel()
        await store.close()
