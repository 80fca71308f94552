"""The HTTP side: POST /graphql with a signed identity, and the health routes.

Errors are formatted in one place: ours keep their code and sentence; anything unexpected is logged with its trace and answered as INTERNAL
without details.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive

from towpath_graphql.app.caller import Caller
from towpath_graphql.documents import Documents
from towpath_graphql.execution import execute
from towpath_graphql.resolvers.context import Context
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.health import Ready, health_routes
from towpath_service_kit.identity import HEADER, Verifier
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.straight import Straight, read_body

_log = get_log(__name__)
MakeContext = Callable[[Caller], Context]


def build_app(schema: GraphQLSchema, make_context: MakeContext, secret: str, ready: Ready, metrics: Metrics) -> ASGIApp:
    """The ASGI application.

    Args:
        schema: The executable schema.
        make_context: Makes a request's context for a caller.
        secret: `TOWPATH_IDENTITY_SECRET`.
        ready: For /health/ready.
        metrics: For /metrics.
    """
    documents = Documents(schema)
    verifier = Verifier(secret)
    seconds = metrics.histogram("towpath_graphql_seconds", "Time to answer a request", ["field"])

    async def graphql(headers: Mapping[str, str], receive: Receive) -> Response:
        try:
            caller = caller_of(headers, verifier)
        except TowpathError as e:
            return _answer({"errors": [e.to_graphql()]}, 401)
        try:
            body = orjson.loads(await read_body(headers, receive))
            text = body["query"]
            variables = body.get("variables")
            if not isinstance(text, str) or not isinstance(variables, dict | None):
                raise TypeError
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            error = TowpathError(Code.BAD_REQUEST, "The body must be a JSON object with a query text and, if needed, variables.")
            return _answer({"errors": [error.to_graphql()]}, 400)
        document = documents.get(text)
        if isinstance(document, list):
            return _answer({"errors": [_format(e, Code.VALIDATION_FAILED) for e in document]}, 400)
        with seconds.labels(_first_field(document)).time():
            result = execute(schema, document, make_context(caller), variables, body.get("operationName"))
            if not isinstance(result, ExecutionResult):
                result = await result
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [_format(e, Code.BAD_REQUEST) for e in result.errors]
        return _answer(answer, 200)

    return Straight(Starlette(routes=health_routes(ready, metrics)), ["/graphql"], graphql, service="graphql")


def caller_of(headers: Mapping[str, str], verifier: Verifier) -> Caller:
    """The proven caller of a request.

    Raises:
        TowpathError: `UNAUTHENTICATED` without a good identity.
    """
    proven = verifier.verify(headers.get(HEADER))
    return Caller(
        tenant_id=proven.tenant,
        role=str(proven.role),
        actor=proven.actor,
        run_id=proven.run,
        fence=proven.fence,
        agent_id=_uuid(headers.get("x-prefect-agent-id")),
        core_version=headers.get("x-prefect-core-version"),
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _first_field(document: DocumentNode) -> str:
    for definition in document.definitions:
        selections = getattr(getattr(definition, "selection_set", None), "selections", ())
        for selection in selections:
            name = getattr(getattr(selection, "name", None), "value", None)
            if name:
                return str(name)
    return "none"


def _format(error: GraphQLError, default: Code) -> dict[str, Any]:
    original = error.original_error
    path = list(error.path) if error.path else None
    if isinstance(original, TowpathError):
        return original.to_graphql(path)
    if original is not None and not isinstance(original, GraphQLError):
        _log.error("resolver_failed", error=original, path=path)
        return TowpathError(Code.INTERNAL, "Something went wrong here; the service's log has the details.").to_graphql(path)
    return TowpathError(default, error.message).to_graphql(path)


def _answer(content: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content, default=str), status, media_type="application/json")
