"""What an operation on a WebSocket does: a subscription's events, or the one answer of a query or mutation.

Here a caller is held to its tenant and, with a run's token, to its run and the runs that this one has created.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from towpath_gateway.answering import Answering
from towpath_gateway.asking import Ask
from towpath_gateway.backends import Answer, Caller
from towpath_gateway.rates import RatedError, Rates
from towpath_gateway.subscriptions.events import agent_work, flow_run_events, task_run_events
from towpath_gateway.subscriptions.hints import Hints
from towpath_gateway.subscriptions.live import AT_A_TIME, LiveQueries
from towpath_gateway.subscriptions.log_stream import log_stream
from towpath_gateway.subscriptions.prepared import Prepared, prepare
from towpath_gateway.subscriptions.streams import Streams
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.clock import Clock
from towpath_service_kit.identity import Role
from towpath_service_kit.metrics import Metrics

_AGENTS = {Role.ADMIN, Role.OPERATOR, Role.AGENT, Role.SERVICE}
_NOBODYS_TENANT = UUID(int=0)
_READABLE = "query ($id: uuid!) { flow_run_by_pk(id: $id) { id } }"


class Operations:
    """Carries operations out.

    Args:
        answering: Answers queries and mutations.
        hints: The events.
        clock: Measures waiting.
        sweep: Seconds after which a subscription looks for what no event told it; live queries and streams look at each third.
        metrics: Where it counts.
        rates: How many operations a caller may begin.
    """

    def __init__(self, answering: Answering, hints: Hints, *, clock: Clock, sweep: float, metrics: Metrics, rates: Rates) -> None:
        self._answering = answering
        self._rates = rates
        self._hints = hints
        self._sweep = sweep
        turns, stream_turns = asyncio.Semaphore(AT_A_TIME), asyncio.Semaphore(AT_A_TIME)
        self._live = LiveQueries(hints, answering, clock=clock, sweep=3 * sweep, metrics=metrics, turns=turns)
        self._streams = Streams(hints, answering.backends, clock=clock, sweep=3 * sweep, metrics=metrics, turns=stream_turns)

    async def __call__(self, ask: Ask, caller: Caller) -> AsyncGenerator[Answer, None]:
        """The results of an operation, one after another.

        Raises:
            TowpathError: The operation is wrong, or not for this caller.
        """
        await self._take(caller)
        ask, plan = self._answering.plan(ask, caller)
        if plan.kind != "subscription":
            yield await self._answering.carry_out(plan, ask, caller)
            return
        if plan.parts:
            begun = self._streams.follow(plan, ask, caller) if plan.streams else self._live.tables(plan, ask, caller)
            async with aclosing(begun) as answers:
                async for answer in answers:
                    yield answer
            return
        prepared = prepare(ask)
        await self._check_reach(prepared, caller)
        async with aclosing(self._events(prepared, caller)) as values:
            async for value in values:
                yield Answer.of(prepared.shaped(value))

    async def _take(self, caller: Caller) -> None:
        try:
            await self._rates.take(caller)
        except RatedError as e:
            raise e.error from None

    async def _check_reach(self, prepared: Prepared, caller: Caller) -> None:
        """A run's own token hears of no run that it may not read."""
        if caller.identity.role is not Role.RUN or "flow_run_id" not in prepared.arguments:
            return
        wanted = prepared.uuid("flow_run_id")
        if wanted in (None, caller.identity.run):
            return
        answer = await self._answering.answer(Ask(_READABLE, {"id": str(wanted)}), caller)
        if not (json.loads(answer.body).get("data") or {}).get("flow_run_by_pk"):
            raise TowpathError(Code.FORBIDDEN, "A run's token hears of its own run and of the runs that this one has created only.")

    def _events(self, prepared: Prepared, caller: Caller) -> AsyncGenerator[dict[str, Any], None]:
        # a caller of no tenant who is not a loop hears nothing: None would mean all tenants
        tenant = caller.identity.tenant if caller.identity.role is Role.SERVICE else caller.identity.tenant or _NOBODYS_TENANT
        match prepared.field:
            case "flow_run_events":
                return flow_run_events(self._hints, tenant, _run_of(prepared, caller))
            case "task_run_events":
                return task_run_events(self._hints, tenant, _needed_run_of(prepared, caller))
            case "agent_work":
                prepared.uuid("agent_id")
                if caller.identity.role not in _AGENTS:
                    raise TowpathError(Code.FORBIDDEN, f"agent_work is for agents; this credential has the role {caller.identity.role}.")
                return agent_work(self._hints, tenant)
            case "log_stream":
                run = _needed_run_of(prepared, caller)
                since, after_id = prepared.moment("after"), prepared.uuid("after_id")
                backends = self._answering.backends
                return log_stream(self._hints, backends, caller, flow_run=run, since=since, after_id=after_id, sweep=self._sweep)
            case _:
                inner = Ask(prepared.arguments["query"], prepared.json_object("variables"))
                return self._repeated(inner, caller)

    async def _repeated(self, ask: Ask, caller: Caller) -> AsyncGenerator[dict[str, Any], None]:
        """The results of the query that `live` repeats."""
        ask, plan = self._answering.plan(ask, caller)
        if plan.kind != "query":
            raise TowpathError(Code.VALIDATION_FAILED, f"live repeats a query; a {plan.kind} cannot be repeated.")
        async with aclosing(self._live.watch(plan, ask, caller)) as answers:
            async for answer in answers:
                result = json.loads(answer.body)
                yield {"data": result.get("data"), "errors": result.get("errors")}


def _run_of(prepared: Prepared, caller: Caller) -> UUID | None:
    """The flow run that is asked for; with a run's token its own, if none is named."""
    return prepared.uuid("flow_run_id") or caller.identity.run


def _needed_run_of(prepared: Prepared, caller: Caller) -> UUID:
    run = _run_of(prepared, caller)
    if run is None:
        raise TowpathError(Code.VALIDATION_FAILED, "The argument flow_run_id is missing; name a flow run.")
    return run
