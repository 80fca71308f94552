"""`__schema` and `__type` of the one URL: the read back end's tables, the business service's fields and the gateway's subscriptions as one
schema, so that GraphiQL, code generators and checking clients see what they can ask.

The read side is asked as the caller, since each role has a schema of its own, and remembered for some minutes; the other two are the same
for everybody. Types of one name on both sides become one type that has the fields of both; names that differ in case (`UUID`, `uuid`)
stay two. It answers introspection only; no other request is held against this schema. While the read back end is away, what was
remembered is shown.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    GraphQLSchema,
    assert_valid_schema,
    build_client_schema,
    build_schema,
    get_introspection_query,
    graphql_sync,
    introspection_from_schema,
)

from towpath_gateway.backends import Answer, Backends, Caller, session_headers, with_request_id
from towpath_gateway.splitting import Side
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.clock import Clock

REMEMBERED = 300.0
"""Seconds for which a role's schema is shown without asking for it again."""
ANSWERS = 4
"""Answers of one role that are remembered: a tool asks the same again and again, and each is some megabytes."""
_ROOTS = ("Query", "Mutation", "Subscription")
_MEMBERS = ("fields", "inputFields", "enumValues", "possibleTypes", "interfaces")
Json = dict[str, Any]


@dataclass(slots=True)
class _Known:
    """A role's schema."""

    until: float
    digest: bytes
    schema: GraphQLSchema
    answers: OrderedDict[bytes, Answer] = field(default_factory=OrderedDict)


class Introspection:
    """Answers `__schema` and `__type`.

    Args:
        backends: Where the read side is asked.
        sdl: SDL of the business service.
        own_sdl: SDL of the gateway's subscriptions.
        clock: Measures how long a schema is remembered.
        enabled: Whether it is answered at all.
    """

    def __init__(self, backends: Backends, *, sdl: str, own_sdl: str, clock: Clock, enabled: bool = True) -> None:
        self._backends = backends
        self._sdls = (sdl, own_sdl)
        self._clock = clock
        self._enabled = enabled
        self._known: dict[str, _Known] = {}
        self._looking = asyncio.Lock()

    async def answer(self, text: str, variables: Mapping[str, Any], operation_name: str | None, caller: Caller) -> Answer:
        """The answer to a document that asks for nothing else."""
        try:
            known = await self._schema(caller)
        except TowpathError as e:
            return Answer.failed(e)
        whole = orjson.dumps([text, dict(variables), operation_name], default=str)
        key = hashlib.blake2b(whole, digest_size=16).digest()
        found = known.answers.get(key)
        if found is None:
            found = await asyncio.to_thread(_execute, known.schema, text, dict(variables), operation_name)
            if found.status == 200:
                known.answers[key] = found
                while len(known.answers) > ANSWERS:
                    known.answers.popitem(last=False)
        return found

    async def _schema(self, caller: Caller) -> _Known:
        if not self._enabled:
            raise TowpathError(Code.FORBIDDEN, "Introspection is switched off here (TOWPATH_INTROSPECTION).")
        role = session_headers(caller.identity, "")["x-hasura-role"]
        async with self._looking:  # one at a time: the second to ask finds what the first has found
            known = self._known.get(role)
            now = self._clock.monotonic()
            if known is not None and known.until > now:
                return known
            answer = await self._backends.ask(Side.READ, get_introspection_query(), {}, Caller(caller.identity))
            if answer.errors():
                if known is None:
                    raise _refusal(answer)
                return known
            digest = hashlib.blake2b(answer.body, digest_size=16).digest()
            if known is not None and known.digest == digest:
                known.until = now + REMEMBERED
                return known
            schema = await asyncio.to_thread(_build, answer.body, self._sdls)
            self._known[role] = _Known(now + REMEMBERED, digest, schema)
            return self._known[role]


def _refusal(answer: Answer) -> TowpathError:
    entry = answer.errors()[0]
    code = entry.get("extensions", {}).get("code")
    return TowpathError(
        Code.UNAVAILABLE if code in (Code.UNAVAILABLE, Code.TIMEOUT) else Code.INTERNAL,
        f"The read back end does not tell its schema ({entry.get('message')}); try again soon.",
    )


def _build(body: bytes, sdls: tuple[str, str]) -> GraphQLSchema:
    read: Json = orjson.loads(body)["data"]["__schema"]
    business, own = ({**introspection_from_schema(build_schema(sdl))["__schema"]} for sdl in sdls)
    schema = build_client_schema({"__schema": merge_schemas(read, business, own)})  # type: ignore[typeddict-item]
    assert_valid_schema(schema)
    return schema


def _execute(schema: GraphQLSchema, text: str, variables: Json, operation_name: str | None) -> Answer:
    result = graphql_sync(schema, text, variable_values=variables, operation_name=operation_name)
    if result.errors:
        errors = [TowpathError(Code.VALIDATION_FAILED, error.message).to_graphql() for error in result.errors]
        return Answer.of({"errors": [with_request_id(entry) for entry in errors]}, 400)
    return Answer.of({"data": result.data})


def merge_schemas(read: Json, business: Json, own: Json) -> Json:
    """One `__schema` from three.

    Args:
        read: The read back end's; what is called like a query of the business service can be queried and subscribed to there only.
        business: The business service's queries and mutations.
        own: The gateway's subscriptions; its queries are left out.
    """
    tables = _root(read, "queryType")
    queries, subscriptions = _root(business, "queryType"), _root(own, "subscriptionType")
    business_names = {f["name"] for f in queries["fields"]}
    watched = _root(read, "subscriptionType")["fields"] if read["subscriptionType"] else []
    watched = [f for f in watched if f["name"] not in business_names]
    roots = [
        {**queries, "name": "Query", "fields": _union(queries["fields"], tables["fields"])},
        {**_root(business, "mutationType"), "name": "Mutation"},
        {**subscriptions, "name": "Subscription", "fields": _union(subscriptions["fields"], watched)},
    ]
    left_out = {
        (schema[kind] or {}).get("name") for schema in (read, business, own) for kind in ("queryType", "mutationType", "subscriptionType")
    }
    types: dict[str, Json] = {}
    for schema in (read, business, own):
        for kind in schema["types"]:
            if kind["name"] not in left_out:
                types[kind["name"]] = _one(types[kind["name"]], kind) if kind["name"] in types else kind
    return {
        **{f"{name.lower()}Type": {"name": name} for name in _ROOTS},
        "types": [*roots, *(types[name] for name in sorted(types))],
        "directives": _union(business["directives"], read["directives"]),
    }


def _root(schema: Json, kind: str) -> Json:
    name = schema[kind]["name"]
    return next(t for t in schema["types"] if t["name"] == name)


def _one(first: Json, second: Json) -> Json:
    """Two types of one name as one; of what both have the first is taken."""
    if first["kind"] != second["kind"]:
        return first
    return {**first, **{m: _union(first.get(m) or [], second.get(m) or []) for m in _MEMBERS if first.get(m) or second.get(m)}}


def _union(first: list[Json], second: list[Json]) -> list[Json]:
    names = {item["name"] for item in first}
    return [*first, *(item for item in second if item["name"] not in names)]
