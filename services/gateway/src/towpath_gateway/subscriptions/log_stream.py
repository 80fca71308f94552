"""A flow run's log as it grows: what is stored, then what comes, each row once and none left out.

Rows are read from the read back end by their id, which is the time of their receipt; events only say when to look. Failure cases:

- *A row becomes visible late*: ids are made before the transaction commits, so a row may appear behind one that was read already. Each look
  therefore begins some seconds before the last row seen, and rows seen before are left out. Looks by timer begin further back.
- *A client comes back*: it names the last row that it has. Which of the rows shortly before it it has, only it knows: they come again.
- *A hint is lost*: a look by timer finds the row.
- *The read back end is away*: the stream waits and looks again; it does not end.
- *The client is slow*: nothing is read while it is being sent to, so nothing piles up here.
- *Rows are long*: a page has fewer of them (`paging`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_gateway.backends import Backends, Caller
from towpath_gateway.splitting import Side
from towpath_gateway.subscriptions.hints import Hints
from towpath_gateway.subscriptions.paging import Paging
from towpath_proto import wire
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.logs import get_log

_log = get_log(__name__)
OVERLAP = 2.0
"""Seconds before the last row at which a look begins that an event asked for."""
LONG_OVERLAP = 15.0
"""The same for a look by timer: a row that appears later than this is not found."""
_EVENTS = frozenset({"log.written"})
_FIRST = UUID(int=0)
_QUERY = """query($run: uuid!, $after: uuid!, $limit: Int!%s) {
  log(where: {flow_run_id: {_eq: $run}, id: {_gt: $after}%s}, order_by: {id: asc}, limit: $limit) {
    id flow_run_id task_run_id timestamp level name message info
  }
}"""
_ALL = _QUERY % ("", "")
_SINCE = _QUERY % (", $since: timestamptz!", ", timestamp: {_gt: $since}")


class LogReader:
    """Reads a flow run's rows in order of receipt, each once.

    Args:
        backends: Where they are read.
        caller: Who reads.
        flow_run: The flow run.
        since: Rows with an earlier or the same timestamp are left out.
        after_id: A row that is known already; from the beginning by default.
    """

    def __init__(
        self, backends: Backends, caller: Caller, flow_run: UUID, *, since: datetime | None = None, after_id: UUID | None = None
    ) -> None:
        self._backends = backends
        self._caller = caller
        self._flow_run = flow_run
        self._since = since
        self._seen: dict[UUID, None] = {} if after_id is None else {after_id: None}
        self._last = after_id or _FIRST
        self._paging = Paging()

    async def look(self, overlap: float) -> AsyncGenerator[list[dict[str, Any]], None]:
        """The rows not given before, a page at a time."""
        after = self._start(overlap)
        full = True
        while full:
            rows, full = await self._page(after)
            new = [row for row in rows if UUID(row["id"]) not in self._seen]
            self._seen |= dict.fromkeys(UUID(row["id"]) for row in new)
            if rows:
                after = UUID(rows[-1]["id"])
                self._last = max(self._last, after)
            if new:
                yield new
            self._forget()

    def _start(self, overlap: float) -> UUID:
        if self._last == _FIRST:
            return _FIRST
        milliseconds = max((self._last.int >> 80) - int(overlap * 1_000), 0)
        # one below the first id of that moment, because the query leaves its bound out
        return UUID(int=max((milliseconds << 80) - 1, 0))

    def _forget(self) -> None:
        floor = self._start(LONG_OVERLAP + 1.0)
        self._seen = {row: None for row in self._seen if row > floor}

    async def _page(self, after: UUID) -> tuple[list[dict[str, Any]], bool]:
        """The rows after one, and whether there may be more."""
        variables: dict[str, Any] = {"run": self._flow_run, "after": after}
        query = _ALL
        if self._since is not None:
            query = _SINCE
            variables["since"] = self._since
        while True:
            limit = self._paging.rows
            answer = await self._backends.ask(Side.READ, query, {**variables, "limit": limit}, self._caller)
            try:
                rows: list[dict[str, Any]] = wire.decode(answer.status, answer.body)["log"]
            except TowpathError as e:
                if e.code is not Code.LIMIT_EXCEEDED or not self._paging.shrink():
                    raise
                continue
            if self._paging.accepts(len(answer.body), len(rows)):
                return rows, len(rows) == limit


async def log_stream(
    hints: Hints,
    backends: Backends,
    caller: Caller,
    *,
    flow_run: UUID,
    since: datetime | None,
    after_id: UUID | None,
    sweep: float,
) -> AsyncGenerator[dict[str, Any], None]:
    """A flow run's log: `{"logs": [row]}` for each page with new rows."""
    reader = LogReader(backends, caller, flow_run, since=since, after_id=after_id)
    async with hints.listen(caller.identity.tenant, flow_run, _EVENTS) as listener:
        overlap = LONG_OVERLAP
        while True:
            try:
                async with aclosing(reader.look(overlap)) as pages:
                    async for rows in pages:
                        yield {"logs": rows}
            except TowpathError as e:
                if e.code not in (Code.UNAVAILABLE, Code.TIMEOUT):
                    raise
                _log.warning("log_stream_waits", flow_run_id=str(flow_run), cause=e.message)
            heard = await listener.wait(sweep)
            _, missed = listener.take()
            overlap = OVERLAP if heard and not missed else LONG_OVERLAP
