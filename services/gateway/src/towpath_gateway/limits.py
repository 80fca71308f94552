"""How much one document may ask for, before and after it is parsed.

Before: bytes, tokens and bracket nesting, read off the text in one pass without recursion, because a recursive parser can be made to
overflow. After: depth, aliases, root fields and cost, with fragments expanded on paper only: a fragment is measured once, however often
it is spread. It does not know what a field costs the database; the read engine has limits of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from towpath_proto.errors import Code, TowpathError

HELD = 32_000_000
"""Length of an answer that has to be held whole, unless the settings say otherwise."""
_TOKEN = re.compile(r"\w++|\.\.\.|[^\s,\w]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one request.

    Attributes:
        document_bytes: Length of a document.
        tokens: Lexical tokens of a document.
        nesting: Brackets within brackets, and selections within selections once fragments are expanded.
        depth: Fields within fields.
        aliases: Aliased fields, fragments expanded.
        root_fields: Fields at the root, fragments expanded.
        fragments: Fragment definitions.
        cost: Selections, fragments expanded; a field with a selection of its own counts ten.
        batch: Requests in one HTTP body.
    """

    document_bytes: int = 1_000_000
    tokens: int = 20_000
    nesting: int = 50
    depth: int = 20
    aliases: int = 200
    root_fields: int = 60
    fragments: int = 100
    cost: int = 5_000
    batch: int = 10


def exceeded(what: str, limit: int, advice: str) -> TowpathError:
    """The error for a limit that a request has passed."""
    return TowpathError(Code.LIMIT_EXCEEDED, f"{what} (the limit is {limit}); {advice}.", limit=limit)


def check_text(shaped: str, length: int, limits: Limits) -> None:
    """Refuse what must not reach a parser.

    Args:
        shaped: The document's shape.
        length: Bytes of the document itself.
        limits: The limits.

    Raises:
        TowpathError: `LIMIT_EXCEEDED`.
    """
    if length > limits.document_bytes:
        raise exceeded(
            f"The document has {length} bytes", limits.document_bytes, "send its data as variables, or send several smaller documents"
        )
    nesting = 0
    for tokens, match in enumerate(_TOKEN.finditer(shaped), 1):
        if tokens > limits.tokens:
            raise exceeded("The document has too many tokens", limits.tokens, "send its data as variables, or send several documents")
        token = match[0]
        if token in "({[":
            nesting += 1
            if nesting > limits.nesting:
                raise exceeded("The document nests brackets too deeply", limits.nesting, "send nested data as variables")
        elif token in ")}]":
            nesting -= 1


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection amounts to, fragments expanded."""

    depth: int = 0
    nesting: int = 0
    aliases: int = 0
    cost: int = 0
    roots: int = 0

    def plus(self, other: _Size) -> _Size:
        return _Size(
            max(self.depth, other.depth),
            max(self.nesting, other.nesting),
            self.aliases + other.aliases,
            self.cost + other.cost,
            self.roots + other.roots,
        )


def check_document(document: DocumentNode, operation: OperationDefinitionNode, limits: Limits) -> None:
    """Refuse an operation that asks for too much.

    Raises:
        TowpathError: `LIMIT_EXCEEDED`, or `VALIDATION_FAILED` for fragments that are missing or form a cycle.
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    if len(fragments) > limits.fragments:
        raise exceeded(f"The document defines {len(fragments)} fragments", limits.fragments, "send several documents")
    sizes: dict[str, _Size] = {}
    for name in _inside_out(fragments, operation):
        sizes[name] = _measure(fragments[name].selection_set, sizes)
    size = _measure(operation.selection_set, sizes)
    for what, value, limit, advice in (
        ("The document nests selections too deeply", size.nesting, limits.nesting, "use fewer fragments within fragments"),
        ("The document asks for fields too deep", size.depth, limits.depth, "ask for the inner objects by their ids in a second request"),
        ("The document has too many aliases", size.aliases, limits.aliases, "send several requests"),
        ("The document has too many root fields", size.roots, limits.root_fields, "send several requests"),
        ("The document asks for too much", size.cost, limits.cost, "ask for fewer fields or send several requests"),
    ):
        if value > limit:
            raise exceeded(f"{what}: {value}", limit, advice)


def _measure(selections: SelectionSetNode, sizes: Mapping[str, _Size]) -> _Size:
    # Its recursion is bounded by the brackets of one definition, which were counted before parsing.
    total = _Size()
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            inner = _measure(selection.selection_set, sizes) if selection.selection_set else _Size()
            own = 10 if selection.selection_set else 1
            total = total.plus(
                _Size(inner.depth + 1, inner.nesting + 1, inner.aliases + (selection.alias is not None), inner.cost + own, roots=1)
            )
        elif isinstance(selection, FragmentSpreadNode):
            total = total.plus(_within(sizes[selection.name.value]))
        elif isinstance(selection, InlineFragmentNode):
            total = total.plus(_within(_measure(selection.selection_set, sizes)))
    return total


def _within(size: _Size) -> _Size:
    return _Size(size.depth, size.nesting + 1, size.aliases, size.cost + 1, size.roots)


def spreads(selections: SelectionSetNode) -> set[str]:
    """Names of the fragments that a selection spreads, those within other fragments aside."""
    found: set[str] = set()
    todo = [selections]
    while todo:
        for selection in todo.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                found.add(selection.name.value)
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                todo.append(selection.selection_set)
    return found


def _inside_out(fragments: Mapping[str, FragmentDefinitionNode], operation: OperationDefinitionNode) -> Iterable[str]:
    """The fragments that the operation reaches, each after those that it spreads itself; without recursion."""
    done: dict[str, None] = {}
    open_: set[str] = set()
    todo = [(name, False) for name in sorted(spreads(operation.selection_set))]
    while todo:
        name, leaving = todo.pop()
        if leaving:
            open_.discard(name)
            done[name] = None
        elif name in open_:
            raise TowpathError(Code.VALIDATION_FAILED, f"The fragment {name} contains itself; take it out of the circle.")
        elif name not in done:
            fragment = fragments.get(name)
            if fragment is None:
                raise TowpathError(Code.VALIDATION_FAILED, f"The document uses the fragment {name}, which it does not define.")
            open_.add(name)
            todo.append((name, True))
            todo += [(inner, False) for inner in sorted(spreads(fragment.selection_set))]
    return done
