"""`__schema` and `__type`: the schema of a role as GraphQL types, and the answers about it.

Built from the same views that resolve requests (`introspection_outputs.py`, `introspection_inputs.py`), so a role finds exactly what
it can use. graphql-core answers the introspection query itself; it takes no part in any other request.
"""

import json
from collections.abc import Mapping
from typing import Any

from graphql import (
    DirectiveLocation,
    DocumentNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLSkipDirective,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from towpath_read_engine.caching import Lru
from towpath_read_engine.errors import invalid
from towpath_read_engine.introspection_outputs import OutputTypes
from towpath_read_engine.introspection_queries import introspection_only, refuse_excess, spliced
from towpath_read_engine.roles import RoleSchema

_DIRECTIVES = (
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    GraphQLDirective(
        "cached",
        [DirectiveLocation.QUERY],
        {
            "ttl": GraphQLArgument(GraphQLNonNull(GraphQLInt), default_value=60, description="measured in seconds"),
            "refresh": GraphQLArgument(GraphQLNonNull(GraphQLBoolean), default_value=False, description="refresh the cache entry"),
        },
        description="whether this query should be cached (this engine never does)",
    ),
)
_RULES = [rule for rule in specified_rules if rule not in (NoUnusedVariablesRule, NoUnusedFragmentsRule)]
"""What is used by the table fields of a mixed document is not seen here."""
_ANSWERS_KEPT, _ANSWERS_ROOM = 8, 32 * 1024 * 1024


class Introspection:
    """The GraphQL schema of one role."""

    def __init__(self, role: RoleSchema) -> None:
        types = OutputTypes(role)
        self.schema = GraphQLSchema(query=types.query(), subscription=types.subscription(), directives=_DIRECTIVES)
        self._answers: Lru[tuple[str, str | None, str], bytes] = Lru(_ANSWERS_KEPT, room=_ANSWERS_ROOM, largest=_ANSWERS_ROOM // 2)

    def answer(self, text: str, variables: Mapping[str, Any], operation_name: str | None) -> bytes:
        """The `data` of an introspection query.

        Raises:
            ReadError: it was refused.
        """
        key = (text, operation_name, repr(variables))
        found = self._answers.get(key)
        if found is None:
            found = json.dumps(self._asked(_parsed(text), variables, operation_name), separators=(",", ":")).encode()
            self._answers.put(key, found, len(found) + text.__sizeof__() + key[2].__sizeof__())
        return found

    def answer_with_rows(self, text: str, variables: Mapping[str, Any], operation_name: str | None, rows: bytes) -> bytes:
        """The `data` of a query that asks for tables, too; `rows` is the database's answer.

        Raises:
            ReadError: it was refused.
        """
        return spliced(self._asked(introspection_only(_parsed(text)), variables, operation_name), rows)

    def _asked(self, document: DocumentNode, variables: Mapping[str, Any], operation_name: str | None) -> dict[str, Any]:
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            raise invalid("no such operation found in the document")
        refuse_excess(document, operation, len(self.schema.type_map))
        problems = validate(self.schema, document, _RULES)
        if problems:
            raise invalid(problems[0].message)
        result = execute_sync(self.schema, document, variable_values=dict(variables), operation_name=operation_name)
        if result.errors or result.data is None:
            raise invalid(result.errors[0].message if result.errors else "the introspection query has no answer")
        return result.data


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(text)
    except GraphQLError as error:
        raise invalid("not a valid graphql query", "$.query") from error
