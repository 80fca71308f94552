"""Hasura's streaming subscriptions, `t_stream(batch_size: ..., cursor: ..., where: ...)`: rows in the order of a column, each once.

The read back end gives one batch after another, and with each the place where the next begins; the gateway keeps that place and no rows.
Failure cases:

- *The client is slow*: the next batch is not read before the last one is taken, so there is one of them in memory.
- *A hint is lost*: a look by timer finds the rows.
- *Rows come fast*: they are gathered as for live queries. While a stream catches up it does not rest, so streams have turns of their own.
- *Rows are long*: a batch has fewer of them than the client allows.
- *The read back end is away*: a result without data says so, once; the stream goes on where it was.
- *The read back end gives the same place again*: the stream ends with an error; it would give the same rows for ever.
- *The first turn is an internal error*: so would be every other one; the stream ends with it.
- *A row becomes visible behind the place*, since its transaction was slow: it is not found, as in Hasura. `log_stream` finds such rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from prometheus_client import Counter

from towpath_gateway.asking import Ask
from towpath_gateway.backends import Answer, Backends, Caller
from towpath_gateway.splitting import Plan, Side
from towpath_gateway.subscriptions.hints import Hints
from towpath_gateway.subscriptions.live import concerning, is_passing, resting
from towpath_gateway.subscriptions.paging import Paging
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.clock import Clock
from towpath_service_kit.metrics import Metrics

_STANDS = "The stream does not go on: the read back end gives the same place again; begin it with another column as its cursor."


class Streams:
    """All streams of this gateway.

    Args:
        hints: Tell when to look.
        backends: Where rows are read.
        clock: Measures waiting.
        sweep: Seconds after which a stream looks without any event.
        metrics: Where it counts.
        turns: Held while a batch is read.
    """

    def __init__(self, hints: Hints, backends: Backends, *, clock: Clock, sweep: float, metrics: Metrics, turns: asyncio.Semaphore) -> None:
        self._hints = hints
        self._backends = backends
        self._clock = clock
        self._sweep = sweep
        self._turns = turns
        self._gauge = metrics.gauge("towpath_gateway_streams", "Streams of tables.")
        self._asked = metrics.counter("towpath_gateway_stream_turns_total", "How often streams were asked.")

    async def follow(self, plan: Plan, ask: Ask, caller: Caller) -> AsyncGenerator[Answer, None]:
        """A stream's batches as its client hears them; none is empty. It ends when the stream itself is wrong."""
        stream = _Stream(self._backends, self._clock, plan, ask, Caller(caller.identity))
        never = asyncio.Event()
        is_away = False
        self._gauge.inc()
        try:
            async with self._hints.listen(caller.identity.tenant, None, concerning(plan, ask.variables)) as listener:
                while True:
                    failed = False
                    async with aclosing(stream.batches(self._turns, self._asked)) as batches:
                        async for answer in batches:
                            errors = answer.errors()
                            failed = stream.may_go_on(errors)
                            if not failed:
                                yield answer
                            elif not is_away:
                                yield Answer.of({"data": None, "errors": errors})
                            if errors and not failed:
                                return
                    is_away = failed
                    if await listener.wait(self._sweep):
                        await self._clock.wait(never, stream.rests_for())
                    listener.take()
        finally:
            self._gauge.dec()


class _Stream:
    """Where one stream is."""

    def __init__(self, backends: Backends, clock: Clock, plan: Plan, ask: Ask, caller: Caller) -> None:
        part = plan.parts[Side.READ]
        self._backends = backends
        self._clock = clock
        self._caller = caller
        self._query = part.text or ask.query
        self._variables = {name: value for name, value in ask.variables.items() if name in part.variables}
        self._after: list[str] | None = None
        self._answered = False
        self._paging = Paging()
        self._rests_until = 0.0

    async def batches(self, turns: asyncio.Semaphore, asked: Counter) -> AsyncGenerator[Answer, None]:
        """All that there is now: batches that have rows, or, as the last, an error."""
        more = True
        while more:
            async with turns:
                asked.inc()
                began = self._clock.monotonic()
                turn = await self._backends.stream_turn(
                    self._query, self._variables, self._caller, after=self._after, rows=self._paging.rows
                )
                now = self._clock.monotonic()
            self._rests_until = now + resting(now - began)
            errors = turn.answer.errors()
            if errors and errors[0].get("extensions", {}).get("code") == Code.LIMIT_EXCEEDED and self._paging.shrink():
                continue
            if errors:
                yield turn.answer
                return
            self._answered = True
            if not self._paging.accepts(len(turn.answer.body), turn.rows):
                continue
            more = turn.more
            if turn.after is None:
                return
            if turn.after == self._after:
                yield Answer.failed(TowpathError(Code.VALIDATION_FAILED, _STANDS))
                return
            self._after = turn.after
            yield turn.answer

    def may_go_on(self, errors: Sequence[Mapping[str, Any]]) -> bool:
        """Whether these are errors, and say nothing against the stream itself."""
        return is_passing(errors) and (self._answered or errors[0]["extensions"]["code"] != Code.INTERNAL)

    def rests_for(self) -> float:
        """Seconds for which it should not be asked yet."""
        return max(0.0, self._rests_until - self._clock.monotonic())
