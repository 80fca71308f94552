"""Execution of operations as graphql-core does it, with a short way for the plain ones, which nearly all are.

graphql-core asks of each value anew what its type is, and whether it must be awaited. Here that is asked once for each selection set and
each list of variables, and what was made of them is kept. Whatever is not plain (a fragment, a directive, a wrong value, an error, ...) is
left to graphql-core from the start, so its answers, errors and paths are the only ones there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableDefinitionNode,
    default_field_resolver,
    default_type_resolver,
    is_leaf_type,
    is_required_input_field,
)
from graphql import execute as execute_any
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils import AwaitableOrValue

T = TypeVar("T")
_Step = Callable[[Any], Any]
_Variable = tuple[str, GraphQLVariableSignature, _Step]
_KEPT = "towpath_kept"
_PLAIN = frozenset({str, int, float, bool, dict, list, UUID, datetime})
"""Types of values that are nothing to wait for, to call or to raise; subclasses may be."""
_AS_IT_IS: dict[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class _NotPlainError(Exception):
    """Something that graphql-core has to see."""


def execute(
    schema: GraphQLSchema, document: DocumentNode, context: Any, variables: dict[str, Any] | None = None, operation_name: str | None = None
) -> AwaitableOrValue[ExecutionResult]:
    """What `graphql.execute` answers with its plain executor: nothing is deferred or streamed.

    Args:
        schema: A valid schema.
        document: A document that is valid in it.
        context: The resolvers' `info.context`.
        variables: Values of its variables, as they came.
        operation_name: Which of its operations; None for its only one.
    """
    operation = document.definitions[0]
    if len(document.definitions) == 1 and isinstance(operation, OperationDefinitionNode) and operation_name is None:
        values = _variable_values(schema, operation.variable_definitions or (), variables or {})
        if values is not None:
            resolvers = (default_field_resolver, default_type_resolver, default_field_resolver)
            result: Any = _Execution(schema, {}, {}, None, context, operation, values, *resolvers).execute_operation()
            return result  # type: ignore[no-any-return] # its class makes nothing incremental
    return execute_any(
        schema,
        document,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        executor_class=_Execution,
    )


def _kept(node: Node, kind: Any, make: Callable[[], T]) -> T | None:
    """What was made of a node and a type; None where that is not plain.

    It is kept on the node, so it lives as long as that: documents are kept or not elsewhere.
    """
    found = vars(node).get(_KEPT)
    if found is None or found[0] is not kind:
        try:
            made = make()
        except _NotPlainError:
            made = None
        found = vars(node)[_KEPT] = (kind, made)
    return found[1]


class _Execution(Executor[Any]):
    def complete_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> AwaitableOrValue[Any]:
        node = field_details_list[0].node
        if type(result) is dict and node.selection_set is not None and len(field_details_list) == 1 and not node.directives:
            complete = _kept(node.selection_set, return_type, partial(_completer, node.selection_set, return_type))
            if complete is not None:
                try:
                    return complete(result)
                except Exception:  # it comes again below, where it is told as the dialect wants
                    pass
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)


def _completer(selections: SelectionSetNode | None, kind: Any) -> _Step:
    if isinstance(kind, GraphQLNonNull):
        return _never_null(_completer(selections, kind.of_type))
    if isinstance(kind, GraphQLList):
        return _list(_completer(selections, kind.of_type), (list, tuple))
    if is_leaf_type(kind):
        return _written(kind.coerce_output_value, _AS_IT_IS.get(kind))
    if not isinstance(kind, GraphQLObjectType) or kind.is_type_of or selections is None:
        raise _NotPlainError
    steps: dict[str, tuple[str, _Step]] = {}
    for node in selections.selections:
        if not isinstance(node, FieldNode) or node.directives or node.arguments:
            raise _NotPlainError
        name = node.name.value
        key = node.alias.value if node.alias else name
        field = kind.fields.get(name)
        if field is None or field.resolve or field.args or key in steps:
            raise _NotPlainError
        steps[key] = name, _completer(node.selection_set, field.type)
    return _object([(key, name, step) for key, (name, step) in steps.items()])


def _never_null(step: _Step) -> _Step:
    def complete(value: Any) -> Any:
        if value is None:
            raise _NotPlainError
        return step(value)

    return complete


def _list(step: _Step, kinds: tuple[type, ...]) -> _Step:
    def each(value: Any) -> Any:
        if value is None:
            return None
        if type(value) not in kinds:
            raise _NotPlainError
        return [step(item) for item in value]

    return each


def _written(write: _Step, as_it_is: type | None) -> _Step:
    def complete(value: Any) -> Any:
        kind = type(value)
        if value is None or kind is as_it_is:
            return value
        if kind not in _PLAIN or type(written := write(value)) not in _PLAIN:
            raise _NotPlainError
        return written

    return complete


def _object(steps: Sequence[tuple[str, str, _Step]]) -> _Step:
    def complete(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            raise _NotPlainError
        get = value.get
        return {key: step(get(name)) for key, name, step in steps}

    return complete


def _variable_values(schema: GraphQLSchema, nodes: Sequence[VariableDefinitionNode], inputs: dict[str, Any]) -> VariableValues | None:
    """The coerced values; None unless all variables are there and plainly right."""
    sources: dict[str, VariableValueSource] = {}
    coerced: dict[str, Any] = {}
    if nodes:
        # each of them belongs to one list, and where none holds a literal the list is the same in all documents of a shape
        variables = _kept(nodes[0], schema, partial(_variables, nodes, schema))
        if variables is None:
            return None
        try:
            for name, signature, coerce in variables:
                value = inputs[name]
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = coerce(value)
        except Exception:  # graphql-core says what is wrong
            return None
    return VariableValues(sources, coerced)


def _variables(nodes: Sequence[VariableDefinitionNode], schema: GraphQLSchema) -> list[_Variable]:
    made = []
    for node in nodes:
        if node.default_value or node.directives:
            raise _NotPlainError
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError):
            raise _NotPlainError
        made.append((signature.name, signature, _coercer(signature.type, ())))
    return made


def _coercer(kind: Any, within: tuple[GraphQLInputObjectType, ...]) -> _Step:
    if isinstance(kind, GraphQLNonNull):
        return _never_null(_coercer(kind.of_type, within))
    if isinstance(kind, GraphQLList):
        return _list(_coercer(kind.of_type, within), (list,))
    if is_leaf_type(kind):
        return _read(kind.coerce_input_value)
    if not isinstance(kind, GraphQLInputObjectType) or kind.is_one_of or kind in within:  # one within itself may be nested too deeply
        raise _NotPlainError
    if any(field.default is not None or field.default_value is not Undefined for field in kind.fields.values()):
        raise _NotPlainError
    steps = {name: (field.out_name or name, _coercer(field.type, (*within, kind))) for name, field in kind.fields.items()}
    required = frozenset(name for name, field in kind.fields.items() if is_required_input_field(field))
    return _input_object(steps, required, kind.out_type)


def _read(read: _Step) -> _Step:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if (made := read(value)) is Undefined:
            raise _NotPlainError
        return made

    return coerce


def _input_object(steps: dict[str, tuple[str, _Step]], required: frozenset[str], out_type: _Step) -> _Step:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict or not value.keys() <= steps.keys() or not required <= value.keys():
            raise _NotPlainError
        return out_type({out_name: step(value[name]) for name, (out_name, step) in steps.items() if name in value})

    return coerce
