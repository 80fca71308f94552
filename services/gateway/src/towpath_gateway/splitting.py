"""Which side answers which root field: pure decisions on a parsed document.

A root field of the business SDL goes to the graphql service, every other field of a query to the read back end. A document that needs
one side is left as it is. One that needs both becomes two, each with its own root fields, the fragments and variables that these use,
and the conditions (`@include`, `@skip`) under which they stood. Response keys are merged in the order of the document. It sends nothing
and knows no types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    parse,
    print_ast,
)

from towpath_gateway.limits import spreads
from towpath_proto.errors import Code, TowpathError

_ROOT_TYPES = {"Query", "query_root", "Subscription", "subscription_root"}
_STREAM_ARGUMENTS = frozenset({"batch_size", "cursor"})


class Side(StrEnum):
    """Who answers a root field."""

    BUSINESS = "graphql"
    READ = "read"
    SCHEMA = "schema"
    """`__schema` and `__type`, which the gateway answers for all sides."""
    LOCAL = "gateway"
    """The gateway itself: `__typename` of the root."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An `@include` or `@skip`: the field is there when the value is `wanted`.

    Attributes:
        wanted: True for include, False for skip.
        value: The literal, if it is one.
        variable: The variable, if it is one.
    """

    wanted: bool
    value: bool = False
    variable: str | None = None

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Whether the field is there."""
        return bool(variables.get(self.variable) if self.variable is not None else self.value) is self.wanted


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A root field where it stands."""

    key: str
    side: Side
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What one side is asked.

    Attributes:
        text: The document; None when it is the client's own text.
        variables: The variables that it declares.
    """

    text: str | None
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with an operation.

    Attributes:
        kind: query, mutation or subscription.
        parts: What each side is asked; empty when the gateway answers itself. Of a subscription: the query that is to be kept true.
        occurrences: All root fields in the document's order.
        defaults: Default values of the operation's Boolean variables.
        words: Every field and argument name in the document; for guessing which events concern it.
        streams: Whether it is a subscription to a stream, of which the part is asked turn by turn.
    """

    kind: str
    parts: Mapping[Side, Part]
    occurrences: tuple[Occurrence, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    streams: bool = False

    @property
    def untouched(self) -> bool:
        """Whether the client's own text is forwarded, so that the plan holds for any document of the same shape."""
        return len(self.parts) == 1 and all(p.text is None for p in self.parts.values())


@dataclass(frozen=True, slots=True)
class BusinessFields:
    """Root fields of the business service, and the gateway's own subscriptions."""

    queries: frozenset[str]
    mutations: frozenset[str]
    subscriptions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, sdl: str) -> BusinessFields:
        """Those of an SDL text."""
        found: dict[str, set[str]] = {"Query": set(), "Mutation": set(), "Subscription": set()}
        for definition in parse(sdl, no_location=True).definitions:
            if isinstance(definition, ObjectTypeDefinitionNode | ObjectTypeExtensionNode) and definition.name.value in found:
                found[definition.name.value] |= {f.name.value for f in definition.fields or ()}
        return cls(*(frozenset(found[name]) for name in ("Query", "Mutation", "Subscription")))

    def side(self, name: str) -> Side:
        """Who answers a root field of a query."""
        if name == "__typename":
            return Side.LOCAL
        if name in ("__schema", "__type"):
            return Side.SCHEMA
        return Side.BUSINESS if name in self.queries else Side.READ


def choose_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation that a request means.

    Raises:
        TowpathError: `VALIDATION_FAILED` when there is none of that name, or several and no name.
    """
    operations = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
        elif not isinstance(definition, FragmentDefinitionNode):
            raise TowpathError(Code.VALIDATION_FAILED, "The document defines types; send operations and fragments only.")
    if name:
        operations = [o for o in operations if o.name is not None and o.name.value == name]
        if len(operations) != 1:
            raise TowpathError(Code.VALIDATION_FAILED, f"The document has no single operation named {name!r}; correct operationName.")
    if not operations:
        raise TowpathError(Code.VALIDATION_FAILED, "The document holds no operation; send a query or a mutation.")
    if len(operations) > 1:
        raise TowpathError(Code.VALIDATION_FAILED, "The document holds several operations; name the one to run in operationName.")
    return operations[0]


def split(document: DocumentNode, operation: OperationDefinitionNode, business: BusinessFields) -> Plan:
    """The plan for an operation whose fragments have been checked by `limits.check_document`.

    Raises:
        TowpathError: `VALIDATION_FAILED` when the document cannot be divided as it stands.
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    declared = {v.variable.name.value: v for v in operation.variable_definitions or ()}
    alone = len(document.definitions) == 1 + len(fragments)
    if operation.operation is OperationType.SUBSCRIPTION:
        return _subscription(document, operation, fragments, business)
    if operation.operation is not OperationType.QUERY:
        text = None if alone else _document(operation, operation.selection_set.selections, fragments, declared.values())
        part = Part(text, frozenset(declared))
        return Plan(operation.operation.value, {Side.BUSINESS: part}, (), words=_words(document))
    occurrences = tuple(_occurrences(operation.selection_set, fragments, business, ()))
    sides = {o.side for o in occurrences} - {Side.LOCAL}
    simple = not operation.directives and not declared and not any(o.conditions for o in occurrences)
    if not sides and simple:
        return Plan("query", {}, occurrences)
    if len(sides) <= 1:
        side = next(iter(sides), Side.BUSINESS)
        foreign = _foreign_conditions(operation.selection_set, fragments, "query_root" if side is Side.READ else "Query")
        text = None
        if foreign or not alone:
            kept = _keep(operation.selection_set, fragments, business, {side, Side.LOCAL})
            text = _document(operation, kept, fragments, declared.values())
        part = Part(text, frozenset(declared))
        return Plan("query", {side: part}, occurrences, words=_words(document))
    _check_mixed(occurrences, document, operation, fragments, declared)
    parts = {}
    for side in sorted(sides):
        kept = _keep(operation.selection_set, fragments, business, {side})
        used = _variables_used(operation, kept, fragments)
        text = _document(operation, kept, fragments, [d for name, d in declared.items() if name in used])
        parts[side] = Part(text, frozenset(used & set(declared)))
    return Plan("query", parts, occurrences, _defaults(declared.values()), _words(document))


def _subscription(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    business: BusinessFields,
) -> Plan:
    """One of the gateway's own subscriptions, which `prepared` reads; a stream of a table's rows, known by its arguments, for
    a table may have any name; or a query on tables that is to be kept true."""
    fields = list(_root_fields(operation.selection_set, fragments))
    names = {node.name.value for node in fields}
    if names & business.subscriptions or not names - {"__typename"}:
        return Plan("subscription", {}, ())
    if names & business.queries:
        name = sorted(names & business.queries)[0]
        raise TowpathError(Code.VALIDATION_FAILED, f"{name} cannot be subscribed to; ask for it in a query, or use `live`.")
    if len({node.alias.value if node.alias else node.name.value for node in fields}) != 1:
        raise TowpathError(Code.VALIDATION_FAILED, "A subscription has one root field; begin one for each.")
    declared = {v.variable.name.value: v for v in operation.variable_definitions or ()}
    kept = _keep(operation.selection_set, fragments, business, {Side.READ})
    streams = any(map(_is_stream, fields))
    text = _document(operation, kept, fragments, declared.values(), OperationType.SUBSCRIPTION if streams else OperationType.QUERY)
    return Plan("subscription", {Side.READ: Part(text, frozenset(declared))}, (), words=_words(document), streams=streams)


def _is_stream(node: FieldNode) -> bool:
    return {a.name.value for a in node.arguments or ()} >= _STREAM_ARGUMENTS


def _root_fields(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    """The fields at the root."""
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            yield selection
        else:
            yield from _root_fields(_inside(selection, fragments), fragments)


def _check_mixed(
    occurrences: Sequence[Occurrence],
    document: DocumentNode,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    declared: Mapping[str, VariableDefinitionNode],
) -> None:
    """What the two sides can no longer see once the document is divided."""
    owner: dict[str, Side] = {}
    for occurrence in occurrences:
        if owner.setdefault(occurrence.key, occurrence.side) is not occurrence.side:
            raise TowpathError(
                Code.VALIDATION_FAILED, f"Two different fields both answer as {occurrence.key!r}; give one of them another alias."
            )
    selections = operation.selection_set.selections
    unused = sorted(set(declared) - _variables_used(operation, selections, fragments))
    if unused:
        raise TowpathError(Code.VALIDATION_FAILED, f"The variable ${unused[0]} is declared and never used; take it out.")
    lonely = sorted(set(fragments) - _reached(selections, fragments))
    if lonely and len(document.definitions) == 1 + len(fragments):
        raise TowpathError(Code.VALIDATION_FAILED, f"The fragment {lonely[0]} is defined and never used; take it out.")


def _defaults(variables: Iterable[VariableDefinitionNode]) -> dict[str, bool]:
    """Default values of the variables that conditions may stand on: the Boolean ones."""
    return {v.variable.name.value: v.default_value.value for v in variables if isinstance(v.default_value, BooleanValueNode)}


def _conditions(directives: Iterable[DirectiveNode] | None) -> Iterator[Condition]:
    for directive in directives or ():
        name = directive.name.value
        if name not in ("include", "skip"):
            continue
        value = next((a.value for a in directive.arguments or () if a.name.value == "if"), None)
        if isinstance(value, VariableNode):
            yield Condition(name == "include", variable=value.name.value)
        elif isinstance(value, BooleanValueNode):
            yield Condition(name == "include", value.value)


def _occurrences(
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    business: BusinessFields,
    outer: tuple[Condition, ...],
) -> Iterator[Occurrence]:
    for selection in selections.selections:
        conditions = (*outer, *_conditions(selection.directives))
        if isinstance(selection, FieldNode):
            key = selection.alias.value if selection.alias else selection.name.value
            yield Occurrence(key, business.side(selection.name.value), conditions)
        else:
            yield from _occurrences(_inside(selection, fragments), fragments, business, conditions)


def _inside(selection: SelectionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> SelectionSetNode:
    """The selection of a fragment at the root, spread or inline."""
    if isinstance(selection, FragmentSpreadNode):
        fragment: FragmentDefinitionNode | InlineFragmentNode = fragments[selection.name.value]
    else:
        assert isinstance(selection, InlineFragmentNode)
        fragment = selection
    condition = fragment.type_condition
    if condition is not None and condition.name.value not in _ROOT_TYPES:
        raise TowpathError(
            Code.VALIDATION_FAILED, f"A fragment on {condition.name.value} stands at the root of the query, which is a Query; correct it."
        )
    return fragment.selection_set


def _foreign_conditions(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], root: str) -> bool:
    """Whether a fragment at the root names the root type of the other side."""
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            continue
        fragment = fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
        condition = getattr(fragment, "type_condition", None)
        if condition is not None and condition.name.value != root:
            return True
        if _foreign_conditions(_inside(selection, fragments), fragments, root):
            return True
    return False


def _keep(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], business: BusinessFields, sides: set[Side]
) -> tuple[SelectionNode, ...]:
    """The root selections of some sides. Fragments at the root become inline ones without a type, which both sides understand."""
    kept: list[SelectionNode] = []
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            if business.side(selection.name.value) in sides:
                kept.append(selection)
            continue
        inner = _keep(_inside(selection, fragments), fragments, business, sides)
        if inner:
            kept.append(
                InlineFragmentNode(type_condition=None, directives=selection.directives, selection_set=SelectionSetNode(selections=inner))
            )
    return tuple(kept)


def _reached(selections: Iterable[SelectionNode], fragments: Mapping[str, FragmentDefinitionNode]) -> set[str]:
    found: set[str] = set()
    todo = sorted(spreads(SelectionSetNode(selections=tuple(selections))))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += sorted(spreads(fragments[name].selection_set))
    return found


def _variables_used(
    operation: OperationDefinitionNode, selections: Iterable[SelectionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> set[str]:
    selections = tuple(selections)
    roots: list[Node] = [*selections, *(operation.directives or ())]
    roots += [fragments[name] for name in _reached(selections, fragments)]
    return {node.name.value for node in _walk(roots) if isinstance(node, VariableNode)}


def _document(
    operation: OperationDefinitionNode,
    selections: Iterable[SelectionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Iterable[VariableDefinitionNode],
    kind: OperationType | None = None,
) -> str:
    selections = tuple(selections)
    part = OperationDefinitionNode(
        operation=kind or operation.operation,
        name=operation.name,
        variable_definitions=tuple(variables),
        directives=operation.directives or (),
        selection_set=SelectionSetNode(selections=selections),
    )
    reached = _reached(selections, fragments)
    return print_ast(DocumentNode(definitions=(part, *(f for name, f in fragments.items() if name in reached))))


def _walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """All nodes below, without recursion."""
    todo = list(nodes)
    while todo:
        node = todo.pop()
        yield node
        for key in node.keys:
            value = getattr(node, key, None)
            if isinstance(value, Node):
                todo.append(value)
            elif isinstance(value, tuple | list):
                todo += [v for v in value if isinstance(v, Node)]


def _words(document: DocumentNode) -> frozenset[str]:
    return frozenset(n.name.value for n in _walk([document]) if isinstance(n, FieldNode | ObjectFieldNode))


def merge(plan: Plan, variables: Mapping[str, Any], answers: Mapping[Side, Mapping[str, Any]]) -> dict[str, Any]:
    """One answer from those of both sides.

    A side that gives no data leaves the whole answer without data: half an answer would look like a whole one to a client that does not
    read `errors`.

    Args:
        plan: A plan with several parts, or none.
        variables: The request's variables.
        answers: Each side's answer.
    """
    errors = [error for answer in answers.values() for error in answer.get("errors") or ()]
    if any(answer.get("data") is None for answer in answers.values()):
        return {"data": None, "errors": errors} if all("data" in answer for answer in answers.values()) else {"errors": errors}
    given = {**plan.defaults, **variables}
    data: dict[str, Any] = {}
    for occurrence in plan.occurrences:
        if occurrence.key in data or not all(c.holds(given) for c in occurrence.conditions):
            continue
        if occurrence.side is Side.LOCAL:
            data[occurrence.key] = "Query"
        elif occurrence.key in answers[occurrence.side]["data"]:
            data[occurrence.key] = answers[occurrence.side]["data"][occurrence.key]
    return {"data": data, "errors": errors} if errors else {"data": data}
