"""Queries that are answered again whenever their answers may have changed: Hasura's live queries, and the field `live`.

Which events concern a query is guessed from the words in it: field names and argument names, singular or plural, tell the tables. A wrong
guess costs one query too many, or one sweep's delay, never a wrong answer: a sweep runs the query anyway, and an answer like the last
one is not sent.

To watch a query is to subscribe, so it may use the root fields that the caller's role may subscribe to, and no others.

Equal queries of callers who read the same share one evaluation. It begins with its first watcher, ends with its last, and keeps its newest
answer only: a watcher who is slow misses answers in between, never the last one. Failure cases:

- *Events come faster than the query is answered*: they are gathered, for longer the longer the query takes, so that one live query has at
  most a fifth of its time in the database; and few are evaluated at a time, however many there are.
- *A watcher joins late*: it gets the newest answer at once, and the query is asked again, since a hint may have been lost.
- *The read back end is away*: an answer without data says so, and data follow when it is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from towpath_gateway.answering import Answering
from towpath_gateway.asking import Ask
from towpath_gateway.backends import Answer, Caller, session_headers
from towpath_gateway.splitting import Plan, Side
from towpath_gateway.subscriptions.hints import Hints, Listener
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.clock import Clock
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics

_log = get_log(__name__)
DEBOUNCE = 0.1
"""Seconds at least between an event and the query that it causes; further events of that time cause no other one."""
LONGEST_DEBOUNCE = 5.0
_SHARE = 4
"""A query rests for so many times the seconds that its last evaluation took."""
AT_A_TIME = 4
"""Evaluations of live queries at the same time, and as many of streams; more wait for their turn."""
_PASSING = frozenset({Code.UNAVAILABLE, Code.TIMEOUT, Code.INTERNAL})
"""Failures after which a live query goes on. Others say that the query itself is wrong."""


def is_passing(errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these errors say nothing against the query itself."""
    return bool(errors) and errors[0].get("extensions", {}).get("code") in _PASSING


def resting(took: float) -> float:
    """Seconds for which a query rests whose last evaluation took so many."""
    return min(max(DEBOUNCE, _SHARE * took), LONGEST_DEBOUNCE)


_FLOWS = frozenset({"flow", "flows", "flow_group", "flow_groups", "project", "projects", "task", "tasks", "edge", "edges", "clocks"})
_RUNS = frozenset({"flow_run", "flow_runs", "flow_run_state", "states", "agent", "agents"})
_TASK_RUNS = frozenset({"task_run", "task_runs", "task_run_state", "states", "mapped_children", "get_task_run_info"})
CONCERNS: Mapping[str, frozenset[str]] = {
    "flow.registered": _FLOWS,
    "schedule.changed": _FLOWS | _RUNS,
    "flow_run.created": _RUNS | _TASK_RUNS,
    "flow_run.offered": _RUNS,
    "flow_run.state": _RUNS,
    "flow_run.cancel": _RUNS,
    "task_run.states": _TASK_RUNS,
    "log.written": frozenset({"log", "logs", "log_rows"}),
    "agent.registered": frozenset({"agent", "agents", "agent_config"}),
    "cloud_hook.changed": frozenset({"cloud_hook", "cloud_hooks"}),
}
"""The words that an event type concerns."""


def concerning(plan: Plan, variables: Mapping[str, Any]) -> frozenset[str]:
    """The event types that concern a query; conditions may come as variables."""
    return concerned_by({*plan.words, *_keys(dict(variables))})


def concerned_by(words: Iterable[str]) -> frozenset[str]:
    """The event types that concern a query with these words."""
    plain = {word.removesuffix("_aggregate").removesuffix("_by_pk").removesuffix("_stream") for word in words}
    return frozenset(event_type for event_type, concerned in CONCERNS.items() if concerned & plain)


def _keys(value: Any) -> Iterator[str]:
    """All keys in a JSON value, without recursion."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield from item
            todo += item.values()
        elif isinstance(item, list):
            todo += item


class LiveQueries:
    """All live queries of this gateway.

    Args:
        hints: Tell when to look.
        answering: Answers the queries.
        clock: Measures waiting.
        sweep: Seconds after which a query is asked again without any event.
        metrics: Where it counts.
        turns: Held by each evaluation.
    """

    def __init__(
        self, hints: Hints, answering: Answering, *, clock: Clock, sweep: float, metrics: Metrics, turns: asyncio.Semaphore
    ) -> None:
        self._hints = hints
        self._answering = answering
        self._clock = clock
        self._sweep = sweep
        self._running: dict[bytes, _Evaluation] = {}
        self._turns = turns
        self._gauge = metrics.gauge("towpath_gateway_live_queries", "Live queries, equal ones counted once.")
        self._asked = metrics.counter("towpath_gateway_live_evaluations_total", "How often live queries were asked.")

    async def watch(self, plan: Plan, ask: Ask, caller: Caller) -> AsyncGenerator[Answer, None]:
        """A query's answers, each different from the one before; the first at once."""
        key = _key(plan, ask, caller)
        evaluation = self._running.get(key)
        if evaluation is None:
            evaluation = self._running[key] = _Evaluation()
            evaluation.task = asyncio.create_task(self._evaluate(evaluation, plan, ask, Caller(caller.identity)), name="live query")
            self._gauge.inc()
        elif evaluation.listener is not None:
            evaluation.listener.miss()
        evaluation.watchers += 1
        seen = 0
        try:
            while True:
                seen, answer = await evaluation.after(seen)
                yield answer
        finally:
            evaluation.watchers -= 1
            if not evaluation.watchers:
                del self._running[key]
                self._gauge.dec()
                evaluation.task.cancel()
                await asyncio.gather(evaluation.task, return_exceptions=True)

    async def tables(self, plan: Plan, ask: Ask, caller: Caller) -> AsyncGenerator[Answer, None]:
        """The answers of a live query as its client hears them: what passes is told and gone through, a query that is wrong ends."""
        watching = self.watch(plan, ask, caller)
        try:
            async for answer in watching:
                errors = answer.errors()
                passing = is_passing(errors)
                yield Answer.of({"data": None, "errors": errors}) if passing else answer
                if errors and not passing:
                    return
        finally:
            await watching.aclose()

    async def _evaluate(self, evaluation: _Evaluation, plan: Plan, ask: Ask, caller: Caller) -> None:
        try:
            types = concerning(plan, ask.variables)
            never = asyncio.Event()
            async with self._hints.listen(caller.identity.tenant, None, types) as listener:
                evaluation.listener = listener
                while True:
                    async with self._turns:
                        began = self._clock.monotonic()
                        self._asked.inc()
                        answer = await self._answering.carry_out(plan, ask, caller, live=True)
                        took = self._clock.monotonic() - began
                    evaluation.answered(answer)
                    if await listener.wait(self._sweep):
                        await self._clock.wait(never, resting(took))
                    listener.take()
        except Exception as e:  # its watchers must not wait for ever
            _log.error("live_query_failed", error=e)
            evaluation.fail(e)


class _Evaluation:
    """One live query being asked, for all who watch it."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.watchers = 0
        self.listener: Listener | None = None
        self._number = 0
        self._answer = Answer(200, b"")
        self._digest = b""
        self._failure: Exception | None = None
        self._changed = asyncio.Event()

    def answered(self, answer: Answer) -> None:
        digest = hashlib.blake2b(answer.body, digest_size=16).digest()
        if digest != self._digest:
            self._digest, self._answer = digest, answer
            self._number += 1
            self._tell()

    def fail(self, error: Exception) -> None:
        self._failure = error
        self._tell()

    async def after(self, number: int) -> tuple[int, Answer]:
        """The newest answer, once there is one after that of this number."""
        while self._number == number:
            if self._failure is not None:
                raise TowpathError(Code.INTERNAL, "The gateway failed; its log says why.")
            await self._changed.wait()
        return self._number, self._answer

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _key(plan: Plan, ask: Ask, caller: Caller) -> bytes:
    """Equal for queries whose answers are always equal. On the read side a caller is no more than its session variables."""
    who: Any = sorted(session_headers(caller.identity, "").items()) if set(plan.parts) == {Side.READ} else repr(caller.identity)
    texts = sorted((str(side), ask.query if part.text is None else part.text) for side, part in plan.parts.items())
    whole = json.dumps([who, texts, ask.operation_name, ask.variables], sort_keys=True, default=str)
    return hashlib.blake2b(whole.encode("utf-8", "backslashreplace"), digest_size=16).digest()
