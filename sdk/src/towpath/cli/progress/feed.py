"""Reads what the live view shows. The truth is read; subscriptions only say when to look, and a sweep looks anyway.

One look is one request, whose size does not grow with the number of mapped runs: they are counted by the API, task by task, and only those
that have not all ended. When the API is away the feed says so and goes on trying: a watched run needs no watcher.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from towpath.cli.output import moment
from towpath.cli.progress.graph import Place, in_order
from towpath.cli.progress.model import Children, Progress, TaskLine
from towpath.cli.service import nobody_serves
from towpath.cli.watch import log_line
from towpath.client import documents
from towpath.client.transport import backoff
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import is_final

if TYPE_CHECKING:
    from towpath.client.client import Client

Row = Mapping[str, Any]

_SWEEP = 1.0
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_SHARE = 4
"""After a look the feed rests this many times as long as the look took, so that watching a big run is cheap."""
_LINES = 12
_COUNTED_AT_ONCE = 40
_RATE_WINDOW = 10.0
_AGENTS_EVERY = 5.0
_AWAY = (Code.UNREACHABLE, Code.UNAVAILABLE, Code.TIMEOUT)


class Feed:
    """Follows one run.

    Args:
        client: The API.
        flow_run_id: The run.
        changed: Called after each look, from the feed's thread.
        clock: Monotonic seconds.
    """

    def __init__(
        self, client: Client, flow_run_id: str, *, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._id = flow_run_id
        self._changed = changed
        self._clock = clock
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._flow: Row | None = None
        self._places: list[tuple[Place, str]] = []
        self._children: dict[str, Children] = {}
        self._times: dict[str, tuple[Any, Any]] = {}
        self._marks: dict[str, deque[tuple[float, int]]] = {}
        self._parents: dict[str, str] = {}
        self._settled: set[str] = set()
        self._attempt = 0
        self._notice = ("", -_AGENTS_EVERY)
        self.progress: Progress | None = None
        self.run: Row = {}
        self.failure: TowpathError | None = None
        self.trouble = ""

    def start(self) -> None:
        """Begin to follow, in threads of its own."""
        threading.Thread(target=self._follow, name="towpath watch", daemon=True).start()
        for document in (documents.FLOW_RUN_EVENTS, documents.TASK_RUN_EVENTS, documents.LOG_STREAM):
            threading.Thread(target=self._listen, args=(document,), daemon=True).start()

    def stop(self) -> None:
        """Follow no longer."""
        self._stop.set()
        self._bell.set()

    def _listen(self, document: str) -> None:
        variables = {"id": self._id}
        try:
            for _ in self._client.subscribe(document, variables, stop=self._stop, on_connect=self._bell.set):
                self._bell.set()
        except TowpathError:  # without it the sweep does the work
            return

    def _follow(self) -> None:
        failed = 0
        while not self._stop.is_set():
            self._bell.clear()
            began = self._clock()
            try:
                again = self.look()
                failed, self.trouble = 0, ""
            except TowpathError as e:
                if e.code not in _AWAY:
                    self.failure = e
                    self._changed()
                    return
                failed += 1
                self.trouble = f"No connection to the API ({e.detail.get('why') or 'not available'}); trying again. The run goes on."
                self._changed()
                self._stop.wait(backoff(failed, first=0.2, longest=_LONGEST_PAUSE))
                continue
            self._changed()
            if again:
                continue
            if self.progress is not None and self.progress.ended:
                return
            self._stop.wait(min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, _SHARE * (self._clock() - began))))
            self._bell.wait(_SWEEP)

    def look(self) -> bool:
        """Read once; returns whether to read again at once, since mapped tasks came up that could not be counted yet."""
        if self._flow is None:
            self._flow = self._client.graphql(documents.RUN_GRAPH, {"id": self._id}, patience=0)["flow_run_by_pk"]
            if self._flow is None:
                raise TowpathError(Code.NOT_FOUND, f"There is no flow run {self._id}; it may have been deleted.")
            self._places = _places(self._flow["flow"])
        asked = [slug for slug in self._parents if slug not in self._settled][:_COUNTED_AT_ONCE]
        answer = self._client.graphql(_document([self._parents[slug] for slug in asked]), {"id": self._id, "lines": _LINES}, patience=0)
        run = answer["flow_run_by_pk"]
        if run is None:
            raise TowpathError(Code.NOT_FOUND, f"The flow run {self._id} is no longer there; somebody has deleted it.")
        if run["attempt"] != self._attempt:
            self._attempt = run["attempt"]
            self._settled.clear()
        rows = {row["task"]["slug"]: row for row in answer["task_run"]}
        for i, slug in enumerate(asked):
            self._count(slug, rows.get(slug) or {}, answer[f"c{i}"] or {})
        known = len(self._parents)
        self._parents |= {slug: row["id"] for slug, row in rows.items() if row["state"] == "Mapped"}
        self.run = run
        self.progress = self._snapshot(run, rows, answer["log"])
        return len(self._parents) > known

    def _count(self, slug: str, row: Row, answer: Row) -> None:
        counts = {state: int(n) for state, n in (answer.get("state_counts") or {}).items()}
        total = max(int(row.get("planned") or 0), sum(counts.values()))
        found = Children(counts, total)
        marks = self._marks.setdefault(slug, deque())
        now = self._clock()
        marks.append((now, found.done))
        while len(marks) > 2 and now - marks[0][0] > _RATE_WINDOW:
            marks.popleft()
        spent = now - marks[0][0]
        rate = (found.done - marks[0][1]) / spent if spent >= 1.0 else None
        self._children[slug] = Children(counts, total, rate if rate and rate > 0 else None)
        self._times[slug] = (answer.get("min_start_time"), answer.get("max_end_time"))
        if total and found.done >= total:
            self._settled.add(slug)

    def _snapshot(self, run: Row, rows: Mapping[str, Row], logs: list[Row]) -> Progress:
        assert self._flow is not None
        over = is_final(run["state"])
        lines = [self._task(place.slug, name, place.indent, rows.get(place.slug), over=over) for place, name in self._places]
        return Progress(
            flow=self._flow["flow"]["name"],
            name=run["name"],
            state=run["state"],
            message=run["state_message"] or "",
            start=moment(run["start_time"]),
            end=moment(run["end_time"]) if over else None,
            tasks=tuple(lines),
            lines=tuple(_shortened(log_line(row)) for row in reversed(logs)),
            notice=self._notices(run),
        )

    def _task(self, slug: str, name: str, indent: int, row: Row | None, *, over: bool) -> TaskLine:
        if row is None:
            return TaskLine(slug, name, indent, "Pending")
        start, end = self._times.get(slug) or (None, None)
        children = self._children.get(slug) if row["state"] == "Mapped" else None
        if children is not None and over:
            children = replace(children, over=True)
        ended = children is None or children.done >= children.total or over
        return TaskLine(
            slug,
            name,
            indent,
            row["state"],
            row["state_message"] or "",
            moment(start or row["start_time"]),
            moment(end or row["end_time"]) if ended and (children is not None or is_final(row["state"])) else None,
            row["attempt"],
            children,
        )

    def _notices(self, run: Row) -> str:
        if run["state"] not in ("Scheduled", "Queued"):
            return ""
        sentence, asked = self._notice
        if self._clock() - asked >= _AGENTS_EVERY:
            sentence = nobody_serves(run, self._client.get_agents()) or ""
            self._notice = (sentence, self._clock())
        return sentence


def _places(flow: Row) -> list[tuple[Place, str]]:
    """The tasks in order with what each is called: its name, or its slug where several have that name."""
    names = {task["slug"]: task["name"] or task["slug"] for task in flow["tasks"]}
    often = Counter(names.values())
    edges = [(edge["upstream_task"]["slug"], edge["downstream_task"]["slug"]) for edge in flow["edges"]]
    return [(place, names[place.slug] if often[names[place.slug]] == 1 else place.slug) for place in in_order(list(names), edges)]


def _shortened(text: str) -> str:
    """The first line of a log row, and how many follow it, as in a traceback."""
    first, *more = text.splitlines() or [""]
    return f"{first} (+{len(more)} lines)" if more else first


def _document(parents: list[str]) -> str:
    counts = "".join(
        f' c{i}: mapped_children(task_run_id: "{parent}") {{ state_counts min_start_time max_end_time }}'
        for i, parent in enumerate(parents)
    )
    return documents.RUN_PROGRESS.replace("#counts", counts)
