"""Group commit: small calls that come while others are being carried out share the next transaction.

A call that finds nobody at work goes at once, so a lone caller waits for no company; under load the groups grow by themselves. Calls of
different callers never share. A group that fails is taken apart and each call is carried out alone, so that one cannot spoil another's;
only a database that is away is everybody's failure. It knows nothing of what the calls do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from towpath_proto.errors import Code, TowpathError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[K, T, R]):
    """Carries out calls in groups.

    Args:
        carry_out: Does the work of a group in one transaction: an answer per item, in order.
        at_once: Groups of one key under way at the same time.
        largest: Items of a group at most.
    """

    def __init__(self, carry_out: Callable[[K, Sequence[T]], Awaitable[Sequence[R]]], *, at_once: int = 2, largest: int = 100) -> None:
        self._carry_out = carry_out
        self._at_once = at_once
        self._largest = largest
        self._waiting: dict[K, list[tuple[T, asyncio.Future[R]]]] = {}
        self._under_way: dict[K, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, key: K, item: T) -> R:
        """The answer to one item."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((item, future))
        if self._under_way.get(key, 0) < self._at_once:
            self._under_way[key] = self._under_way.get(key, 0) + 1
            task = asyncio.create_task(self._work(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _work(self, key: K) -> None:
        try:
            while waiting := self._waiting.pop(key, None):
                group, rest = waiting[: self._largest], waiting[self._largest :]
                if rest:
                    self._waiting[key] = rest
                await self._one(key, group)
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    async def _one(self, key: K, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._carry_out(key, [item for item, _ in group])
        except Exception as e:
            if len(group) == 1 or (isinstance(e, TowpathError) and e.code == Code.UNAVAILABLE):
                for _, future in group:
                    if not future.done():
                        future.set_exception(e)
            else:
                for call in group:
                    await self._one(key, [call])
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)
