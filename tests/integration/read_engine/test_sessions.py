"""Which session of the database is asked, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from towpath_read_engine.database import Database
from towpath_read_engine.errors import ReadError

_PID = "select pg_backend_pid()::text"
_WAITS = "select pg_advisory_xact_lock_shared(7)::text"


@pytest.fixture
async def database(library_url: str) -> AsyncIterator[Database]:
    """Three sessions at most."""
    database = Database(library_url, max_size=3)
    await database.open()
    yield database
    await database.close()


async def _at_once(database: Database, url: str, number: int) -> None:
    """So many statements run at the same time."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
        await other.execute("select pg_advisory_lock(7)")
        asked = [asyncio.create_task(database.fetch(_WAITS)) for _ in range(number)]
        query = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        async with asyncio.timeout(30):
            while (await (await other.execute(query)).fetchone()) != (min(number, 3),):  # noqa: ASYNC110 - PostgreSQL tells nobody of it
                await asyncio.sleep(0.005)
        await other.execute("select pg_advisory_unlock(7)")
        await asyncio.gather(*asked)


async def test_one_caller_is_served_by_one_session(database: Database, library_url: str) -> None:
    """However many there are: the one that was asked last has its plans and rows in the processor's cache."""
    await _at_once(database, library_url, 3)
    assert len({await database.fetch(_PID) for _ in range(10)}) == 1


async def test_more_callers_than_sessions_are_all_served(database: Database, library_url: str) -> None:
    """Nobody waits for a session that rests."""
    async with asyncio.timeout(60):
        for _ in range(3):
            await _at_once(database, library_url, 7)


async def test_a_session_that_died_at_rest_is_replaced(database: Database, library_url: str) -> None:
    """Its caller is answered by another one and notices nothing."""
    pid = int(await database.fetch(_PID))
    async with await psycopg.AsyncConnection.connect(library_url, autocommit=True) as other:
        assert await (await other.execute("select pg_terminate_backend(%s, 5000)", [pid])).fetchone() == (True,)
    assert int(await database.fetch(_PID)) != pid


async def test_a_statement_that_fails_costs_no_session(database: Database) -> None:
    """Prepared or not; parameters of every kind arrive."""
    pid = await database.fetch(_PID)
    for _ in range(3):
        with pytest.raises(ReadError, match="invalid input syntax"):
            await database.fetch("select $1::int::text", ["x"])
        assert await database.fetch("select $1::int::text", ["7"]) == b"7"
        assert await database.fetch_all("select $1::text, $2::text", [None, "ä"]) == (b"null", "ä".encode())
    assert await database.fetch(_PID) == pid


async def test_statements_and_answers_of_any_length(database: Database) -> None:
    """What does not fit into the socket's buffers is sent and read in pieces."""
    for length in (1, 20_000_000, 1):
        assert await database.fetch("select $1::text", ["x" * length]) == b"x" * length


async def test_a_closed_database_leaves_no_session(library_url: str) -> None:
    """The one that was asked last ends, too; opened again, it answers again."""
    database = Database(library_url, max_size=3)
    async with await psycopg.AsyncConnection.connect(library_url, autocommit=True) as other:
        for _ in range(2):
            await database.open()
            pid = int(await database.fetch(_PID))
            await database.close()
            async with asyncio.timeout(30):
                query = "select count(*) from pg_stat_activity where pid = %s"
                while (await (await other.execute(query, [pid])).fetchone()) != (0,):  # noqa: ASYNC110 - PostgreSQL tells nobody of it
                    await asyncio.sleep(0.005)


async def test_a_database_that_is_closed_in_a_hurry(library_url: str) -> None:
    """Its last session does not outlive it, whatever the moment, and opened again it answers."""
    database = Database(library_url, max_size=2)
    for steps in range(12):
        await database.open()
        await database.fetch(_PID)
        closing = asyncio.create_task(database.close())
        for _ in range(steps):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        if closing.cancelled() and database._pool is not None:  # it had not begun
            await database.close()
        assert database._latest is None
    await database.open()
    assert int(await database.fetch(_PID)) > 0
    await database.close()
