"""Deliver what a run reports: in order, in batches, exactly once, without making the run wait.

One background thread owns one kept-alive connection. It sends while the run goes on: about 20 ms after a state, a quarter of a second
after a log line, or at 500 items.

Failure cases:
* The API is away or the answer is lost: the same batch is sent again, under the same sequence number, until there is an answer. The run
  goes on meanwhile; only when 20,000 items wait does the reporting side wait too. Nothing is dropped.
* FENCED, NOT_OWNED or a run that is gone: this process is not the run's owner any more. `on_lost` is called and nothing more is sent.
* The API refuses a batch for what is in it: the batch is halved until the item at fault is alone. A state is then sent without its message
  and result, so that the history keeps its shape; what is refused even so is said on standard error.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.client.transport import backoff
from towpath_proto.errors import Code, TowpathError

STATE_LINGER = 0.02
LOG_LINGER = 0.25
BATCH = 500
CAPACITY = 20_000

LOST = {Code.FENCED, Code.NOT_OWNED, Code.NOT_FOUND, Code.UNAUTHENTICATED, Code.FORBIDDEN}
"""Codes that say that the run is not this process's any more."""
_PASSING = {Code.UNREACHABLE, Code.UNAVAILABLE, Code.TIMEOUT, Code.LIMIT_EXCEEDED, Code.API_ERROR}
_PATIENCE_WITH_INTERNAL = 20
"""Tries of a batch that the API fails on by itself: about a minute, then the item at fault is looked for."""

Item = dict[str, Any]


class Post(Protocol):
    """Sends one batch and returns the answer's `report_run`; raises `TowpathError`."""

    def __call__(self, *, sequence: int, states: list[Item], logs: list[Item]) -> dict[str, Any]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class _State:
    item: Item


@dataclass(frozen=True, slots=True)
class _Log:
    item: Item


@dataclass(frozen=True, slots=True)
class _Flush:
    done: threading.Event


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
        self._queue: queue.SimpleQueue[_State | _Log | _Flush] = queue.SimpleQueue()
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
                states, logs, flushes = self._gather()
                if states or logs:
                    self._deliver(states, logs)
                for flush in flushes:
                    flush.done.set()
        except LostError as e:
            self.lost = True
            self._on_lost(e.why)

    def _gather(self) -> tuple[list[Item], list[Item], list[_Flush]]:
        states: list[Item] = []
        logs: list[Item] = []
        due: float | None = None
        while len(states) + len(logs) < BATCH:
            try:
                entry = self._queue.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                break
            match entry:
                case _State(item):
                    states.append(item)
                    linger = STATE_LINGER
                case _Log(item):
                    logs.append(item)
                    linger = LOG_LINGER
                case _Flush():
                    return states, logs, [entry]
            moment = time.monotonic() + linger
            due = moment if due is None else min(due, moment)
        return states, logs, []

    def _deliver(self, states: list[Item], logs: list[Item], *, internal: int = _PATIENCE_WITH_INTERNAL) -> None:
        attempt = 0
        while True:
            try:
                answer = self._post(sequence=self._sequence + 1, states=states, logs=logs)
            except TowpathError as e:
                if e.code in LOST:
                    raise LostError(e) from e
                if e.code in _PASSING or (e.code == Code.INTERNAL and attempt < internal):
                    self._pause(backoff(attempt, first=0.2, longest=3.0))
                    attempt += 1
                    continue
                self._take_apart(states, logs, e)
                return
            break
        self._sequence += 1
        if answer.get("cancel") and not self._cancel_told:
            self._cancel_told = True
            self._on_cancel()
        self._judge(states, answer.get("results") or [])

    def _judge(self, states: list[Item], results: list[dict[str, Any]]) -> None:
        for item, result in zip(states, results, strict=False):
            if result.get("status") != "ERROR":
                continue
            if result.get("code") == Code.STATE_TOO_LARGE and not item.get("stripped"):
                self._deliver([_stripped(item)], [])
            else:
                self._give_up(item, f"{result.get('message')} ({result.get('code')})")

    def _take_apart(self, states: list[Item], logs: list[Item], why: TowpathError) -> None:
        if len(states) + len(logs) > 1:
            half_states, half_logs = (len(states) + 1) // 2, len(logs) // 2
            self._deliver(states[:half_states], logs[:half_logs], internal=1)
            self._deliver(states[half_states:], logs[half_logs:], internal=1)
        elif states and not states[0].get("stripped"):
            self._deliver([_stripped(states[0])], [], internal=1)
        elif states or logs:
            self._give_up((states or logs)[0], f"{why.message} ({why.code})")

    def _give_up(self, item: Item, why: str) -> None:
        self.refused.append((item, why))
        what = f"state {item['state'].get('type')} of {item.get('slug') or 'the flow run'}" if "state" in item else "a log line"
        print(f"towpath: the API did not take {what}: {why}", file=sys.stderr, flush=True)


def _stripped(item: Item) -> Item:
    """The item with a state that says no more than its kind, its time and its counts."""
    kept = {k: v for k, v in item["state"].items() if k in ("type", "start_time", "run_count", "n_map_states", "__version__")}
    message = str(item["state"].get("message") or "")[:1000]
    return {**item, "stripped": True, "state": {**kept, "message": f"{message} (the rest of this state was too large to be stored)"}}
