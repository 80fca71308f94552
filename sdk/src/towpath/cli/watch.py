"""Watch a flow run: print its states and log lines as they come, until it has ended.

The truth is read; subscriptions only say when to look. Without them it looks once a second. Log lines are read by id from a little before
the newest one, since a line with a smaller id may be committed later; what was shown is not shown again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from towpath.cli.output import moment
from towpath.cli.service import nobody_serves
from towpath.cli.style import clean, colored
from towpath.client import documents
from towpath_proto.errors import TowpathError
from towpath_proto.states import is_final

if TYPE_CHECKING:
    from towpath.client.client import Client

Row = Mapping[str, Any]

_SWEEP = 1.0
_OVERLAP_MS = 5_000
_PAGE = 5_000


class Lines:
    """The log lines of a run, each once.

    Args:
        client: The API.
        flow_run_id: The run.
        level: Only lines of these levels; empty for all.
        since: Only lines that are not older (aware).
        task: Only lines of the task of this name or slug.
        tail: Of the lines that are there at first, only the last so many.
    """

    def __init__(
        self,
        client: Client,
        flow_run_id: str,
        *,
        level: Sequence[str] = (),
        since: datetime | None = None,
        task: str | None = None,
        tail: int | None = None,
    ) -> None:
        self._client = client
        self._where: dict[str, Any] = {"flow_run_id": {"_eq": flow_run_id}}
        if level:
            self._where["level"] = {"_in": list(level)}
        if since is not None:
            self._where["timestamp"] = {"_gte": since.isoformat()}
        if task is not None:
            self._where["task_run"] = {"task": {"_or": [{"name": {"_eq": task}}, {"slug": {"_eq": task}}]}}
        self._tail = tail
        self._seen: set[str] = set()
        self._newest: str | None = None

    @property
    def newest(self) -> str | None:
        """The id of the newest line that was given."""
        return self._newest

    def new(self) -> Iterator[Row]:
        """The lines that were not given before, in order of receipt."""
        if self._tail is not None:
            tail, self._tail = self._tail, None
            rows = self._client.find_logs(self._where, limit=max(1, tail), newest=True)
            for row in rows:
                self._note(row)
            yield from rows if tail else ()
            return
        after = None if self._newest is None else _earlier(self._newest)
        self._seen = {row_id for row_id in self._seen if after is not None and row_id > after}
        while True:
            where = self._where if after is None else {**self._where, "id": {"_gt": after}}
            rows = self._client.find_logs(where, limit=_PAGE)
            for row in rows:
                if row["id"] not in self._seen:
                    self._note(row)
                    yield row
            if len(rows) < _PAGE:
                return
            after = rows[-1]["id"]

    def _note(self, row: Row) -> None:
        self._seen.add(row["id"])
        self._newest = max(self._newest or "", row["id"])


class Watch:
    """Watches one run.

    Args:
        client: The API.
        flow_run_id: The run.
        say: Prints a line.
        states: Whether to print states.
        lines: Which log lines to print; all when absent.
        as_json: Print each log line as one JSON object.
        sweep: Seconds between two looks when nothing rings.
    """

    def __init__(
        self,
        client: Client,
        flow_run_id: str,
        *,
        say: Callable[[str], None],
        states: bool = True,
        lines: Lines | None = None,
        as_json: bool = False,
        sweep: float = _SWEEP,
    ) -> None:
        self._client = client
        self._id = flow_run_id
        self._say = say
        self._states = states
        self._lines = lines or Lines(client, flow_run_id)
        self._as_json = as_json
        self._sweep = sweep
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._version = -1
        self._warned = False

    def follow(self) -> Row:
        """Print until the run has ended; returns the run."""
        listening = False
        try:
            for run in self._looks():
                if is_final(run["state"]):
                    self._new_logs()
                    return run
                if not listening:  # after the first look, so that the stream need not tell what was read; each connection looks again
                    listening = True
                    for document in (documents.FLOW_RUN_EVENTS, documents.LOG_STREAM):
                        threading.Thread(target=self._listen, args=(document,), daemon=True).start()
        finally:
            self._stop.set()
        raise AssertionError("unreachable")

    def _looks(self) -> Iterator[Row]:
        while True:
            self._bell.clear()
            run = self._client.get_flow_run(self._id)
            self._new_logs()
            self._show(run)
            yield run
            self._bell.wait(self._sweep)

    def _show(self, run: Row) -> None:
        if not self._states:
            return
        # a quick run goes through several states between two looks
        for state in run["states"]:
            if state["version"] > self._version:
                self._version = state["version"]
                when = moment(state["timestamp"])
                clock = f"{when.astimezone():%H:%M:%S}" if when else "        "
                self._say(f"{clock}  {colored(state['state'])}{': ' + clean(state['message']) if state.get('message') else ''}")
        if run["state"] in ("Scheduled", "Queued") and not self._warned:
            self._warned = True
            sentence = nobody_serves(run, self._client.get_agents())
            if sentence:
                self._say(f"          {sentence}")

    def _new_logs(self) -> None:
        for row in self._lines.new():
            self._say(json.dumps(row, ensure_ascii=False) if self._as_json else log_line(row))

    def _listen(self, document: str) -> None:
        def variables() -> dict[str, Any]:
            return {"id": self._id, **({"after_id": self._lines.newest} if document == documents.LOG_STREAM else {})}

        try:
            for _ in self._client.subscribe(document, variables, stop=self._stop, on_connect=self._bell.set):
                self._bell.set()
        except TowpathError:
            # without it the sweep does the work
            return


def _earlier(row_id: str) -> str:
    value = UUID(row_id).int
    floor = max(0, (value >> 80) - _OVERLAP_MS)
    return str(UUID(int=floor << 80))


def log_line(row: Row, *, date: bool = False) -> str:
    """A log row as a line, its level coloured on a terminal; with `date`, the day too."""
    when = moment(row["timestamp"])
    clock = f"{when.astimezone():{'%Y-%m-%d ' if date else ''}%H:%M:%S}" if when else "        "
    level = f"{row['level']:<8}"
    tone = {"ERROR": "Failed", "CRITICAL": "Failed", "WARNING": "Retrying"}.get(row["level"])
    return f"{clock}  {colored(tone, text=level) if tone else level} {log_place(row)} | {clean(row['message'] or '')}"


def log_place(row: Row) -> str:
    """Where a log line comes from: its task, or its logger."""
    task = row.get("task_run") or {}
    name = (task.get("task") or {}).get("name") or ""
    index = task.get("map_index", -1)
    return f"{name}[{index}]" if name and index is not None and index >= 0 else str(name or row.get("name") or "")
