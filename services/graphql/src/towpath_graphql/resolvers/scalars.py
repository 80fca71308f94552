"""The scalars of the SDL: UUID, DateTime, JSON."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ariadne import ScalarType
from graphql import GraphQLError, ValueNode, value_from_ast_untyped

uuid_scalar = ScalarType("UUID")
datetime_scalar = ScalarType("DateTime")
json_scalar = ScalarType("JSON")


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
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise GraphQLError(f"{value!r} is no ISO 8601 time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@datetime_scalar.serializer
def _write_datetime(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@json_scalar.value_parser
def _parse_json(value: Any) -> Any:
    return value


@json_scalar.literal_parser
def _parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return value_from_ast_untyped(node, variables)


@json_scalar.serializer
def _write_json(value: Any) -> Any:
    return value


def base64_text(value: bytes | None) -> str | None:
    """Bytes as base64 text, for answers."""
    return None if value is None else base64.b64encode(value).decode()
