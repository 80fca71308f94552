"""A connection to PostgreSQL for many small statements: what psycopg makes anew for each statement is kept from one to the next.

What a statement costs here is mostly its way to the database and back. psycopg makes a cursor for each, and for each answer has the loop
watch the socket, sets a timer, and takes both back; that is half of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, TypeAlias, TypeVar

from psycopg import AsyncConnection, AsyncCursor, Error
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.waiting import READY_R, WAIT_R, Ready, Wait

RV = TypeVar("RV")
Row: TypeAlias = dict[str, Any]
CANCEL = 5.0
"""Seconds that the server gets to hear that nobody waits for a statement any more."""


class Connection(AsyncConnection[Row]):
    """A connection with one cursor for all statements, whose socket is watched for as long as nothing unexpected happens on it."""

    _kept: AsyncCursor[Row] | None = None
    _watched: int | None = None
    _answer: asyncio.Future[None] | None = None

    @property
    def statements(self) -> AsyncCursor[Row]:
        """The cursor; the rows of a statement are taken before the next one is sent."""
        if self._kept is None:
            self._kept = self.cursor()
        return self._kept

    @property
    def watched(self) -> bool:
        """Whether the loop is to tell when the server sends something."""
        return self._watched is not None

    def forget_rows(self) -> None:
        """Let go of the last statement's rows, which the cursor would hold until the next one."""
        self._kept = None

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

    async def _give_up(self) -> None:
        self._watch_no_more()
        try:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                with contextlib.suppress(Error):
                    await self.cancel_safe(timeout=CANCEL)
        finally:
            await super().close()


def _from(gen: PQGen[RV], wanted: Wait) -> PQGen[RV]:
    """The rest of a generator that has begun, for those who begin generators."""
    while True:
        ready: Ready | int = yield wanted
        try:
            wanted = gen.send(ready)
        except StopIteration as done:
            value: RV = done.value
            return value
