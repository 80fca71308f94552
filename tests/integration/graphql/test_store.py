"""The store on PostgreSQL by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from towpath_graphql.adapters.postgres import PostgresStore
from towpath_service_kit.connection import Connection


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


@pytest.fixture
async def connection(migrated: str, new_database: Any) -> Any:
    """A connection of ours."""
    async with await Connection.connect(new_database(migrated), autocommit=True) as opened:
        yield opened


async def test_a_statement_whose_caller_is_cancelled_ends_in_the_database_too(connection: Connection, migrated: str) -> None:
    """It is cancelled there, and its connection, of which nobody knows what it would answer, is closed."""
    async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as other:
        await other.execute("select pg_advisory_lock(1)")
        waiting = asyncio.create_task(connection.execute("select pg_advisory_lock(1)"))
        await _lock_is_waited_for(other, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert connection.closed
        await _lock_is_waited_for(other, 0)


async def _lock_is_waited_for(other: Any, wanted: int) -> None:
    """Return once that many wait for the lock."""
    query = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    async with asyncio.timeout(30):
        while (await (await other.execute(query)).fetchone()) != (wanted,):  # noqa: ASYNC110 - PostgreSQL tells nobody of it
            await asyncio.sleep(0.005)


async def test_statements_and_answers_of_any_length(connection: Connection) -> None:
    """What does not fit into the socket's buffers is sent and read in pieces, and the next small statement is none the worse for it."""
    for length in (1, 20_000_000, 1):
        (answer,) = await (await connection.statements.execute("select %s::text as text", ["x" * length])).fetchone() or ("",)
        assert answer == "x" * length


async def test_a_server_that_hangs_up(connection: Connection) -> None:
    """An idle connection that the server closes is an error at its next use, and the loop is not kept busy by it until then."""
    await connection.execute("select 1")
    async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as other:
        await other.execute("select pg_terminate_backend(%s, 30000)", [connection.info.backend_pid])
    async with asyncio.timeout(30):
        while connection.watched:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.005)
    with pytest.raises(psycopg.OperationalError):
        await connection.execute("select 1")
    assert connection.closed
