"""A query that is answered again whenever its answer may have changed.

Which events concern it is guessed from the words in it: field names and argument names, singular or plural, tell the tables. A wrong
guess costs one query too many, or one sweep's delay, never a wrong answer: a sweep runs the query anyway, and an answer like the last
one is not sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Any

from towpath_gateway.answering import Answering
from towpath_gateway.asking import Ask
from towpath_gateway.backends import Caller
from towpath_gateway.subscriptions.hints import Hints
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.clock import Clock

DEBOUNCE = 0.1
"""Seconds between an event and the query that it causes; further events of that time cause no other one."""
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
    "log.written": frozenset({"log", "logs"}),
    "agent.registered": frozenset({"agent", "agents", "agent_config"}),
}
"""The words that an event type concerns."""


def concerning(words: Iterable[str]) -> frozenset[str]:
    """The event types that concern a query with these words."""
    plain = {word.removesuffix("_aggregate").removesuffix("_by_pk") for word in words}
    return frozenset(event_type for event_type, concerned in CONCERNS.items() if concerned & plain)


def _keys(value: Any) -> Iterator[str]:
    """All keys in a JSON value, without recursion: conditions may come as variables."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield from item
            todo += item.values()
        elif isinstance(item, list):
            todo += item


async def live(
    hints: Hints, answering: Answering, caller: Caller, ask: Ask, *, clock: Clock, sweep: float
) -> AsyncGenerator[dict[str, Any], None]:
    """A query's results, each different from the one before.

    Raises:
        TowpathError: The document is not a query, or wrong.
    """
    plan = answering.documents.plan(ask.query, ask.operation_name)
    if plan.kind != "query":
        raise TowpathError(Code.VALIDATION_FAILED, f"live repeats a query; a {plan.kind} cannot be repeated.")
    types = concerning({*plan.words, *_keys(dict(ask.variables))})
    never = asyncio.Event()
    last = b""
    with hints.listen(caller.identity.tenant, None, types) as listener:
        while True:
            answer = await answering.carry_out(plan, ask, caller)
            digest = hashlib.blake2b(answer.body, digest_size=16).digest()
            if digest != last:
                last = digest
                result = json.loads(answer.body)
                yield {"data": result.get("data"), "errors": result.get("errors")}
            if await listener.wait(sweep):
                await clock.wait(never, DEBOUNCE)
            listener.take()
