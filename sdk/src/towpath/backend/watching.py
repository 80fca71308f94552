"""Watch a flow run from a program: its states and log lines as they come, until it has ended.

The truth is read; events only say when to look, so waiting costs nothing and an end is seen within milliseconds. Failure cases:

* Events that are lost, or an API without an event bus: it looks by itself, often without a connection for events, seldom with one.
* The API is away: reads are tried again for as long as the client's patience allows.
* A log line with a smaller id may be committed later than its neighbours: lines are read again from a little before the newest one, and
  what was given is not given again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from towpath.backend.documents import PROGRESS
from towpath.client.documents import FLOW_RUN_EVENTS, LOG_STREAM
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import is_a, is_final

if TYPE_CHECKING:
    from towpath.client.client import Client

SWEEP = 15.0
"""Seconds between two looks while events come."""
SWEEP_DEAF = 1.0
"""Seconds between two looks while none can come."""
_SLICE = 0.5
_OVERLAP_MS = 5_000


@dataclass(frozen=True, slots=True)
class FlowRunLog:
    """A line about a flow run: a log line of its own, or a state that it has entered.

    Attributes:
        timestamp: When (aware).
        level: A level of `logging`.
        message: The text.
    """

    timestamp: datetime
    level: int
    message: str


def log_of(row: dict[str, Any]) -> FlowRunLog:
    """A row of the API's log as a line."""
    levels = logging.getLevelNamesMapping()
    return FlowRunLog(datetime.fromisoformat(row["timestamp"]), levels.get(row["level"], logging.INFO), row["message"] or "")


def watch_flow_run(
    flow_run_id: str,
    stream_states: bool = True,
    stream_logs: bool = True,
    max_duration: timedelta = timedelta(hours=12),
    *,
    client: Client | None = None,
    sweep: float = SWEEP,
) -> Iterator[FlowRunLog]:
    """Yield what happens to a flow run until it has ended.

    Args:
        flow_run_id: The run.
        stream_states: Whether to yield a line for each state it enters.
        stream_logs: Whether to yield its log lines.
        max_duration: How long to watch at most.
        client: The API; by default that of the environment's settings.
        sweep: Seconds after which to look without an event.

    Raises:
        TowpathError: `NOT_FOUND`; `TIMEOUT` when the run has not ended in `max_duration`.
    """
    from towpath.client.client import Client

    if client is None:
        with Client() as own:
            yield from watch_flow_run(flow_run_id, stream_states, stream_logs, max_duration, client=own, sweep=sweep)
        return
    deadline = time.monotonic() + max_duration.total_seconds()
    logs = _Logs(client, flow_run_id)
    version = -1
    with _doorbell(client, flow_run_id, logs if stream_logs else None) as bell:
        while True:
            bell.clear()
            run = client.graphql(PROGRESS, {"id": flow_run_id, "version": version})["flow_run_by_pk"]
            if run is None:
                raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id}, or this identity may not read it.")
            if stream_logs:
                yield from logs.new()
            for state in run["states"]:
                version = state["version"]
                if stream_states:
                    yield _entered(state)
            if is_final(run["state"]):
                return
            if time.monotonic() >= deadline:
                sentence = f"Flow run {run['name']!r} ({flow_run_id}) has not ended within {max_duration}; it is {run['state']}."
                raise TowpathError(Code.TIMEOUT, sentence, flow_run_id=flow_run_id)
            bell.wait(sweep, deadline)


def _entered(state: dict[str, Any]) -> FlowRunLog:
    level = logging.ERROR if is_a(state["state"], "Failed") else logging.INFO
    message = f"Entered state <{state['state']}>: {state['message'] or ''}".rstrip(": ")
    return FlowRunLog(datetime.fromisoformat(state["timestamp"]), level, message)


class _Logs:
    """Log lines that were not given yet."""

    def __init__(self, client: Client, flow_run_id: str) -> None:
        self._client = client
        self._id = flow_run_id
        self._seen: set[str] = set()
        self.newest: str | None = None

    def new(self) -> Iterator[FlowRunLog]:
        after = None if self.newest is None else str(UUID(int=max(0, (UUID(self.newest).int >> 80) - _OVERLAP_MS) << 80))
        for row in self._client.get_logs(self._id, after=after):
            if row["id"] not in self._seen:
                self._seen.add(row["id"])
                self.newest = max(self.newest or "", row["id"])
                yield log_of(row)


class _Bell:
    def __init__(self, listen: Callable[[], None]) -> None:
        self._rung = threading.Event()
        self._listen: Callable[[], None] | None = listen
        self.deaf = True

    def ring(self) -> None:
        self._rung.set()

    def clear(self) -> None:
        self._rung.clear()

    def wait(self, sweep: float, deadline: float) -> None:
        """Return when it rings, or when it is time to look anyway; in slices, so that a thread can be interrupted between them."""
        if self._listen is not None:  # after the first look, so that the log's stream need not tell what was read
            listen, self._listen = self._listen, None
            listen()
        began = time.monotonic()
        while (now := time.monotonic()) < min(deadline, began + (min(SWEEP_DEAF, sweep) if self.deaf else sweep)):
            if self._rung.wait(min(_SLICE, max(0.0, deadline - now))):
                return


@contextmanager
def _doorbell(client: Client, flow_run_id: str, logs: _Logs | None) -> Iterator[_Bell]:
    stop = threading.Event()

    def connected() -> None:
        bell.deaf = False
        bell.ring()  # events before now may have been missed

    def disconnected(_: Exception) -> None:
        bell.deaf = True

    def variables() -> dict[str, Any]:
        return {"id": flow_run_id}

    def of_log() -> dict[str, Any]:
        return {"id": flow_run_id, "after_id": logs and logs.newest}

    def hear(document: str, variables: Callable[[], dict[str, Any]]) -> None:
        try:
            events = client.subscribe(document, variables, stop=stop, on_connect=connected, on_disconnect=disconnected)
            for _ in events:
                bell.ring()
        except TowpathError:  # refused: it looks by itself then
            bell.deaf = True

    def listen() -> None:
        heard = [(FLOW_RUN_EVENTS, variables)] + ([] if logs is None else [(LOG_STREAM, of_log)])
        for arguments in heard:
            threading.Thread(target=hear, args=arguments, name="towpath-watch", daemon=True).start()

    bell = _Bell(listen)
    try:
        yield bell
    finally:
        stop.set()
