"""One request from its text to its answer: plan, ask one side or both, merge. What a batch is, and what a subscription is, others know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from towpath_gateway.asking import Ask
from towpath_gateway.backends import STATUS, Answer, Backends, Caller, OpenAnswer, with_request_id
from towpath_gateway.documents import Documents
from towpath_gateway.introspection import Introspection
from towpath_gateway.persisted import Persisted
from towpath_gateway.splitting import Part, Plan, Side, merge
from towpath_proto.errors import Code, TowpathError


class Answering:
    """Answers queries and mutations.

    Args:
        documents: Plans documents.
        backends: The services that answer.
        persisted: Knows documents by their hashes.
        introspection: Answers for the schema as a whole.
    """

    def __init__(self, documents: Documents, backends: Backends, persisted: Persisted, introspection: Introspection) -> None:
        self._introspection = introspection
        self.documents = documents
        self.persisted = persisted
        self.backends = backends

    async def answer(self, ask: Ask, caller: Caller) -> Answer:
        """The answer; whatever is wrong is an error in it."""
        try:
            ask, plan = self.plan(ask, caller)
            if plan.kind == "subscription":
                raise TowpathError(
                    Code.BAD_REQUEST, "A subscription needs a WebSocket: connect to /graphql with the subprotocol graphql-transport-ws."
                )
        except TowpathError as e:
            return Answer.failed(e)
        return await self.carry_out(plan, ask, caller)

    async def answer_open(self, ask: Ask, caller: Caller) -> Answer | OpenAnswer:
        """As `answer`, for a client that can take long data as they arrive."""
        try:
            complete, plan = self.plan(ask, caller)
        except TowpathError as e:
            return Answer.failed(e)
        if plan.kind != "query" or list(plan.parts) != [Side.READ]:
            return await self.answer(ask, caller) if plan.kind == "subscription" else await self.carry_out(plan, complete, caller)
        part = plan.parts[Side.READ]
        variables = {name: value for name, value in complete.variables.items() if name in part.variables}
        name = complete.operation_name if part.text is None else None
        return await self.backends.read_open(part.text or complete.query, variables, caller, operation_name=name)

    def plan(self, ask: Ask, caller: Caller) -> tuple[Ask, Plan]:
        """The request with its document, and what is to be done with it.

        Raises:
            TowpathError: The document is unknown, not allowed or wrong.
        """
        ask = self.persisted.complete(ask, caller)
        return ask, self.documents.plan(ask.query, ask.operation_name)

    async def carry_out(self, plan: Plan, ask: Ask, caller: Caller, *, live: bool = False) -> Answer:
        """The answer to a request whose plan is known; a `live` one is asked for somebody who subscribes to its answers."""
        if len(plan.parts) == 1:
            ((side, part),) = plan.parts.items()
            return await self._ask(side, part, ask, caller, live)
        sides = list(plan.parts)
        answers = await asyncio.gather(*(self._ask(side, plan.parts[side], ask, caller, live) for side in sides))
        values = dict(zip(sides, (_value(a) for a in answers), strict=True))
        status = max((a.status for a in answers), default=200)
        return Answer.of(merge(plan, ask.variables, values), status)

    async def _ask(self, side: Side, part: Part, ask: Ask, caller: Caller, live: bool) -> Answer:
        variables = {name: value for name, value in ask.variables.items() if name in part.variables}
        if side is Side.SCHEMA:
            name = ask.operation_name if part.text is None else None
            return await self._introspection.answer(part.text or ask.query, variables, name, caller)
        if part.text is not None:
            return await self.backends.ask(side, part.text, variables, caller, live=live)
        return await self.backends.ask(side, ask.query, variables, caller, operation_name=ask.operation_name, live=live)


def _value(answer: Answer) -> Mapping[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    error = TowpathError(Code.INTERNAL, "A service gave an answer that cannot be merged; its log says why.")
    return {"errors": [with_request_id(error.to_graphql())]}


def status_of(error: TowpathError) -> int:
    """HTTP status for an error that ends a whole HTTP request."""
    return STATUS.get(error.code, 400)
