"""A connection to PostgreSQL for many small statements: what psycopg makes anew for each statement is kept from one to the next.

What a statement costs here is mostly its way to the database and back. psycopg makes a cursor for each, looks at every column of its
answer, has the loop watch the socket, sets a timer, and takes both back; that is more than half of it. Here a statement goes straight
through libpq. What psycopg still does: connecting, adapting values, cancelling, errors, transactions, whatever comes rarely.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

from psycopg import AsyncConnection, Error, capabilities
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import READY_R, WAIT_R, Ready, Wait

from towpath_service_kit.statements import Statement

RV = TypeVar("RV")
Row: TypeAlias = dict[str, Any]
_Parameters: TypeAlias = Sequence[Buffer | None]
_CHANGED = (FeatureNotSupported, InvalidSqlStatementName)
"""What a prepared statement says whose tables have changed, or which somebody between us and the database has dropped."""
CANCEL = 5.0
"""Seconds that the server gets to hear that nobody waits for a statement any more."""


class Connection(AsyncConnection[Row]):
    """A connection whose socket is watched for as long as nothing unexpected happens on it; one statement at a time.

    It is made for autocommit: what `rows` and `touch` do is a transaction by itself unless `transaction()` stands around it.

    Attributes:
        most_prepared: Statements that stay prepared; the one that was not asked for longest goes.
        given_up: Whether it was closed since a caller was cancelled.
    """

    most_prepared: ClassVar[int] = 200
    given_up: bool = False
    _watched: int | None = None
    _answer: asyncio.Future[None] | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names: OrderedDict[tuple[bytes, tuple[int, ...]], bytes] = OrderedDict()
        self._forms: dict[Statement, _Form] = {}
        self._prefix = secrets.token_hex(4).encode()  # a pooler that mixes connections up gives an error then, not another one's rows
        self._made = 0

    @classmethod
    async def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """See `AsyncConnection.connect`; psycopg prepares nothing itself, for now and then it drops all that is prepared."""
        return await super().connect(conninfo, **{**options, "prepare_threshold": None})

    async def rows(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        """The rows that a statement gives.

        Args:
            statement: Prepared when it comes for the second time.
            values: The parameters by name.

        Raises:
            psycopg.Error: The statement failed, or the connection is lost.
        """
        result, form = await self._carry_out(statement, values)
        return form.rows(result)

    async def touch(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """As `rows`, for a statement's effect: how many rows it touched."""
        result, _ = await self._carry_out(statement, values)
        return result.command_tuples or 0

    async def _carry_out(self, statement: Statement, values: Mapping[str, Any]) -> tuple[PGresult, _Form]:
        form = self._forms.get(statement)
        is_known = form is not None
        if form is None:
            form = self._forms[statement] = _Form(self)
        parameters = form.values.dump_sequence([values[name] for name in statement.names], statement.formats)
        types, formats = form.values.types or (), form.values.formats
        try:
            return await self.ask(statement.text, parameters, types=types, formats=formats, keep=is_known), form
        except _CHANGED:
            self._forms.pop(statement, None)  # its columns may have other names
            raise

    async def ask(
        self, text: bytes, parameters: _Parameters, *, types: tuple[int, ...] = (), formats: Sequence[int] | None = None, keep: bool
    ) -> PGresult:
        """What the database answers to a statement.

        Args:
            text: With `$1` and so on for parameters.
            parameters: As the database reads them.
            types, formats: Of the parameters, where they are not text of the type that the statement lets expect.
            keep: Whether the statement is kept prepared for the next time.

        Raises:
            psycopg.Error: The statement failed, or the connection is lost.
        """
        async with self.lock:
            if not keep:
                return await self.wait(_unnamed(self.pgconn, text, parameters, types, formats))
            key = (text, types)
            name = self._names.get(key)
            if name is None:
                name = await self._prepare(key)
            else:
                self._names.move_to_end(key)
            try:
                return await self.wait(_named(self.pgconn, name, parameters, formats))
            except _CHANGED:
                del self._names[key]  # made anew next time
                with contextlib.suppress(Error):
                    await self.wait(_closed(self.pgconn, name))
                raise

    async def _prepare(self, key: tuple[bytes, tuple[int, ...]]) -> bytes:
        while len(self._names) >= self.most_prepared:
            _, oldest = self._names.popitem(last=False)
            await self.wait(_closed(self.pgconn, oldest))
        self._made += 1
        name = b"towpath_%b_%d" % (self._prefix, self._made)
        await self.wait(_prepared(self.pgconn, name, *key))
        self._names[key] = name
        return name

    @property
    def watched(self) -> bool:
        """Whether the loop is to tell when the server sends something."""
        return self._watched is not None

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Carry out what psycopg wants to do on the socket; see `AsyncConnection.wait`.

        A statement whose caller is cancelled is cancelled, too, and the connection is closed: what it would answer nobody knows.
        """
        try:
            wanted: Wait = next(gen)
            while wanted == WAIT_R and timeout is None:
                await self._readable()
                wanted = gen.send(READY_R)
        except StopIteration as done:
            value: RV = done.value
            return value
        except asyncio.CancelledError:
            await self._give_up()
            raise
        except BaseException:
            self._watch_no_more()  # the socket may be closed, and its number another's soon
            raise
        self._watch_no_more()
        return await super().wait(_from(gen, wanted), interval, timeout)

    async def close(self) -> None:
        """Close it."""
        self._watch_no_more()
        await super().close()

    async def _readable(self) -> None:
        """Return when the server has sent something."""
        loop = asyncio.get_running_loop()
        if self._watched is None:
            self._watched = self.pgconn.socket
            loop.add_reader(self._watched, self._sent)
        self._answer = loop.create_future()
        try:
            await self._answer
        finally:
            self._answer = None

    def _sent(self) -> None:
        if self._answer is None:  # unasked: it closes the connection, most likely; `check` of the pool will see
            self._watch_no_more()
        elif not self._answer.done():
            self._answer.set_result(None)

    def _watch_no_more(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)  # who waits sees what has become of the connection

    async def _give_up(self) -> None:
        self._watch_no_more()
        self.given_up = True
        try:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                with contextlib.suppress(Error):
                    await self.cancel_safe(timeout=CANCEL)
        finally:
            await super().close()


class _Form:
    """How the values of a statement are written and its rows read, found out once for a connection."""

    __slots__ = ("_columns", "_names", "_reading", "values")

    def __init__(self, connection: Connection) -> None:
        self.values = Transformer(connection)
        self._reading = Transformer(connection)
        self._columns: list[int] = []
        self._names: list[str] = []

    def rows(self, result: PGresult) -> list[Row]:
        """The rows of a result."""
        number = result.nfields
        columns = [result.ftype(i) for i in range(number)]
        is_known = columns == self._columns
        self._reading.set_pgresult(result, set_loaders=not is_known)
        if not is_known:
            self._columns = columns
            self._names = [(result.fname(i) or b"").decode() for i in range(number)]
        try:
            return self._reading.load_rows(0, result.ntuples, self._row)
        finally:
            self._reading.set_pgresult(None, set_loaders=False)  # else the rows stay until the next ones

    def _row(self, values: Sequence[Any]) -> Row:
        return dict(zip(self._names, values, strict=True))


class _Expected(logging.Filter):
    """Keeps back the pool's warning of a closed connection that was given up."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (isinstance(record.args, tuple) and any(isinstance(item, Connection) and item.given_up for item in record.args))


logging.getLogger("psycopg.pool").addFilter(_Expected())


def _named(connection: PGconn, name: bytes, parameters: _Parameters, formats: Sequence[int] | None) -> PQGen[PGresult]:
    connection.send_query_prepared(name, parameters, param_formats=formats)
    return (yield from _result(connection))


def _unnamed(
    connection: PGconn, text: bytes, parameters: _Parameters, types: Sequence[int], formats: Sequence[int] | None
) -> PQGen[PGresult]:
    connection.send_query_params(text, parameters, param_types=types or None, param_formats=formats)
    return (yield from _result(connection))


def _prepared(connection: PGconn, name: bytes, text: bytes, types: Sequence[int]) -> PQGen[PGresult]:
    connection.send_prepare(name, text, types or None)
    return (yield from _result(connection))


def _closed(connection: PGconn, name: bytes) -> PQGen[PGresult]:
    if capabilities.has_send_close_prepared():  # libpq 17; a pooler between us and the database understands it
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


def _from(gen: PQGen[RV], wanted: Wait) -> PQGen[RV]:
    """The rest of a generator that has begun, for those who begin generators."""
    while True:
        ready: Ready | int = yield wanted
        try:
            wanted = gen.send(ready)
        except StopIteration as done:
            value: RV = done.value
            return value
