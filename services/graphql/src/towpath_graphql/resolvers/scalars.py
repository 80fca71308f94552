"""The scalars of the SDL: UUID, DateTime, JSON, log_level."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from uuid import UUID

from ariadne import ScalarType
from graphql import EnumValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode, value_from_ast_untyped

from towpath_graphql.domain.log_levels import level_of
from towpath_graphql.domain.state_json import parse_time

uuid_scalar = ScalarType("UUID")
datetime_scalar = ScalarType("DateTime")
json_scalar = ScalarType("JSON")
log_level_scalar = ScalarType("log_level")
MAX_DEPTH = 100
"""Levels of nesting in a JSON value: what is stored must also fit into an answer, and encoders stop at some 250 levels."""


@uuid_scalar.value_parser
def _parse_uuid(value: Any) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise GraphQLError(f"{value!r} is no UUID.") from None


@uuid_scalar.serializer
def _write_uuid(value: Any) -> str:
    return str(value)


@datetime_scalar.value_parser
def _parse_datetime(value: Any) -> datetime:
    moment = parse_time(value)
    if moment is None:
        raise GraphQLError(f"{value!r} is no ISO 8601 time between the years 1 and 9999.")
    return moment


@datetime_scalar.serializer
def _write_datetime(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def checked_depth(value: Any) -> Any:
    """The value, if it is not nested too deeply.

    Raises:
        GraphQLError: It is nested deeper than `MAX_DEPTH`.
    """
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [m for v in layer if isinstance(v, dict | list) for m in (v.values() if isinstance(v, dict) else v)]
        if not layer:
            return value
    raise GraphQLError(f"A JSON value may be nested {MAX_DEPTH} deep at most.")


json_scalar.set_value_parser(checked_depth)


@json_scalar.literal_parser
def _parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return checked_depth(value_from_ast_untyped(node, variables))


@json_scalar.serializer
def _write_json(value: Any) -> Any:
    return value


@log_level_scalar.value_parser
def _parse_log_level(value: Any) -> str:
    if not isinstance(value, str | int):
        raise GraphQLError("A log level is a name such as INFO.")
    return level_of(value)


@log_level_scalar.literal_parser
def _parse_log_level_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> str:
    if not isinstance(node, EnumValueNode | StringValueNode | IntValueNode):
        raise GraphQLError("A log level is a name such as INFO.")
    return level_of(node.value)


def base64_text(value: bytes | None) -> str | None:
    """Bytes as base64 text, for answers."""
    return None if value is None else base64.b64encode(value).decode()
