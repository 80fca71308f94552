"""A connection to PostgreSQL by itself."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from towpath_service_kit.connection import Connection
from towpath_service_kit.statements import Statement


@pytest.fixture
async def connection(new_template: Any, new_database: Any) -> Any:
    """A connection of ours."""
    async with await Connection.connect(new_database(new_template("connection", lambda _: None)), autocommit=True) as opened:
        yield opened


async def test_a_statement_whose_caller_is_cancelled_ends_in_the_database_too(connection: Connection) -> None:
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
        assert await connection.rows(Statement(b"select %(text)s::text as text"), {"text": "x" * length}) == [{"text": "x" * length}]


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


async def test_values_and_rows_are_adapted_as_psycopg_does(connection: Connection) -> None:
    """Of every kind, with nulls, and of other types each time."""
    id_ = UUID(int=7)
    statement = Statement(b"select %(a)s::text as a, %(b)s::uuid as b, %(c)s::jsonb as c, %(d)s::int[] as d, '10%%' as e, %(a)s::text as f")
    for a, c, d in (("x", {"y": [1, None]}, [1, 2]), (None, [], None), ("ä", "z", [])):
        row = {"a": a, "b": id_, "c": c, "d": d, "e": "10%", "f": a}
        for _ in range(3):
            assert await connection.rows(statement, {"a": a, "b": id_, "c": Jsonb(c), "d": d}) == [row]


async def test_a_statement_whose_parameters_change_their_types(connection: Connection) -> None:
    """Its rows are read by the types that they have."""
    statement = Statement(b"select %(value)s as value from generate_series(1, 2)")
    for value in (1, 70_000, 1 << 40, "text", True, None, 1):
        for _ in range(3):
            assert await connection.rows(statement, {"value": value}) == [{"value": value}] * 2


async def test_effects_are_counted(connection: Connection) -> None:
    """Rows touched; statements without any touch none."""
    await connection.execute("create temporary table counted (id int)")
    insert, delete = Statement(b"insert into counted select unnest(%(ids)s::int[])"), Statement(b"delete from counted where id > %(id)s")
    for _ in range(3):
        assert await connection.touch(insert, {"ids": [1, 2, 3]}) == 3
        assert await connection.touch(delete, {"id": 1}) == 2
        assert await connection.touch(delete, {"id": 1}) == 0
    assert await connection.rows(delete, {"id": 0}) == []


async def test_few_statements_stay_prepared(connection: Connection) -> None:
    """Those that came twice, the latest; one that went is made again."""
    statements = [Statement(b"select %d as number, %%(id)s::int as id" % number) for number in range(Connection.most_prepared + 20)]
    prepared = Statement(b"select count(*) as number from pg_prepared_statements")
    for _ in range(2):
        await connection.rows(statements[0], {"id": 1})
    assert await connection.rows(prepared, {}) == [{"number": 1}]
    for _ in range(2):
        for number, statement in enumerate(statements):
            assert await connection.rows(statement, {"id": 5}) == [{"number": number, "id": 5}]
    assert await connection.rows(prepared, {}) == [{"number": Connection.most_prepared}]


@pytest.mark.parametrize("change", ["alter table changing alter column id type text", "deallocate all"])
async def test_a_prepared_statement_that_is_no_good_any_more(connection: Connection, change: str) -> None:
    """It fails once at most, and is prepared anew."""
    await connection.execute("create temporary table changing as select 1 as id")
    statement = Statement(b"select id from changing")
    for _ in range(3):
        assert await connection.rows(statement, {}) == [{"id": 1}]
    await connection.execute(change)
    with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidSqlStatementName)):
        await connection.rows(statement, {})
    assert str((await connection.rows(statement, {}))[0]["id"]) == "1"


async def test_a_statement_that_fails_in_a_transaction(connection: Connection) -> None:
    """The transaction is rolled back, and what was prepared in it goes on."""
    statement = Statement(b"select 1 / %(by)s::int as result")

    async def divide() -> None:
        async with connection.transaction():
            assert await connection.rows(statement, {"by": 1}) == [{"result": 1}]
            await connection.rows(statement, {"by": 0})

    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await divide()
        assert connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert await connection.rows(statement, {"by": 1}) == [{"result": 1}]


async def test_callers_at_once_are_served_one_after_the_other(connection: Connection) -> None:
    """As with psycopg's cursors."""
    statement = Statement(b"select %(value)s::int as value, pg_sleep(0.001) is null as slept")
    async with asyncio.timeout(30):
        rows = await asyncio.gather(*(connection.rows(statement, {"value": value}) for value in range(8)))
    assert [row["value"] for (row,) in rows] == list(range(8))


async def test_a_connection_that_is_closed_while_a_statement_waits(connection: Connection) -> None:
    """The statement fails at once."""
    async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as other:
        await other.execute("select pg_advisory_lock(2)")
        waiting = asyncio.create_task(connection.rows(Statement(b"select pg_advisory_lock(2)"), {}))
        await _lock_is_waited_for(other, 1)
        await connection.close()
        async with asyncio.timeout(30):
            with pytest.raises(psycopg.OperationalError):
                await waiting


async def test_what_psycopg_does_itself_drops_nothing_prepared(connection: Connection) -> None:
    """It would after a statement of its own that it has prepared, and a change of a table."""
    statement = Statement(b"select 1 as one")
    for _ in range(3):
        assert await connection.rows(statement, {}) == [{"one": 1}]
    for _ in range(8):
        await connection.execute("select 2", prepare=None)
    await connection.execute("create temporary table dropped (id int)")
    await connection.execute("drop table dropped")
    assert await connection.rows(statement, {}) == [{"one": 1}]


async def test_columns_that_are_renamed(connection: Connection) -> None:
    """A statement that reads whatever columns there are names them as they are called by then; what failed is not left in the server."""
    await connection.execute("create temporary table renamed as select 1 as i")
    statement = Statement(b"select * from renamed")
    for _ in range(3):
        assert await connection.rows(statement, {}) == [{"i": 1}]
    await connection.execute("alter table renamed rename i to j")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        await connection.rows(statement, {})
    for _ in range(3):
        assert await connection.rows(statement, {}) == [{"j": 1}]
    prepared = await (await connection.execute("select count(*) as number from pg_prepared_statements")).fetchall()
    assert prepared == [(1,)]
