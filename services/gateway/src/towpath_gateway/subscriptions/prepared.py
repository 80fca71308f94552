"""A subscription document made ready: checked against the gateway's own schema, its field and arguments read, its events shaped.

Each event is executed as GraphQL over one ready value, so aliases, fragments and directives mean what they mean everywhere. It does not
know where events come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    build_schema,
    execute_sync,
    get_argument_values,
    get_variable_values,
    parse,
    validate,
)

from towpath_gateway.asking import Ask
from towpath_gateway.splitting import choose_operation
from towpath_proto.errors import Code, TowpathError


def own_sdl() -> str:
    """The SDL of the gateway's subscriptions."""
    return (files("towpath_gateway") / "subscriptions.graphql").read_text(encoding="utf-8")


@cache
def schema() -> GraphQLSchema:
    """The schema of the gateway's subscriptions."""
    return build_schema(own_sdl())


@dataclass(frozen=True, slots=True)
class Prepared:
    """A subscription.

    Attributes:
        field: The field that is subscribed to.
        arguments: Its arguments.
        document: The document.
        ask: The request.
    """

    field: str
    arguments: Mapping[str, Any]
    document: DocumentNode
    ask: Ask

    def shaped(self, value: Any) -> dict[str, Any]:
        """The result for one event, `{"data": …}` with `errors` if there are any."""
        result = execute_sync(
            schema(),
            self.document,
            root_value={self.field: value},
            variable_values=dict(self.ask.variables),
            operation_name=self.ask.operation_name,
        )
        return dict(result.formatted)

    def uuid(self, name: str) -> UUID | None:
        """An argument that is a UUID.

        Raises:
            TowpathError: `VALIDATION_FAILED` when it is something else.
        """
        value = self.arguments.get(name)
        try:
            return None if value is None else UUID(value)
        except (ValueError, AttributeError, TypeError):
            raise TowpathError(Code.VALIDATION_FAILED, f"The argument {name} is no UUID; correct it.") from None

    def moment(self, name: str) -> datetime | None:
        """An argument that is a point in time.

        Raises:
            TowpathError: `VALIDATION_FAILED` when it is something else.
        """
        value = self.arguments.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (ValueError, TypeError):
            raise TowpathError(Code.VALIDATION_FAILED, f"The argument {name} is no time in ISO 8601; correct it.") from None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

    def json_object(self, name: str) -> dict[str, Any]:
        """An argument that is a JSON object, such an object as text, or null.

        Raises:
            TowpathError: `VALIDATION_FAILED` when it is something else.
        """
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = 0
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise TowpathError(Code.VALIDATION_FAILED, f"The argument {name} is no JSON object; correct it.")
        return value


def prepare(ask: Ask) -> Prepared:
    """Make a subscription ready; its limits have been checked before.

    Raises:
        TowpathError: `VALIDATION_FAILED`.
    """
    document = parse(ask.query, no_location=True)
    operation = choose_operation(document, ask.operation_name)
    errors = validate(schema(), document)
    if errors:
        message = errors[0].message
        if "log_stream" in message and ("'batch_size'" in message or "'cursor'" in message):  # as every table's stream has them
            message += " The rows of the table log stream as log_rows_stream."
        raise TowpathError(Code.VALIDATION_FAILED, message)
    node = _root_field(document, operation)
    subscription = schema().subscription_type
    assert subscription is not None
    try:
        variables = get_variable_values(schema(), operation.variable_definitions or (), dict(ask.variables))
        if isinstance(variables, list):
            raise variables[0]
        arguments = get_argument_values(subscription.fields[node.name.value], node, variables)
    except GraphQLError as e:
        raise TowpathError(Code.VALIDATION_FAILED, e.message) from None
    return Prepared(node.name.value, arguments, document, ask)


def _root_field(document: DocumentNode, operation: OperationDefinitionNode) -> FieldNode:
    """The one field at the root; validation has seen to it that there is no second."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    todo: list[SelectionNode] = list(operation.selection_set.selections)
    while todo:
        selection = todo.pop(0)
        if isinstance(selection, FieldNode):
            if selection.name.value.startswith("__"):
                break
            return selection
        if isinstance(selection, FragmentSpreadNode):
            todo = [*fragments[selection.name.value].selection_set.selections, *todo]
        elif isinstance(selection, InlineFragmentNode):
            todo = [*selection.selection_set.selections, *todo]
    raise TowpathError(Code.VALIDATION_FAILED, "A subscription asks for one of the gateway's subscription fields; this one does not.")
