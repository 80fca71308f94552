"""The base of the loops: scheduler, zombie killer, lazarus.

A loop does its work in `run_once` and says how much it did and when there is more to do. This module decides *when*: at the given instant,
when an event wakes it, and at the latest after a sweep. It holds no work of its own, and no state that another replica would miss; any
number of replicas is correct.

What can go wrong:
- *`run_once` fails or takes too long*: logged, counted, tried again soon, ever more slowly up to the sweep; events do not shorten that
  pause, so that a storm of events does not become a storm of failures.
- *Events are lost*: the sweep finds the work; a gap that the bus noticed wakes the loop at once.
- *An event comes while `run_once` works*: it may have come too late for this turn, so another turn follows.
- *The loop is stopped*: a turn under way gets some seconds to end, then is cancelled.
"""

from __future__ import annotations

import abc
import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from starlette.types import ASGIApp

from towpath_proto.errors import TowpathError
from towpath_service_kit.bus import Bus, BusMessage, Subscription
from towpath_service_kit.clock import Clock, SystemClock
from towpath_service_kit.health import health_app
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.signals import Signal
from towpath_service_kit.stimulus import stimulus

_log = get_log(__name__)
_FIRST_RETRY = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """When a loop runs.

    Attributes:
        sweep: Seconds after which it runs in any case.
        jitter: Part of the sweep by which it is shortened at random, so that replicas drift apart.
        spacing: Least seconds between two turns; events in between share one.
        run_timeout: Seconds that one turn may take.
        stop_timeout: Seconds that a turn under way gets when the loop is stopped.
    """

    sweep: float
    jitter: float = 0.1
    spacing: float = 0.02
    run_timeout: float = 60.0
    stop_timeout: float = 10.0

    def __post_init__(self) -> None:
        if self.sweep <= 0 or not 0 <= self.jitter < 1 or self.run_timeout <= 0:
            raise ValueError("a loop needs sweep > 0, 0 <= jitter < 1 and run_timeout > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """What one turn did.

    Attributes:
        items: How many things it changed.
        more: Whether it left work that it could do now (a full batch); the next turn follows at once.
        next_at: When there will be work again, if that is known; aware.
        lag: How late, in seconds, it found the oldest of its work.
        detail: Further numbers for the log.
    """

    items: int = 0
    more: bool = False
    next_at: datetime | None = None
    lag: float = 0.0
    detail: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.next_at is not None and self.next_at.tzinfo is None:
            raise ValueError("next_at must be an aware datetime")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTurn:
    """One turn as its observers see it.

    Attributes:
        cause: What woke the loop: `start`, `event`, `gap`, `timer`, `more`, `retry`, or what `wake` was given.
        result: What it did; None when it failed.
        error: Why it failed.
        seconds: How long it took.
    """

    cause: str
    result: LoopResult | None
    error: BaseException | None
    seconds: float


class LoopService(abc.ABC):
    """A loop as a `Service`. Subclasses write `run_once`.

    Args:
        name: The service's name.
        config: When it runs.
        bus: Where its events come from; closed by whoever made it.
        patterns: Subjects that wake it.
        metrics: Where it counts.
        clock: The clock; the system's by default.
        jitter_source: Randomness for the jitter.
    """

    def __init__(
        self,
        name: str,
        config: LoopConfig,
        *,
        bus: Bus | None = None,
        patterns: Sequence[str] = (),
        metrics: Metrics | None = None,
        clock: Clock | None = None,
        jitter_source: random.Random | None = None,
    ) -> None:
        self._name = name
        self._config = config
        self._bus = bus
        self._patterns = tuple(patterns)
        self._clock = clock or SystemClock()
        self._random = jitter_source or random.Random()
        self.metrics = metrics or Metrics()
        self.turns: Signal[LoopTurn] = Signal()
        """Fires after each turn; a test listens to it instead of sleeping."""
        self._app = health_app(self.ready, self.metrics)
        self._turn_lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._subscriptions: list[Subscription] = []
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._cause = "start"
        self._failures = 0
        self._last_success: float | None = None
        self._started_at = 0.0
        self._last_error = "it has not run yet"
        self._seconds = self.metrics.histogram("towpath_loop_run_seconds", "Duration of a turn.")
        self._runs = self.metrics.counter("towpath_loop_runs_total", "Turns.", ["outcome"])
        self._items = self.metrics.counter("towpath_loop_items_total", "Things changed.")
        self._lag = self.metrics.gauge("towpath_loop_lag_seconds", "How late the last turn found the oldest of its work.")
        self._last = self.metrics.gauge("towpath_loop_last_success_timestamp_seconds", "When a turn last succeeded.")
        if bus is not None:
            bus.on_gap(lambda: self.wake("gap"))

    @abc.abstractmethod
    async def run_once(self) -> LoopResult:
        """Do what there is to do now. Must be harmless when another replica does the same at the same time."""

    @property
    def name(self) -> str:
        """See `Service`."""
        return self._name

    @property
    def app(self) -> ASGIApp:
        """See `Service`: health and metrics."""
        return self._app

    async def start(self) -> None:
        """Begin; the first turn follows at once. No effect on a running loop."""
        async with self._turn_lock:
            if self._task is not None:
                return
            self._stopping.clear()
            self._woken.clear()
            self._cause, self._failures = "start", 0
            self._started_at = self._clock.monotonic()
            try:
                await self._subscribe()
            except BaseException:
                await self._unsubscribe()
                raise
            self._task = asyncio.create_task(self._loop(), name=f"loop {self._name}")

    async def stop(self) -> None:
        """End; a turn under way gets `stop_timeout` seconds."""
        async with self._turn_lock:
            task, self._task = self._task, None
            if task is None:
                return
            self._stopping.set()
            self._woken.set()
            await self._unsubscribe()
            _, late = await asyncio.wait([task], timeout=self._config.stop_timeout)
            if late:
                _log.warning("loop_stopped_midway", loop=self._name)
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._last_success = None

    async def ready(self) -> dict[str, str]:
        """Whether a turn has succeeded lately."""
        if self._task is None:
            return {"loop": "it is not running"}
        patience = 3 * self._config.sweep + self._config.run_timeout
        since = self._clock.monotonic() - (self._started_at if self._last_success is None else self._last_success)
        if self._last_success is not None and since <= patience:
            return {}
        return {"loop": f"no turn has succeeded for {since:.0f} s: {self._last_error}"}

    def wake(self, cause: str = "event") -> None:
        """Run soon."""
        if not self._woken.is_set():
            self._cause = cause
        self._woken.set()

    async def _subscribe(self) -> None:
        if self._bus is not None:
            for pattern in self._patterns:
                self._subscriptions.append(await self._bus.subscribe(pattern, self._heard))

    async def _unsubscribe(self) -> None:
        while self._subscriptions:
            await self._subscriptions.pop().unsubscribe()

    async def _heard(self, _: BusMessage) -> None:
        self.wake("event")

    async def _loop(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            turn = await self._turn(self._cause)
            self._cause = self._cause if self._woken.is_set() else "timer"
            await self._pause(turn)

    async def _turn(self, cause: str) -> LoopTurn:
        began = self._clock.monotonic()
        result, error = None, None
        with stimulus():
            try:
                async with asyncio.timeout(self._config.run_timeout):
                    result = await self.run_once()
            except Exception as e:  # whatever it is, the loop goes on
                error = e
            turn = LoopTurn(cause=cause, result=result, error=error, seconds=self._clock.monotonic() - began)
            self._record(turn)
        self.turns.fire(turn)
        return turn

    def _record(self, turn: LoopTurn) -> None:
        self._seconds.observe(turn.seconds)
        if turn.result is None:
            self._failures += 1
            self._last_error = _words(turn.error)
            self._runs.labels("failed").inc()
            if isinstance(turn.error, TowpathError):  # it says what is the matter; where it was raised does not help
                reason = {"code": str(turn.error.code), "reason": turn.error.message}
                _log.warning("loop_turn_failed", loop=self._name, cause=turn.cause, failures=self._failures, **reason)
            else:
                _log.error("loop_turn_failed", error=turn.error, loop=self._name, cause=turn.cause, failures=self._failures)
            return
        self._failures = 0
        self._last_success = self._clock.monotonic()
        self._last.set(self._clock.now().timestamp())
        self._runs.labels("succeeded").inc()
        self._items.inc(turn.result.items)
        self._lag.set(turn.result.lag)
        emit = _log.info if turn.result.items else _log.debug
        emit("loop_turn", loop=self._name, cause=turn.cause, items=turn.result.items, seconds=round(turn.seconds, 4), **turn.result.detail)

    async def _pause(self, turn: LoopTurn) -> None:
        """Wait until the next turn is due."""
        if turn.result is None:
            await self._clock.wait(self._stopping, min(self._config.sweep, _FIRST_RETRY * 2 ** min(self._failures - 1, 16)))
            self._cause = "retry"
            return
        if turn.result.more:
            self._cause = "more"
            await asyncio.sleep(0)
            return
        if self._config.spacing and await self._clock.wait(self._stopping, self._config.spacing):
            return
        await self._clock.wait(self._woken, self._until_next(turn.result))

    def _until_next(self, result: LoopResult) -> float:
        # the spacing has been waited for already: it counts for the sweep, while an instant stays where it is
        seconds = self._config.sweep * (1 - self._config.jitter * self._random.random()) - self._config.spacing
        if result.next_at is not None:
            seconds = min(seconds, (result.next_at - self._clock.now()).total_seconds())
        return max(0.0, seconds)


def _words(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it took too long"
    return str(error) or type(error).__name__
