"""Watch a flow run: print its states and log lines as they come, until it has ended.

The truth is read; subscriptions only say when to look. Without them it looks once a second. Log lines are read by id from a little before
the newest one, since a line with a smaller id may be committed later; what was shown is not shown again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from towpath.cli.output import colored, moment
from towpath.cli.service import nobody_serves
from towpath.client import documents
from towpath_proto.errors import TowpathError
from towpath_proto.states import is_final

if TYPE_CHECKING:
    from towpath.client.client import Client

Row = Mapping[str, Any]

_SWEEP = 1.0
_OVERLAP_MS = 5_000


class Watch:
    """Watches one run.

    Args:
        client: The API.
        flow_run_id: The run.
        say: Prints a line.
        states: Whether to print states.
        logs: Whether to print log lines.
        sweep: Seconds between two looks when nothing rings.
    """

    def __init__(
        self,
        client: Client,
        flow_run_id: str,
        *,
        say: Callable[[str], None],
        states: bool = True,
        logs: bool = True,
        sweep: float = _SWEEP,
    ) -> None:
        self._client = client
        self._id = flow_run_id
        self._say = say
        self._states = states
        self._logs = logs
        self._sweep = sweep
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._version = -1
        self._seen: set[str] = set()
        self._newest: str | None = None
        self._warned = False

    def follow(self) -> Row:
        """Print until the run has ended; returns the run."""
        for document in (documents.FLOW_RUN_EVENTS, documents.LOG_STREAM):
            threading.Thread(target=self._listen, args=(document,), daemon=True).start()
        try:
            for run in self._looks():
                if is_final(run["state"]):
                    if self._logs:
                        self._new_logs()
                    return run
        finally:
            self._stop.set()
        raise AssertionError("unreachable")

    def _looks(self) -> Iterator[Row]:
        while True:
            self._bell.clear()
            run = self._client.get_flow_run(self._id)
            if self._logs:
                self._new_logs()
            self._show(run)
            yield run
            self._bell.wait(self._sweep)

    def _show(self, run: Row) -> None:
        # a quick run goes through several states between two looks
        for state in run["states"] if self._states else ():
            if state["version"] > self._version:
                self._version = state["version"]
                when = moment(state["timestamp"])
                clock = f"{when.astimezone():%H:%M:%S}" if when else "        "
                self._say(f"{clock}  {colored(state['state'])}{': ' + state['message'] if state.get('message') else ''}")
        if run["state"] in ("Scheduled", "Queued") and not self._warned:
            self._warned = True
            sentence = nobody_serves(run, self._client.get_agents())
            if sentence:
                self._say(f"          {sentence}")

    def _new_logs(self) -> None:
        after = None if self._newest is None else _earlier(self._newest)
        for row in self._client.get_logs(self._id, after=after):
            if row["id"] not in self._seen:
                self._seen.add(row["id"])
                self._newest = max(self._newest or "", row["id"])
                self._say(log_line(row))

    def _listen(self, document: str) -> None:
        try:
            for _ in self._client.subscribe(document, {"id": self._id}, stop=self._stop, on_connect=self._bell.set):
                self._bell.set()
        except TowpathError:
            # without it the sweep does the work
            return


def _earlier(row_id: str) -> str:
    value = UUID(row_id).int
    floor = max(0, (value >> 80) - _OVERLAP_MS)
    return str(UUID(int=floor << 80))


def log_line(row: Row) -> str:
    """A log row as a line."""
    when = moment(row["timestamp"])
    clock = f"{when.astimezone():%H:%M:%S}" if when else "        "
    task = row.get("task_run") or {}
    name = (task.get("task") or {}).get("name") or ""
    index = task.get("map_index", -1)
    where = f"{name}[{index}]" if name and index is not None and index >= 0 else name or row.get("name") or ""
    return f"{clock}  {row['level']:<8} {where} | {row['message']}"
