"""The API as the loops see it: an `Upstream` that checks each document against the SDL and answers from memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values

from towpath_proto import sdl
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.client import ApiClient, Retry
from towpath_service_kit.loops import LoopTurn
from towpath_service_kit.settings import Secret
from towpath_service_kit.signals import Listener
from towpath_service_kit.testing import ManualClock
from towpath_service_kit.upstream import Response, StreamedResponse

TOKEN = "a-service-token-of-some-length"
Answer = Callable[[dict[str, Any]], Any]


class FakeApi:
    """Answers root fields with the functions in `answers`; a `TowpathError` that one raises is a GraphQL error.

    Attributes:
        answers: Root field -> function of the variables.
        calls: (root field, variables) of each call, in order.
        away: While true nothing answers.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.answers: dict[str, Answer] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.away = False

    def client(self) -> ApiClient:
        """A client that does not repeat calls."""
        return ApiClient(self, Secret(TOKEN), retry=Retry(tries=1))

    def sent(self, root: str) -> list[dict[str, Any]]:
        """The variables of the calls of one root field."""
        return [variables for name, variables in self.calls if name == root]

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        if self.away:
            raise TowpathError(Code.UNREACHABLE, "Nothing answers.")
        assert path == "/graphql"
        assert (headers or {})["authorization"] == f"Bearer {TOKEN}"
        request = json.loads(body)
        document = parse(request["query"])
        assert validate(self._schema, document) == []
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        coerced = get_variable_values(self._schema, list(operation.variable_definitions or ()), request.get("variables") or {})
        assert isinstance(coerced, dict) or not getattr(coerced, "errors", None), coerced
        root = operation.selection_set.selections[0].name.value  # type: ignore[union-attr]
        variables = request.get("variables") or {}
        self.calls.append((root, variables))
        try:
            data = {root: self.answers[root](variables)}
        except TowpathError as e:
            return Response(status=200, body=json.dumps({"data": None, "errors": [e.to_graphql([root])]}).encode())
        return Response(status=200, body=json.dumps({"data": data}).encode())

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        raise AssertionError("the loops only post")

    @asynccontextmanager
    async def stream(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> AsyncIterator[StreamedResponse]:
        raise AssertionError("the loops only post")
        yield  # pragma: no cover

    async def close(self) -> None:
        """Nothing is held."""


async def _busy_turn(turns: Listener[LoopTurn], clock: ManualClock) -> LoopTurn:
    for _ in range(200):
        await asyncio.sleep(0)
        while turns.waiting:
            turn = await turns.next()
            if turn.result is not None and turn.result.items:
                return turn
        for _ in range(5):
            await asyncio.sleep(0)
        if not turns.waiting:
            clock.advance(max(0.0, await clock.until_waiting()))
    raise AssertionError("no turn has found anything to do")


@pytest.fixture
def busy_turn() -> Callable[[Listener[LoopTurn], ManualClock], Awaitable[LoopTurn]]:
    """Moves the clock from sleep to sleep until a turn has changed something; gives that turn."""
    return _busy_turn


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    """The business service's schema."""
    return build_schema(sdl.load())


@pytest.fixture
def api(schema: GraphQLSchema) -> FakeApi:
    """An API that answers nothing yet."""
    return FakeApi(schema)
