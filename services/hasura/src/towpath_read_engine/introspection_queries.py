"""Introspection queries: how much one may ask for, and how its answer and that of table fields become one.

In a document that asks for both, `introspection_only` puts `__typename` in the place of each table field, so that the answer
to what is left has every key in its place; `spliced` then puts the database's bytes there, without reading them.
"""

import json
from collections.abc import Mapping
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from towpath_read_engine.errors import invalid

_MEMBERS, _ARGUMENTS, _OTHERS = 12, 3, 2
_LISTS = {
    "fields": _MEMBERS,
    "inputFields": _MEMBERS,
    "enumValues": _MEMBERS,
    "args": _ARGUMENTS,
    "interfaces": _OTHERS,
    "possibleTypes": _OTHERS,
    "directives": _ARGUMENTS,
}
"""About how long the lists are; `types` is as long as the schema has types."""
_COST_PER_TYPE = 3000
"""The usual query of tools costs about a third of this for each type of the schema."""
_MAX_DEPTH = 30


def refuse_excess(document: DocumentNode, operation: OperationDefinitionNode, types: int) -> None:
    """Refuse a query whose answer would be several times as large as the whole schema.

    Raises:
        ReadError: it would, or it nests too deep.
    """
    fragments = {item.name.value: item for item in document.definitions if isinstance(item, FragmentDefinitionNode)}
    budget = types * _COST_PER_TYPE

    def cost(selections: SelectionSetNode | None, each: int, depth: int) -> int:
        """What a selection set costs when it is answered `each` times."""
        spent = 0
        if depth > _MAX_DEPTH:
            raise invalid("the introspection query nests too deep; ask for less at once")
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                times = types if node.name.value == "types" else _LISTS.get(node.name.value, 1)
                spent += each + cost(node.selection_set, each * times, depth + 1)
            elif isinstance(node, FragmentSpreadNode):
                fragment = fragments.get(node.name.value)
                spent += each + cost(fragment.selection_set if fragment else None, each, depth + 1)
            elif isinstance(node, InlineFragmentNode):
                spent += each + cost(node.selection_set, each, depth + 1)
            if spent > budget:
                raise invalid("the introspection query asks for several times the whole schema; ask for less at once")
        return spent

    cost(operation.selection_set, 1, 0)


def introspection_only(document: DocumentNode) -> DocumentNode:
    """The document with `__typename` in the place of each field of the root that is no introspection."""
    return DocumentNode(definitions=tuple(map(_definition, document.definitions)))


def _definition(node: DefinitionNode) -> DefinitionNode:
    if isinstance(node, OperationDefinitionNode):
        return OperationDefinitionNode(
            operation=node.operation,
            name=node.name,
            variable_definitions=node.variable_definitions,
            directives=node.directives,
            selection_set=_root(node.selection_set),
        )
    if isinstance(node, FragmentDefinitionNode) and node.type_condition.name.value == "query_root":
        return FragmentDefinitionNode(
            name=node.name,
            type_condition=node.type_condition,
            directives=node.directives,
            selection_set=_root(node.selection_set),
        )
    return node


def _root(selections: SelectionSetNode) -> SelectionSetNode:
    return SelectionSetNode(selections=tuple(map(_selection, selections.selections)))


def _selection(node: SelectionNode) -> SelectionNode:
    if isinstance(node, InlineFragmentNode):
        return InlineFragmentNode(type_condition=node.type_condition, directives=node.directives, selection_set=_root(node.selection_set))
    if isinstance(node, FieldNode) and not node.name.value.startswith("__"):
        return FieldNode(alias=node.alias or node.name, name=NameNode(value="__typename"), directives=node.directives, arguments=())
    return node


def spliced(answer: Mapping[str, Any], rows: bytes) -> bytes:
    """The introspection's answer with the members of the database's answer, a JSON object, in their places."""
    text = rows.decode()
    members = dict(_members(text))
    parts = [
        f"{json.dumps(key)}:{members[key] if key in members else json.dumps(value, separators=(',', ':'))}" for key, value in answer.items()
    ]
    return ("{" + ",".join(parts) + "}").encode()


def _members(text: str) -> list[tuple[str, str]]:
    """The keys of a JSON object with the text of their values."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    found: list[tuple[str, str]] = []
    at = text.index("{") + 1
    while text[at:].lstrip()[:1] == '"':
        at = text.index('"', at)
        key, at = decoder.raw_decode(text, at)
        start = text.index(":", at) + 1
        while text[start].isspace():
            start += 1
        _, at = decoder.raw_decode(text, start)
        found.append((key, text[start:at]))
        at += len(text[at:]) - len(text[at:].lstrip(" \n,"))
    return found
