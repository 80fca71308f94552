"""The connection pool: runs a prepared statement that gives one row, and says in the dialect what went wrong.

Sessions are set up by libpq's `options` (UTC, read-only, statement timeout), so no statement is spent on it and no mistake
elsewhere can write. A connection that turns out dead is replaced and the statement run once more: statements only read. The
bytes of the answer are handed on as they came; nothing here looks into them.
"""

from collections.abc import Sequence

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from towpath_read_engine.caching import Lru
from towpath_read_engine.errors import DialectCode, ReadError
from towpath_read_engine.session import ReadSession

_REMEMBERED = 4096
"""Statements of which it is known that they came before; only what comes again is prepared, so what comes once leaves nothing behind."""
_ASKED_IN_A_ROW = 1_000
"""Questions after which a session goes back to the pool, which replaces what has lived long."""
LONGEST_PREPARED = 16_384
"""Bytes of a statement that is kept prepared, in the client and, many times as large, in the server."""
_CLASS_CODES = {"22": DialectCode.DATA_EXCEPTION, "40": DialectCode.CONCURRENT_UPDATE, "54": DialectCode.NOT_SUPPORTED}
_QUERY_CANCELED, _INVALID_ESCAPE = "57014", "22025"
STALE_SCHEMA_STATES = frozenset({"42P01", "42703", "42704", "3F000"})
"""SQLSTATEs which mean that the tables are not what they were when the schema was read."""


class StaleSchemaError(ReadError):
    """The database no longer has what the plan reads; the schema should be read again."""


class Database:
    """A pool of read-only sessions. `open` and `close` may be called again."""

    def __init__(self, url: str, *, max_size: int = 10, statement_timeout: float = 15.0, wait: float = 5.0) -> None:
        self._conninfo = _with_options(url, statement_timeout)
        self._max_size = max_size
        self._wait = wait
        self._pool: AsyncConnectionPool[ReadSession] | None = None
        self._latest: ReadSession | None = None
        self._waiting = self._asked = 0
        self._seen: Lru[int, bool] = Lru(_REMEMBERED, room=_REMEMBERED, largest=1)

    async def open(self) -> None:
        """Start connecting; does not wait for the database."""
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._conninfo,
                min_size=1,
                max_size=self._max_size,
                timeout=self._wait,
                connection_class=ReadSession,
                kwargs={"autocommit": True},
                open=False,
                name="read-engine",
            )
            await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        session, self._latest = self._latest, None
        if pool is not None:
            try:
                await pool.close(timeout=2)
            finally:
                if session is not None:  # a closed pool closes it; an open one would wonder aloud about a session that is dead already
                    await pool.putconn(session)

    async def fetch(self, statement: str, parameters: Sequence[str | None] = (), *, wait: float | None = None) -> bytes:
        """The single value of a statement, as PostgreSQL wrote it.

        Raises:
            ReadError: the statement failed, or the database cannot be reached.
        """
        return (await self.fetch_all(statement, parameters, wait=wait))[0]

    async def fetch_all(self, statement: str, parameters: Sequence[str | None] = (), *, wait: float | None = None) -> tuple[bytes, ...]:
        """The values of a statement that gives one row, as PostgreSQL wrote them.

        Raises:
            ReadError: the statement failed, or the database cannot be reached.
        """
        pool = self._pool
        if pool is None:
            raise _unreachable("it is not open")
        try:
            try:
                return await self._fetch(pool, statement, parameters, wait)
            except psycopg.OperationalError as error:
                if not _is_lost(error):
                    raise
                await self._rest(pool)
                await pool.check()
                return await self._fetch(pool, statement, parameters, wait)
        except (PoolTimeout, PoolClosed) as error:
            raise _unreachable(str(error)) from error
        except UnicodeEncodeError as error:
            raise ReadError(DialectCode.DATA_EXCEPTION, "the request holds text that is not Unicode") from error
        except psycopg.Error as error:
            raise _translated(error) from error

    def _recurs(self, text: bytes) -> bool:
        """Whether a statement came before and is short enough to be kept prepared."""
        if len(text) > LONGEST_PREPARED:
            return False
        key = hash(text)
        before = self._seen.get(key) is not None
        self._seen.put(key, True, 1)
        return before

    async def _fetch(
        self, pool: AsyncConnectionPool[ReadSession], statement: str, parameters: Sequence[str | None], wait: float | None
    ) -> tuple[bytes, ...]:
        session = await self._session(pool, wait)
        try:
            text = statement.encode()
            written = [None if value is None else value.encode() for value in parameters]
            values = await session.values(text, written, keep=self._recurs(text))
            return tuple([b"null" if value is None else value for value in values])
        finally:
            await self._put_back(pool, session)

    async def _session(self, pool: AsyncConnectionPool[ReadSession], wait: float | None) -> ReadSession:
        """The session that was asked last, or one of the pool's.

        The pool gives the one that has rested longest. The one asked last has what it needs in its processor's cache: the same
        statement took some 6 % less.
        """
        if pool is self._pool:
            session, self._latest = self._latest, None
            if session is not None:
                return session
        self._waiting += 1
        try:
            return await pool.getconn(wait)
        finally:
            self._waiting -= 1

    async def _rest(self, pool: AsyncConnectionPool[ReadSession]) -> None:
        """Give the session that was asked last to the pool."""
        if pool is self._pool:
            session, self._latest = self._latest, None
            if session is not None:
                await pool.putconn(session)

    async def _put_back(self, pool: AsyncConnectionPool[ReadSession], session: ReadSession) -> None:
        self._asked = (self._asked + 1) % _ASKED_IN_A_ROW
        is_idle = session.pgconn.transaction_status == TransactionStatus.IDLE
        if is_idle and self._latest is None and not self._waiting and self._asked and self._pool is pool:
            self._latest = session
        else:
            await pool.putconn(session)


def _with_options(url: str, statement_timeout: float) -> str:
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{round(statement_timeout * 1000)}",
        "client_encoding": "UTF8",  # a server without an encoding would give bytes
        "TimeZone": "UTC",
        "DateStyle": "ISO",
        "IntervalStyle": "postgres",
        "extra_float_digits": "1",  # with fewer digits a place is not the value that it was written from
        "jit": "off",  # compiling these short statements costs more than it saves
    }
    given = str(conninfo_to_dict(url).get("options") or "")
    options = " ".join([given, *(f"-c {name}={value}" for name, value in settings.items())]).strip()
    return make_conninfo(url, options=options, application_name="towpath-read-engine")


def _is_lost(error: psycopg.OperationalError) -> bool:
    """Whether the session is gone, which says nothing about the statement."""
    if error.sqlstate is None:
        return not isinstance(error, (PoolTimeout, PoolClosed))
    return error.sqlstate.startswith(("08", "57P"))


def _unreachable(reason: str) -> ReadError:
    return ReadError(DialectCode.POSTGRES_ERROR, f"the database cannot be reached: {reason}")


def _translated(error: psycopg.Error) -> ReadError:
    state = error.sqlstate
    message = error.diag.message_primary or str(error)
    if state is None or state.startswith(("08", "57P", "53")):
        return _unreachable(message)
    if state == _QUERY_CANCELED:
        return ReadError(DialectCode.TIMEOUT, "the statement took too long and was stopped; ask for less at once")
    if state == _INVALID_ESCAPE:
        return ReadError(DialectCode.BAD_REQUEST, message)
    code = _CLASS_CODES.get(state[:2])
    if code is not None:
        return ReadError(code, message)
    kind = StaleSchemaError if state in STALE_SCHEMA_STATES else ReadError
    return kind(DialectCode.UNEXPECTED, "database query error")
