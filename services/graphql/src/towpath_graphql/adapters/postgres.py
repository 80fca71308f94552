"""The store on PostgreSQL: a pool, transactions over named queries, and the outbox that commits with them.

Driver errors become `TowpathError` here, once. Rows come as dicts; JSON is read and written with orjson.
"""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from towpath_graphql.adapters import queries
from towpath_graphql.app.ports import Json, Row, Transaction
from towpath_graphql.domain.runs import Event
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7
from towpath_service_kit import tracing
from towpath_service_kit.connection import Connection

_OPTIONS = "-c client_encoding=UTF8 -c timezone=UTC -c application_name=towpath-graphql -c plan_cache_mode=force_generic_plan"
"""Statements come prepared, and no plan of ours hangs on a parameter's value: planning each call anew cost a quarter of its time."""

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""U+0000 as JSON writes it: an odd number of backslashes before the u."""


def _dumps(value: Any) -> bytes:
    # PostgreSQL's jsonb cannot hold U+0000; a log line or a name with it must not make a whole batch fail
    try:
        text = orjson.dumps(value, default=str)
    except orjson.JSONEncodeError as e:
        raise TowpathError(Code.BAD_REQUEST, f"A value of this request cannot be stored as JSON: {e}.") from None
    return _NUL.sub(rb"\1\\ufffd", text) if rb"\u0000" in text else text


async def _configure(connection: Connection) -> None:
    set_json_dumps(_dumps, connection)
    set_json_loads(orjson.loads, connection)


async def _check(connection: Connection) -> None:
    """Refuse a connection that has died in the pool.

    A server that closes a connection says so, or its end of the socket does: an idle connection with something to read is asked, all
    others are as good as they were when they were put back.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)


def make_pool(dsn: str, *, size: int = 8, patience: float = 10) -> AsyncConnectionPool[Connection]:
    """A pool that is not open yet.

    Args:
        dsn: PostgreSQL connection string.
        size: Connections at most.
        patience: Seconds to wait for a connection.
    """
    return AsyncConnectionPool(
        dsn,
        connection_class=Connection,
        kwargs={"row_factory": dict_row, "autocommit": True, "options": _OPTIONS},
        configure=_configure,
        min_size=1,
        max_size=size,
        timeout=patience,
        max_idle=60,
        reconnect_timeout=5,
        check=_check,
        open=False,
    )


def translate(error: psycopg.Error | PoolTimeout) -> TowpathError:
    """A driver's error as ours."""
    if isinstance(error, psycopg.errors.UniqueViolation):
        name = error.diag.constraint_name
        return TowpathError(Code.UNIQUENESS_VIOLATION, "Uniqueness violation.", constraint=name)
    if isinstance(error, psycopg.errors.ForeignKeyViolation):
        return TowpathError(Code.NOT_FOUND, "Something that this request names was deleted meanwhile; look again.")
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        return TowpathError(Code.LIMIT_EXCEEDED, "A name, key or label of this request is too long; keep it below 2,000 characters.")
    if isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
        return TowpathError(Code.API_ERROR, "Two requests were in each other's way and this one gave in; send it again.")
    if isinstance(error, psycopg.errors.DiskFull):
        return TowpathError(Code.DISK_FULL, "The database's disk is full; free some space, and the request can be repeated.")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | PoolTimeout):
        return TowpathError(Code.UNAVAILABLE, "The database does not answer at the moment; try again.")
    if isinstance(error, psycopg.DataError):
        return TowpathError(Code.BAD_REQUEST, f"The database cannot take a value of this request: {error.diag.message_primary or error}.")
    return TowpathError(Code.INTERNAL, "The database refused the request; the service's log has the details.")


def _bound(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value.value) if isinstance(value, Json) else value for name, value in parameters.items()}


class PostgresTransaction:
    """One transaction; see `ports.Transaction` for its obligations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements = queries.statements()
        self._now: datetime | None = None
        self.events: list[Event] = []
        self._taken = 0

    async def all(self, query: str, /, **parameters: Any) -> list[Row]:
        """All rows of a named query."""
        rows = await self._connection.rows(self._statements[query], _bound(parameters))
        if rows and self._now is None and isinstance(rows[0].get("now"), datetime):
            self._now = rows[0]["now"]
        return rows

    async def one(self, query: str, /, **parameters: Any) -> Row | None:
        """The first row of a named query, or None."""
        rows = await self._connection.rows(self._statements[query], _bound(parameters))
        return rows[0] if rows else None

    async def run(self, query: str, /, **parameters: Any) -> int:
        """Run a named query for its effect; the number of rows it touched."""
        return await self._connection.touch(self._statements[query], _bound(parameters))

    async def now(self) -> datetime:
        """The transaction's time."""
        if self._now is None:
            row = await self.one("now")
            assert row is not None
            self._now = row["now"]
        return self._now

    def publish(self, events: Iterable[Event]) -> None:
        """Have these events written to the outbox with the commit."""
        self.events.extend(events)

    def take_events(self) -> Json:
        """What was published so far and is not written yet, for a statement that does so."""
        trace = tracing.current()
        rows = [
            {"id": uuid7(), "tenant_id": e.tenant_id, "type": e.type, "entity_id": e.entity_id, "data": e.data, "trace": trace}
            for e in self.events[self._taken :]
        ]
        self._taken = len(self.events)
        return Json(rows)

    @property
    def taken(self) -> Sequence[Event]:
        """What a statement has taken so far."""
        return self.events[: self._taken]

    async def write_events(self) -> None:
        """Write what is not written yet; the last step before the commit."""
        if self._taken < len(self.events):
            await self.run("write_events", rows=self.take_events())


class PostgresStore:
    """Transactions on a pool of its own. It can be opened again after it was closed.

    Args:
        dsn: PostgreSQL connection string.
        size: Connections at most.
        patience: Seconds for which a transaction waits for a connection.
        on_commit: Called after a commit that wrote events, with them: wakes the relay.
    """

    def __init__(
        self, dsn: str, *, size: int = 8, patience: float = 10, on_commit: Callable[[Sequence[Event]], None] = lambda _: None
    ) -> None:
        self._dsn = dsn
        self._patience = patience
        self._size = size
        self._on_commit = on_commit
        self._pool: AsyncConnectionPool[Connection] | None = None

    async def open(self) -> None:
        """Begin to connect; does not wait for the database."""
        if self._pool is None:
            self._pool = make_pool(self._dsn, size=self._size, patience=self._patience)
            await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[Connection]:
        """A bare connection, for migrations.

        Raises:
            TowpathError: `UNAVAILABLE` when there is none within `timeout` seconds.
        """
        pool = self._pool
        if pool is None:
            raise TowpathError(Code.UNAVAILABLE, "The service is not started; try again.")
        task = asyncio.current_task()
        cancellations = task.cancelling() if task is not None else 0
        try:
            connection = await pool.getconn(timeout)
            try:
                if task is not None and task.cancelling() > cancellations:
                    # asyncio.wait_for of Python 3.11, in the pool, forgets a cancellation that comes together with the connection
                    raise asyncio.CancelledError
                yield connection
            finally:
                await pool.putconn(connection)  # without the commit of `pool.connection()`: transactions here are explicit
        except (psycopg.Error, PoolTimeout) as e:
            raise translate(e) from e

    async def one(self, query: str, /, **parameters: Any) -> Row | None:
        """The first row of a named query that is a transaction by itself, or None."""
        async with self.connection() as connection:
            return await PostgresTransaction(connection).one(query, **parameters)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Transaction]:
        """Each query is a transaction by itself; see `ports.Store`."""
        async with self.connection() as connection:
            statements = PostgresTransaction(connection)
            yield statements
        if taken := statements.taken:
            self._on_commit(taken)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction; commit when the block ends, roll back when it raises."""
        async with self.connection() as connection, connection.transaction():
            transaction = PostgresTransaction(connection)
            yield transaction
            await transaction.write_events()
        if transaction.events:
            self._on_commit(transaction.events)
