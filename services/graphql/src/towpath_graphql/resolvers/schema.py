"""Joins the SDL from proto with the resolvers. A root field without a resolver, or a resolver without a field, fails at start."""

from __future__ import annotations

from functools import cache

from ariadne import MutationType, QueryType, make_executable_schema
from graphql import GraphQLSchema

from towpath_graphql.resolvers import administration, artifacts, base, flows, groups, hooks, limits, native, runs, secrets
from towpath_graphql.resolvers.context import Handler, guarded
from towpath_graphql.resolvers.scalars import datetime_scalar, json_scalar, log_level_scalar, uuid_scalar
from towpath_proto import sdl

_MODULES = (administration, artifacts, base, flows, groups, hooks, limits, native, runs, secrets)
QUERIES: dict[str, Handler] = {k: v for m in _MODULES for k, v in getattr(m, "QUERIES", {}).items()}
MUTATIONS: dict[str, Handler] = {k: v for m in _MODULES for k, v in getattr(m, "MUTATIONS", {}).items()}


@cache
def build_schema() -> GraphQLSchema:
    """The executable schema; made once a process, nobody changes it."""
    query, mutation = QueryType(), MutationType()
    for kind, handlers in ((query, QUERIES), (mutation, MUTATIONS)):
        for field, handler in handlers.items():
            kind.set_field(field, guarded(field, handler))
    schema = make_executable_schema(sdl.load(), query, mutation, uuid_scalar, datetime_scalar, json_scalar, log_level_scalar)
    for root, handlers in ((schema.query_type, QUERIES), (schema.mutation_type, MUTATIONS)):
        assert root is not None
        if missing := set(root.fields) - set(handlers):
            raise RuntimeError(f"root fields without a resolver: {', '.join(sorted(missing))}")
    return schema
