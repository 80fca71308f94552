"""Deliver what a run reports: in order, in batches, exactly once, without making the run wait.

One background thread owns one kept-alive connection. It sends while the run goes on: about 20 ms after a state, a quarter of a second
after a log line or an artifact, or at 500 items (a large artifact counts as many: 2 MB of them are a batch).

Failure cases:
* The API is away or the answer is lost: the same batch is sent again, under the same sequence number, until there is an answer. The run
  goes on meanwhile; only when 20,000 items wait does the reporting side wait too. Nothing is dropped.
* FENCED, NOT_OWNED or a run that is gone: this process is not the run's owner any more. `on_lost` is called and nothing more is sent.
* The API refuses a batch for what is in it: the batch is halved until the item at fault is alone. A state is then sent without its message
  and result, so that the history keeps its shape; what is refused even so is said on standard error.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from towpath.client.transport import backoff
from towpath_proto.errors import Code, TowpathError

STATE_LINGER = 0.02
LOG_LINGER = 0.25
BATCH = 500
CAPACITY = 20_000
_BYTES_AS_ITEM = 4_000
"""Bytes of an artifact that count as one item of a batch."""

LOST = {Code.FENCED, Code.NOT_OWNED, Code.NOT_FOUND, Code.UNAUTHENTICATED, Code.FORBIDDEN}
"""Codes that say that the run is not this process's any more."""
_PASSING = {Code.UNREACHABLE, Code.UNAVAILABLE, Code.TIMEOUT, Code.LIMIT_EXCEEDED, Code.API_ERROR}
_PATIENCE_WITH_INTERNAL = 20
"""Tries of a batch that the API fails on by itself: about a minute, then the item at fault is looked for."""

Item = dict[str, Any]


class Post(Protocol):
    """Sends one batch and returns the answer's `report_run`; raises `TowpathError`."""

    def __call__(  # noqa: D102
        self, *, sequence: int, states: list[Item], logs: list[Item], artifacts: list[Item]
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _State:
    item: Item


@dataclass(frozen=True, slots=True)
class _Log:
    item: Item


@dataclass(frozen=True, slots=True)
class _Artifact:
    item: Item


@dataclass(frozen=True, slots=True)
class _Flush:
    done: threading.Event


@dataclass(slots=True)
class _Batch:
    """What goes out together; the API takes states first, for lines and artifacts may name what a state makes."""

    states: list[Item] = field(default_factory=list)
    logs: list[Item] = field(default_factory=list)
    artifacts: list[Item] = field(default_factory=list)
    weight: int = 0

    @property
    def items(self) -> list[Item]:
        return [*self.states, *self.logs, *self.artifacts]

    def halves(self) -> Iterable[_Batch]:
        middle = (len(self.items) + 1) // 2
        count, lines = len(self.states), len(self.states) + len(self.logs)
        for begin, end in ((0, middle), (middle, len(self.items))):
            yield _Batch(
                self.states[begin:end],
                self.logs[max(0, begin - count) : max(0, end - count)],
                self.artifacts[max(0, begin - lines) : max(0, end - lines)],
            )


class LostError(Exception):
    """The run has another owner."""

    def __init__(self, why: TowpathError) -> None:
        super().__init__(why)
        self.why = why


class Delivery:
    """The way of one run's reports to the API.

    Args:
        post: Sends one batch.
        on_cancel: Called once when the API says that the run is to be stopped.
        on_lost: Called once, with the reason, when the run has another owner.
        pause: Waits between tries.
    """

    def __init__(
        self,
        post: Post,
        *,
        on_cancel: Callable[[], None],
        on_lost: Callable[[TowpathError], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._post = post
        self._on_cancel = on_cancel
        self._on_lost = on_lost
        self._pause = pause
        # its operations may be interrupted by a signal handler that uses it again
        self._queue: queue.SimpleQueue[_State | _Log | _Artifact | _Flush] = queue.SimpleQueue()
        self._sequence = 0
        self._cancel_told = False
        self.lost = False
        self.refused: list[tuple[Item, str]] = []
        self._thread = threading.Thread(target=self._run, name="towpath-delivery", daemon=True)
        self._thread.start()

    def state(self, item: Item) -> None:
        """Report a state."""
        self._make_room()
        self._queue.put(_State(item))

    def log(self, item: Item) -> None:
        """Report a log line."""
        self._make_room()
        self._queue.put(_Log(item))

    def artifact(self, item: Item) -> None:
        """Report an artifact, its change or its end."""
        self._make_room()
        self._queue.put(_Artifact(item))

    def flush(self) -> None:
        """Return when everything reported so far has been answered, or the run is lost."""
        done = threading.Event()
        self._queue.put(_Flush(done))
        while not done.wait(0.5):
            if self.lost:
                return

    def _make_room(self) -> None:
        while self._queue.qsize() >= CAPACITY and not self.lost and threading.current_thread() is not self._thread:
            time.sleep(0.02)

    # ------------------------------------------------------------------------------------------------------------------------- the thread

    def _run(self) -> None:
        try:
            while True:
                batch, flush = self._gather()
                if batch.items:
                    self._deliver(batch)
                if flush is not None:
                    flush.done.set()
        except LostError as e:
            self.lost = True
            self._on_lost(e.why)

    def _gather(self) -> tuple[_Batch, _Flush | None]:
        batch = _Batch()
        due: float | None = None
        while batch.weight < BATCH:
            try:
                entry = self._queue.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                break
            match entry:
                case _State(item):
                    batch.states.append(item)
                    linger = STATE_LINGER
                case _Log(item):
                    batch.logs.append(item)
                    linger = LOG_LINGER
                case _Artifact(item):
                    batch.artifacts.append(item)
                    batch.weight += len(json.dumps(item, default=str)) // _BYTES_AS_ITEM
                    linger = LOG_LINGER
                case _Flush():
                    return batch, entry
            batch.weight += 1
            moment = time.monotonic() + linger
            due = moment if due is None else min(due, moment)
        return batch, None

    def _deliver(self, batch: _Batch, *, internal: int = _PATIENCE_WITH_INTERNAL) -> None:
        attempt = 0
        while True:
            try:
                answer = self._post(sequence=self._sequence + 1, states=batch.states, logs=batch.logs, artifacts=batch.artifacts)
            except TowpathError as e:
                if e.code in LOST:
                    raise LostError(e) from e
                if e.code in _PASSING or (e.code == Code.INTERNAL and attempt < internal):
                    self._pause(backoff(attempt, first=0.2, longest=3.0))
                    attempt += 1
                    continue
                self._take_apart(batch, e)
                return
            break
        self._sequence += 1
        if answer.get("cancel") and not self._cancel_told:
            self._cancel_told = True
            self._on_cancel()
        self._judge(batch.states, answer.get("results") or [])
        self._judge(batch.artifacts, answer.get("artifact_results") or [])

    def _judge(self, items: list[Item], results: list[dict[str, Any]]) -> None:
        for item, result in zip(items, results, strict=False):
            if result.get("status") != "ERROR":
                continue
            if result.get("code") == Code.STATE_TOO_LARGE and not item.get("stripped"):
                self._deliver(_Batch([_stripped(item)]))
            else:
                self._give_up(item, f"{result.get('message')} ({result.get('code')})")

    def _take_apart(self, batch: _Batch, why: TowpathError) -> None:
        if len(batch.items) > 1:
            for half in batch.halves():
                self._deliver(half, internal=1)
        elif batch.states and not batch.states[0].get("stripped"):
            self._deliver(_Batch([_stripped(batch.states[0])]), internal=1)
        else:
            self._give_up(batch.items[0], f"{why.message} ({why.code})")

    def _give_up(self, item: Item, why: str) -> None:
        self.refused.append((item, why))
        print(f"towpath: the API did not take {_described(item)}: {why}", file=sys.stderr, flush=True)


def _described(item: Item) -> str:
    if "state" in item:
        return f"state {item['state'].get('type')} of {item.get('slug') or 'the flow run'}"
    if "delete" in item:
        return f"the end of artifact {item['id']}"
    if "data" in item:
        return f"a {item['kind']} artifact of {item['slug']}" if "kind" in item else f"a change of artifact {item['id']}"
    return "a log line"


def _stripped(item: Item) -> Item:
    """The item with a state that says no more than its kind, its time and its counts."""
    kept = {k: v for k, v in item["state"].items() if k in ("type", "start_time", "run_count", "n_map_states", "__version__")}
    message = str(item["state"].get("message") or "")[:1000]
    return {**item, "stripped": True, "state": {**kept, "message": f"{message} (the rest of this state was too large to be stored)"}}
