"""The two services behind the gateway, as it talks to them.

Responsible for the headers that carry a caller's identity to each (a signed one to the graphql service, Hasura's session variables to
the read back end) and for turning their failures into our codes. An answer with data is handed on byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from towpath_gateway.limits import HELD, exceeded
from towpath_gateway.splitting import Side
from towpath_proto import wire
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity as identities
from towpath_service_kit import stimulus, tracing
from towpath_service_kit.identity import Identity, Role
from towpath_service_kit.logs import get_log
from towpath_service_kit.upstream import OpenResponse, Response, Upstream

_log = get_log(__name__)
FORWARDED = ("x-prefect-core-version", "x-prefect-agent-id", "x-prefect-heartbeat-id", "x-request-id", "x-towpath-stimulus")
"""Request headers that go on to the services. All others stay here, those that claim an identity above all."""

WHOLE = 262_144
"""Longer answers of the read back end are passed on as they arrive, where the client's way allows it."""
_PATHS = {Side.BUSINESS: "/graphql", Side.READ: "/v1/graphql"}
_NAMES = {Side.BUSINESS: "The graphql service", Side.READ: "The read back end"}
_HASURA_ROLES = {Role.ADMIN: "operator", Role.OPERATOR: "operator", Role.VIEWER: "viewer", Role.AGENT: "agent", Role.RUN: "run"}
_NO_TENANT = UUID(int=0)
_READ_CODES = {
    "validation-failed": Code.VALIDATION_FAILED,
    "parse-failed": Code.VALIDATION_FAILED,
    "not-found": Code.VALIDATION_FAILED,
    "not-exists": Code.VALIDATION_FAILED,
    "not-supported": Code.VALIDATION_FAILED,
    "data-exception": Code.VALIDATION_FAILED,
    "bad-request": Code.BAD_REQUEST,
    "permission-error": Code.FORBIDDEN,
    "timeout": Code.TIMEOUT,
    "postgres-error": Code.UNAVAILABLE,
    "access-denied": Code.UNAVAILABLE,
    "invalid-headers": Code.UNAVAILABLE,
}
"""The dialect's codes as ours; the dialect's own stays in `extensions.read_code`."""
_OF_THE_GATEWAY = {"access-denied", "invalid-headers"}
"""Codes about the gateway's own secret and headers: nothing that a client could mend."""
STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.BAD_REQUEST: 400,
    Code.PARSE_FAILED: 400,
    Code.VALIDATION_FAILED: 400,
    Code.LIMIT_EXCEEDED: 400,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.TIMEOUT: 504,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
    Code.RATE_LIMITED: 429,
}
"""HTTP status of a request that ends with an error of the gateway's own; 200 for all other codes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what of the request goes on to the services.

    Attributes:
        identity: Who it is.
        headers: Headers to forward, by lower-case name.
    """

    identity: Identity
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it goes to the client.

    Attributes:
        status: HTTP status.
        body: JSON.
    """

    status: int
    body: bytes

    def errors(self) -> list[dict[str, Any]]:
        """The errors of an answer that has no data; none when there are data."""
        if self.body[:8] == b'{"data":' and self.body[8:12] != b"null":
            return []
        value = orjson.loads(self.body)
        return [] if value.get("data") is not None else list(value.get("errors") or ())

    @classmethod
    def of(cls, value: Mapping[str, Any], status: int = 200) -> Answer:
        """An answer from its JSON value."""
        return cls(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))

    @classmethod
    def failed(cls, error: TowpathError) -> Answer:
        """An answer that is one error."""
        return cls.of({"errors": [with_request_id(error.to_graphql())]}, STATUS.get(error.code, 200))


def with_request_id(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An error with the id under which the logs know its request."""
    extensions = {**(entry.get("extensions") or {}), "request_id": stimulus.current()}
    return {**entry, "extensions": extensions}


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """Data that are too long to be held, on their way to the client.

    Attributes:
        chunks: The JSON in pieces.
        length: Bytes of all of them, if known.
        close: To be called at the end, however far it was read.
    """

    chunks: AsyncIterator[bytes]
    length: str | None
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class StreamTurn:
    """What one turn of a stream has given.

    Attributes:
        answer: The rows, as the client gets them, or an error.
        after: The place after the last row, to begin the next turn at; None when there were no rows.
        rows: How many there are.
        more: Whether there may be more rows already.
    """

    answer: Answer
    after: list[str] | None = None
    rows: int = 0
    more: bool = False


def session_headers(identity: Identity, secret: str) -> dict[str, str]:
    """Hasura's session variables for a caller. A tenant's admin is no Hasura `admin`: that role sees every tenant."""
    headers = {"x-hasura-admin-secret": secret}
    if identity.role is Role.SERVICE and identity.tenant is None:
        return {**headers, "x-hasura-role": "admin"}
    headers["x-hasura-role"] = _HASURA_ROLES.get(identity.role, "operator")
    headers["x-hasura-tenant-id"] = str(identity.tenant or _NO_TENANT)
    if identity.run is not None:
        headers["x-hasura-run-id"] = str(identity.run)
    return headers


class Backends:
    """Both services.

    Args:
        graphql: The graphql service.
        read: The read back end.
        identity_secret: Signs the identity for the graphql service.
        read_secret: The read back end's admin secret.
        held: Length of an answer that has to be held whole: of a mixed query, in a batch, on a WebSocket.
    """

    def __init__(self, graphql: Upstream, read: Upstream, *, identity_secret: str, read_secret: str, held: int = HELD) -> None:
        self._held = held
        self._upstreams: Mapping[Side, Upstream] = {Side.BUSINESS: graphql, Side.READ: read}
        self._signer = identities.Signer(identity_secret)
        self._read_secret = read_secret

    async def ask(
        self,
        side: Side,
        query: str,
        variables: Mapping[str, Any],
        caller: Caller,
        *,
        operation_name: str | None = None,
        live: bool = False,
    ) -> Answer:
        """Ask one side; a failure to answer is an answer with an error, too, and so is one that is too long to be held.

        Args:
            live: whether the read back end is asked for a subscriber, who may read what its role may subscribe to. Hasura's image takes
                no notice and holds it against the role's queries.
        """
        with tracing.span(_NAMES[side], kind="client"):
            return await self._ask(side, query, variables, caller, operation_name, {"live": True} if live and side is Side.READ else None)

    async def stream_turn(
        self, query: str, variables: Mapping[str, Any], caller: Caller, *, after: list[str] | None, rows: int
    ) -> StreamTurn:
        """Ask the read back end for the next rows of a stream.

        Args:
            query: A subscription to one stream.
            variables: Its variables.
            caller: Who reads.
            after: The place where the turn before has ended; None for the first.
            rows: Rows at most.
        """
        with tracing.span(_NAMES[Side.READ], kind="client"):
            answer = await self._ask(Side.READ, query, variables, caller, None, {"stream": {"after": after, "rows": rows}})
        if answer.errors():
            return StreamTurn(answer)
        # within a text the quotes would be escaped, so this is nowhere else
        data, found, place = answer.body.rpartition(b',"extensions":{"stream":')
        if not found:
            sentence = "The read back end does not give streams turn by turn; subscribe at its own WebSocket, or use Towpath's read engine."
            return StreamTurn(Answer.failed(TowpathError(Code.VALIDATION_FAILED, sentence)))
        value = orjson.loads(place[:-2])
        return StreamTurn(Answer(answer.status, data + b"}"), value["after"], value["rows"], value["more"])

    async def _ask(
        self,
        side: Side,
        query: str,
        variables: Mapping[str, Any],
        caller: Caller,
        operation_name: str | None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Answer:
        headers = dict(caller.headers)
        tracing.outgoing(headers)
        if side is Side.READ:
            headers |= session_headers(caller.identity, self._read_secret)
        else:
            headers[identities.HEADER] = self._signer.sign(caller.identity)
        try:
            body = wire.encode(query, variables or None, operation_name)
            if extensions is not None:
                body = body[:-1] + b',"extensions":' + orjson.dumps(extensions) + b"}"
            answer = await self._upstreams[side].fetch(_PATHS[side], body, headers, whole=self._held)
        except TowpathError as e:
            return _unanswered(e, side)
        if isinstance(answer, OpenResponse):
            await answer.close()
            return Answer.failed(_too_long(self._held))
        return _read_answer(answer) if side is Side.READ else _business_answer(answer)

    async def read_open(
        self, query: str, variables: Mapping[str, Any], caller: Caller, *, operation_name: str | None = None
    ) -> Answer | OpenAnswer:
        """Ask the read back end; data longer than `WHOLE` are given as they arrive."""
        with tracing.span(_NAMES[Side.READ], kind="client"):
            headers = dict(caller.headers) | session_headers(caller.identity, self._read_secret)
            tracing.outgoing(headers)
            try:
                body = wire.encode(query, variables or None, operation_name)
                answer = await self._upstreams[Side.READ].fetch(_PATHS[Side.READ], body, headers, whole=WHOLE)
            except TowpathError as e:
                return _unanswered(e, Side.READ)
        if isinstance(answer, Response):
            return _read_answer(answer)
        first = await anext(answer.chunks)
        if answer.status == 200 and first[:8] == b'{"data":':
            plain = answer.headers.get("content-encoding", "identity") == "identity"
            return OpenAnswer(_from(first, answer.chunks), answer.headers.get("content-length") if plain else None, answer.close)
        await answer.close()
        return _broken(Side.READ, Response(status=answer.status, headers=answer.headers, body=first))

    async def close(self) -> None:
        """Let go of the connections."""
        for upstream in self._upstreams.values():
            await upstream.close()


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _too_long(limit: int) -> TowpathError:
    advice = "give the query a limit, or ask for this table alone in a POST, whose answer is passed on as it comes"
    return exceeded("The answer is too long to be held whole", limit, advice)


def _unanswered(error: TowpathError, side: Side) -> Answer:
    if error.code is Code.UNREACHABLE:
        return Answer.failed(TowpathError(Code.UNAVAILABLE, f"{_NAMES[side]} is not available; try again soon.", service=str(side)))
    return Answer.failed(error)


def _business_answer(answer: Response) -> Answer:
    if answer.status < 500 and answer.status not in (401, 404) and answer.body[:1] == b"{":
        # a text within the data may hold the word, too; then nothing but time is lost
        return _named(answer) if b'"errors":' in answer.body else Answer(answer.status, answer.body)
    if answer.status == 401:  # it refuses the gateway, not the client
        _log.error("graphql_refused_gateway", status=answer.status)
        sentence = "The graphql service does not accept this gateway's identity; give both the same TOWPATH_IDENTITY_SECRET."
        return Answer.failed(TowpathError(Code.UNAVAILABLE, sentence))
    return _broken(Side.BUSINESS, answer)


def _named(answer: Response) -> Answer:
    value = orjson.loads(answer.body)
    if not isinstance(value.get("errors"), list):
        return Answer(answer.status, answer.body)
    value["errors"] = [with_request_id(entry) for entry in value["errors"]]
    return Answer(answer.status, orjson.dumps(value))


def _read_answer(answer: Response) -> Answer:
    if answer.status == 200 and answer.body[:8] == b'{"data":':
        return Answer(200, answer.body)
    try:
        value = orjson.loads(answer.body)
    except ValueError:
        value = None
    if not isinstance(value, dict) or (answer.status >= 500 and "errors" not in value):
        return _broken(Side.READ, answer)
    if "data" in value and not value.get("errors"):
        return Answer(200, answer.body)
    entries = value.get("errors") or [{"message": str(value.get("error")), "extensions": {"code": value.get("code")}}]
    errors = [_translated(e) for e in entries if isinstance(e, dict)]
    code = Code(errors[0]["extensions"]["code"]) if errors else Code.INTERNAL
    if code is Code.UNAVAILABLE:
        _log.error("read_back_end_unusable", status=answer.status, code=errors[0]["extensions"]["read_code"])
    # what failed while the query ran is an answer like any other
    return Answer.of({"errors": errors}, 200 if code is Code.INTERNAL else STATUS.get(code, 200))


def _translated(entry: Mapping[str, Any]) -> dict[str, Any]:
    extensions = dict(entry.get("extensions") or {})
    theirs = str(extensions.get("code"))
    ours = _READ_CODES.get(theirs, Code.INTERNAL)
    message = str(entry.get("message"))
    if theirs in _OF_THE_GATEWAY:
        message = "The read back end does not accept this gateway; check TOWPATH_READ_SECRET."
    translated = with_request_id({"message": message, "extensions": {**extensions, "code": str(ours), "read_code": theirs}})
    if "path" in entry:
        translated["path"] = entry["path"]
    return translated


def _broken(side: Side, answer: Response) -> Answer:
    _log.error("backend_answer_unusable", side=str(side), status=answer.status, start=answer.body[:200].decode("utf-8", "replace"))
    if answer.status in (502, 503, 504):
        return Answer.failed(TowpathError(Code.UNAVAILABLE, f"{_NAMES[side]} is not available; try again soon.", service=str(side)))
    sentence = f"{_NAMES[side]} failed (HTTP {answer.status}); its log says why."
    return Answer.failed(TowpathError(Code.INTERNAL, sentence, service=str(side)))
