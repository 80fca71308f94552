"""Group commit: small calls that come while others are being carried out share the next transaction.

A call that finds nobody at work goes at once, so a lone caller waits for no company; under load the groups grow by themselves. A group
that takes long (it waits for somebody's lock, say) does not hold up those behind it: another one goes then. Calls of different callers
never share. A group that fails is taken apart and each call is carried out alone, so that one cannot spoil another's;
only a database that is away is everybody's failure. What a group does belongs to a trace only if all its calls do. It knows nothing of
what the calls do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import tracing

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")
_Call = tuple[T, "asyncio.Future[R]", str | None]
"""What was asked for, where the answer goes, and the trace it belongs to."""


class Gathering(Generic[K, T, R]):
    """Carries out calls in groups.

    Args:
        carry_out: Does the work of a group in one transaction: an answer per item, in order.
        at_once: Groups of one key under way at the same time, at most.
        largest: Items of a group at most.
        patience: Seconds after which a group takes long.
    """

    def __init__(
        self,
        carry_out: Callable[[K, Sequence[T]], Awaitable[Sequence[R]]],
        *,
        at_once: int = 4,
        largest: int = 100,
        patience: float = 0.05,
    ) -> None:
        self._carry_out = carry_out
        self._at_once = at_once
        self._largest = largest
        self._patience = patience
        self._waiting: dict[K, list[_Call[T, R]]] = {}
        self._under_way: Counter[K] = Counter()
        self._late: Counter[K] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, key: K, item: T) -> R:
        """The answer to one item."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((item, future, tracing.current()))
        self._begin(key)
        return await future

    def _begin(self, key: K) -> None:
        """Start to work on what waits, unless somebody will do so soon."""
        if key in self._waiting and self._late[key] == self._under_way[key] < self._at_once:
            self._under_way[key] += 1
            task = asyncio.create_task(self._work(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, key: K) -> None:
        try:
            while waiting := self._waiting.pop(key, None):
                group, rest = waiting[: self._largest], waiting[self._largest :]
                if rest:
                    self._waiting[key] = rest
                await self._in_time(key, group)
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key], self._late[key]

    async def _in_time(self, key: K, group: list[_Call[T, R]]) -> None:
        late = False

        def note() -> None:
            nonlocal late
            late = True
            self._late[key] += 1
            self._begin(key)

        timer = asyncio.get_running_loop().call_later(self._patience, note)
        try:
            await self._one(key, group)
        finally:
            timer.cancel()
            self._late[key] -= late

    async def _one(self, key: K, group: list[_Call[T, R]]) -> None:
        traces = {trace for _, _, trace in group}
        try:
            with tracing.carrying(traces.pop() if len(traces) == 1 else None):
                answers = await self._carry_out(key, [item for item, _, _ in group])
        except Exception as e:
            if len(group) == 1 or (isinstance(e, TowpathError) and e.code == Code.UNAVAILABLE):
                for _, future, _ in group:
                    if not future.done():
                        future.set_exception(e)
            else:
                for call in group:
                    await self._one(key, [call])
            return
        for (_, future, _), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)
