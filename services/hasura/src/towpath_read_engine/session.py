"""A session of the database that asks prepared statements straight through libpq.

Every parameter of a compiled statement is text and every answer is one row that is handed on as it came, so of what psycopg does for a
statement (a cursor, adapting parameters, loading rows) nothing is needed: it took as long as the way to the database and back. What
psycopg keeps: connecting, waiting, cancelling, errors.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from psycopg import capabilities
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from towpath_service_kit.connection import Connection

MOST_PREPARED = 200
"""Statements that a session keeps prepared; the one that was not asked for longest goes."""


class ReadSession(Connection):
    """A connection of the pool; one statement at a time."""

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self._names: OrderedDict[bytes, bytes] = OrderedDict()
        self._made = 0

    async def ask(self, statement: bytes, parameters: Sequence[bytes | None], *, keep: bool) -> tuple[bytes | None, ...]:
        """The values of the one row that a statement gives.

        Args:
            statement: With `$1` and so on for parameters.
            parameters: As text.
            keep: Whether the statement is kept prepared for the next time.

        Raises:
            psycopg.Error: The statement failed, or the connection is lost.
        """
        if keep:
            name = self._names.get(statement) or await self._prepare(statement)
            self._names.move_to_end(statement)
            result = await self.wait(_asked_by_name(self.pgconn, name, parameters))
        else:
            result = await self.wait(_asked(self.pgconn, statement, parameters))
        return tuple([result.get_value(0, i) for i in range(result.nfields)])

    async def _prepare(self, statement: bytes) -> bytes:
        while len(self._names) >= MOST_PREPARED:
            _, oldest = self._names.popitem(last=False)
            await self.wait(_closed(self.pgconn, oldest))
        self._made += 1
        name = b"read_%d" % self._made
        await self.wait(_prepared(self.pgconn, name, statement))
        self._names[statement] = name
        return name


def _asked_by_name(connection: PGconn, name: bytes, parameters: Sequence[bytes | None]) -> PQGen[PGresult]:
    connection.send_query_prepared(name, parameters)
    return (yield from _result(connection))


def _asked(connection: PGconn, statement: bytes, parameters: Sequence[bytes | None]) -> PQGen[PGresult]:
    connection.send_query_params(statement, parameters)
    return (yield from _result(connection))


def _prepared(connection: PGconn, name: bytes, statement: bytes) -> PQGen[PGresult]:
    connection.send_prepare(name, statement)
    return (yield from _result(connection))


def _closed(connection: PGconn, name: bytes) -> PQGen[PGresult]:
    if capabilities.has_send_close_prepared():  # libpq 17, and what a pooler between us and the database understands
        connection.send_close_prepared(name)
    else:
        connection.send_query(b"deallocate " + name)
    return (yield from _result(connection))


def _result(connection: PGconn) -> PQGen[PGresult]:
    """The result of what was sent; raises what the database says went wrong."""
    results: list[PGresult] = yield from execute(connection)
    result = results[-1]
    if result.status == ExecStatus.FATAL_ERROR:
        raise error_from_result(result)
    return result
