"""Documents, parsed and validated once and kept.

Prefect 1's client writes ids into its documents, so nearly each of them is new; but they differ in their literals only. The first of a
shape is parsed and validated, and those after it are made from it by putting their literals into its tree.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    StringValueNode,
    parse,
    validate,
)

from towpath_service_kit.documents import numbered, take_apart

T = TypeVar("T")
_Part = Callable[[Sequence[str]], Any]
CACHED_DOCUMENTS = 500
LONGEST_CACHED = 20_000
"""Characters; longer documents hold inlined data and will not come again."""
_PLAIN = (re.compile(r"-?(?:0|[1-9][0-9]*)"), re.compile(r'"[^"\\\n\r\ud800-\udfff]*"'))
"""Literals that mean what they say; the parser is asked about all others."""


class Documents:
    """Parsed and validated documents, the most recently used ones kept.

    A document of literals is not kept but its shape. One of a known shape is not validated again: what depends on literals is whether
    they fit their types, which execution checks too. `parsed` and `validated` count.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._cache: OrderedDict[str, DocumentNode] = OrderedDict()
        self._shapes: OrderedDict[str, Template] = OrderedDict()
        self.parsed = 0
        self.validated = 0

    def get(self, text: str) -> DocumentNode | list[GraphQLError]:
        """The document, or what is wrong with it."""
        found = self._cache.get(text)
        if found is not None:
            self._cache.move_to_end(text)
            return found
        shaped, literals = take_apart(text) if len(text) <= LONGEST_CACHED else (text, [])
        template = self._shapes.get(shaped)
        if template is not None:
            self._shapes.move_to_end(shaped)
            if (document := template.filled(literals)) is not None:
                return document
        self.parsed += 1
        try:
            document = parse(text, no_location=True)  # answers name no places in it
        except GraphQLError as e:
            return [e]
        except RecursionError:
            return [GraphQLError("The document is nested too deeply.")]
        if template is not None:
            return document
        self.validated += 1
        if errors := validate(self._schema, document, max_errors=5):
            return errors
        if len(text) <= LONGEST_CACHED:
            if literals and _stands_for_its_shape(document):
                _keep(self._shapes, shaped, Template(text, literals))
            else:
                _keep(self._cache, text, document)
        return document


def _stands_for_its_shape(document: DocumentNode) -> bool:
    """Whether other literals leave a valid document valid: two fields of one name are alike or not by their literals, so there is one."""
    if len(document.definitions) != 1:
        return False
    (operation,) = document.definitions
    return isinstance(operation, OperationDefinitionNode) and len(operation.selection_set.selections) == 1


def _keep(cache: OrderedDict[str, T], key: str, value: T) -> None:
    cache[key] = value
    if len(cache) > CACHED_DOCUMENTS:
        cache.popitem(last=False)


class Template:
    """The tree of a document that others of its shape are made from.

    Args:
        text: The document, which is valid.
        literals: What `take_apart` finds in it.
    """

    def __init__(self, text: str, literals: Sequence[str]) -> None:
        kinds = [next((kind for kind in _PLAIN if kind.fullmatch(literal)), None) for literal in literals]
        self._kinds = [kind for kind in kinds if kind is not None]
        # in the tree of the numbered text each literal says which one it is
        self._tree = _part(parse(numbered(text), no_location=True)) if len(self._kinds) == len(kinds) else None

    def filled(self, literals: Sequence[str]) -> DocumentNode | None:
        """What parsing a text of this shape with these literals gives; None where the parser has to be asked."""
        if self._tree is None or not all(kind.fullmatch(literal) for kind, literal in zip(self._kinds, literals, strict=True)):
            return None
        document: DocumentNode = self._tree(literals)
        return document


def _part(value: Any) -> _Part | None:
    """Makes a part of the tree from the literals; None for one that has none, and so is the same each time."""
    if isinstance(value, IntValueNode):
        return partial(_node, value, {"value": itemgetter(int(value.value))})
    if isinstance(value, StringValueNode):
        return partial(_node, value, {"value": partial(_unquoted, int(value.value))})
    if isinstance(value, Node):
        parts = {name: part for name, item in vars(value).items() if (part := _part(item))}
        return partial(_node, value, parts) if parts else None
    if isinstance(value, tuple):
        items = [(_part(item), item) for item in value]
        return partial(_row, items) if any(part for part, _ in items) else None
    return None


def _node(node: Node, parts: Mapping[str, _Part], literals: Sequence[str]) -> Node:
    made: Node = object.__new__(type(node))  # its constructor sets field by field, which takes four times as long
    fields = vars(made)
    fields.update(vars(node))
    for name, part in parts.items():
        fields[name] = part(literals)
    return made


def _row(items: Sequence[tuple[_Part | None, Node]], literals: Sequence[str]) -> tuple[Node, ...]:
    return tuple(part(literals) if part else item for part, item in items)


def _unquoted(position: int, literals: Sequence[str]) -> str:
    return literals[position][1:-1]
