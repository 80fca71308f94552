"""`__schema` and `__type`: the schema of a role as GraphQL types.

Built from the same views that resolve requests, so a role finds exactly what it can use. graphql-core answers the
introspection query itself; it takes no part in any other request.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from graphql import (
    DirectiveLocation,
    DocumentNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLIncludeDirective,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLString,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from towpath_read_engine import plan
from towpath_read_engine.caching import Lru
from towpath_read_engine.calls import is_required
from towpath_read_engine.errors import invalid
from towpath_read_engine.functions import Function, TrackedFunction
from towpath_read_engine.introspection_queries import introspection_only, refuse_excess, spliced
from towpath_read_engine.model import Column, ComputedField
from towpath_read_engine.operators import OPERATORS
from towpath_read_engine.ordering import COMPARABLE_FUNCTIONS, DIRECTION_NAMES, NUMERIC_FUNCTIONS, aggregate_applies
from towpath_read_engine.predicates import (
    PAIR,
    PAIRED_FUNCTIONS,
    PREDICATE_FUNCTIONS,
    predicate_arguments_type,
    predicate_columns,
    predicate_columns_type,
    predicate_type,
)
from towpath_read_engine.roles import NO_QUERIES, FunctionRootKind, RoleSchema, RootKind, Roots, TableView
from towpath_read_engine.scalars import INTEGER, TEXT, PgType

_BUILT_IN = {"Int": GraphQLInt, "Float": GraphQLFloat, "Boolean": GraphQLBoolean, "String": GraphQLString}
T = TypeVar("T")
_ROOT_TEXTS: dict[RootKind, str] = {
    "select": 'fetch data from the table: "{}"',
    "select_by_pk": 'fetch data from the table: "{}" using primary key columns',
    "select_aggregate": 'fetch aggregated fields from the table: "{}"',
}
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
_ANSWERS_KEPT = 8
_LONGEST_KEPT = 32_768
_KEEPS_TYPE = frozenset({"sum", "max", "min"})


class Introspection:
    """The GraphQL schema of one role."""

    def __init__(self, role: RoleSchema) -> None:
        self._role = role
        self._scalars: dict[str, GraphQLScalarType] = dict(_BUILT_IN)
        self._inputs: dict[str, GraphQLInputObjectType] = {}
        self._objects: dict[str, GraphQLObjectType] = {}
        self._enums: dict[str, GraphQLEnumType] = {}
        self._direction = GraphQLEnumType(
            "order_by", {name: GraphQLEnumValue(name) for name in DIRECTION_NAMES}, description="column ordering options"
        )
        query = self._roots("query_root", role.roots) or GraphQLObjectType("query_root", {NO_QUERIES: _no_queries()})
        subscription = self._roots("subscription_root", role.subscription_roots)
        self.schema = GraphQLSchema(query=query, subscription=subscription, directives=_DIRECTIVES)
        self._answers: Lru[tuple[str, str | None, str], bytes] = Lru(_ANSWERS_KEPT)

    def answer(self, text: str, variables: Mapping[str, Any], operation_name: str | None) -> bytes:
        """The `data` of an introspection query.

        Raises:
            ReadError: it was refused.
        """
        key = (text, operation_name, repr(variables))
        found = self._answers.get(key)
        if found is None:
            found = json.dumps(self._asked(_parsed(text), variables, operation_name), separators=(",", ":")).encode()
            if len(text) <= _LONGEST_KEPT:
                self._answers.put(key, found)
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

    def _roots(self, name: str, roots: Roots) -> GraphQLObjectType | None:
        """A root type; None without fields."""
        fields = {field: self._root(kind, view) for field, (kind, view) in roots.items()}
        fields.update((field, self._function(*root)) for field, root in self._role.functions.items())
        return GraphQLObjectType(name, fields) if fields else None

    def _root(self, kind: RootKind, view: TableView) -> GraphQLField:
        about = _ROOT_TEXTS[kind].format(view.table.key.name)
        comment = view.table.root_comments.get(kind)
        about = about if comment is None else comment
        if kind == "select":
            return GraphQLField(_list_of(self._object(view)), self._list_arguments(view), description=about or None)
        if kind == "select_aggregate":
            return GraphQLField(GraphQLNonNull(self._aggregate(view)), self._list_arguments(view), description=about or None)
        keys = {
            column.field: GraphQLArgument(GraphQLNonNull(self._input(column.type)), description=column.comment or None)
            for column in view.columns.values()
            if column.name in view.table.primary_key
        }
        return GraphQLField(self._object(view), keys, description=about or None)

    def _function(self, kind: FunctionRootKind, tracked: TrackedFunction, view: TableView) -> GraphQLField:
        arguments = self._arguments(tracked.function, tracked.arguments_type)
        if tracked.function.many:
            arguments |= self._list_arguments(view)
        about = tracked.comment or f'execute function "{tracked.function.key.name}" which returns "{view.table.key.name}"'
        if kind == "function_aggregate":
            return GraphQLField(GraphQLNonNull(self._aggregate(view)), arguments, description=about)
        return GraphQLField(_list_of(self._object(view)) if tracked.function.many else self._object(view), arguments, description=about)

    def _arguments(self, function: Function, type_name: str) -> dict[str, GraphQLArgument]:
        """The `args` argument of a function, if it takes any."""
        if not function.given:
            return {}

        def fields() -> dict[str, GraphQLInputField]:
            return {item.field: _optional(self._named_scalar(item.written)) for item in function.given}

        about = f'input parameters for function "{function.key.name}"'
        input_type = self._input_named(type_name, fields, None)
        return {"args": GraphQLArgument(GraphQLNonNull(input_type) if is_required(function) else input_type, description=about)}

    def _object(self, view: TableView) -> GraphQLObjectType:
        return self._object_named(
            view.name, lambda: self._row_fields(view), _text(view.table.comment, f'columns and relationships of "{view.table.key.name}"')
        )

    def _row_fields(self, view: TableView) -> dict[str, GraphQLField]:
        fields = {column.field: self._column(column) for column in view.columns.values()}
        fields.update((name, self._computed(item)) for name, item in view.computed.items())
        for name, relationship in view.relationships.items():
            target = self._role.target(relationship)
            if relationship.is_array:
                fields[name] = GraphQLField(
                    _list_of(self._object(target)),
                    self._list_arguments(target),
                    description=_text(relationship.comment, "An array relationship"),
                )
                if target.aggregations:
                    aggregate = GraphQLNonNull(self._aggregate(target))
                    fields[f"{name}_aggregate"] = GraphQLField(
                        aggregate, self._list_arguments(target), description=_text(relationship.comment, "An aggregate relationship")
                    )
            else:
                required = relationship.always_one and target.filter == plan.TRUE
                kind: GraphQLOutputType = GraphQLNonNull(self._object(target)) if required else self._object(target)
                fields[name] = GraphQLField(kind, description=_text(relationship.comment, "An object relationship"))
        return fields

    def _computed(self, item: ComputedField) -> GraphQLField:
        function = item.function
        arguments = self._arguments(function, item.arguments_type)
        about = item.comment or f'A computed field, executes function "{function.key.name}"'
        if function.table is None:
            if function.returns.is_json:
                arguments["path"] = GraphQLArgument(GraphQLString, description="JSON select path")
            return GraphQLField(self._output(function.returns), arguments, description=about)
        target = self._role.views[function.table]
        if not function.many:
            return GraphQLField(self._object(target), arguments, description=about)
        return GraphQLField(GraphQLList(GraphQLNonNull(self._object(target))), arguments | self._list_arguments(target), description=about)

    def _column(self, column: Column) -> GraphQLField:
        kind = self._output(column.type)
        arguments = {"path": GraphQLArgument(GraphQLString, description="JSON select path")} if column.type.is_json else None
        return GraphQLField(
            GraphQLNonNull(kind) if column.not_null and column.shown is None else kind, arguments, description=column.comment or None
        )

    def _aggregate(self, view: TableView) -> GraphQLObjectType:
        name = f"{view.name}_aggregate"
        return self._object_named(
            name,
            lambda: {
                "aggregate": GraphQLField(self._aggregate_fields(view)),
                "nodes": GraphQLField(_list_of(self._object(view))),
            },
            f'aggregated selection of "{view.table.key.name}"',
        )

    def _aggregate_fields(self, view: TableView) -> GraphQLObjectType:
        arguments: dict[str, GraphQLArgument] = {}
        if view.columns:
            arguments = {"columns": GraphQLArgument(_list_in(self._select_column(view))), "distinct": GraphQLArgument(GraphQLBoolean)}
        fields = {"count": GraphQLField(GraphQLNonNull(GraphQLInt), arguments)}
        for function, columns in _functions(view):
            name = f"{view.name}_{function}_fields"
            parts = {column.field: GraphQLField(self._aggregated(function, column.type)) for column in columns}
            for item in view.computed.values():
                type_ = item.function.returns
                if item.function.table is None and aggregate_applies(function, type_):
                    arguments = self._arguments(item.function, item.arguments_type)
                    parts[item.name] = GraphQLField(self._aggregated(function, type_), arguments)
            if not parts:
                continue
            fields[function] = GraphQLField(self._object_named(name, _given(parts), f"aggregate {function} on columns"))
        return self._object_named(f"{view.name}_aggregate_fields", lambda: fields, f'aggregate fields of "{view.table.key.name}"')

    def _aggregated(self, function: str, type_: PgType) -> GraphQLOutputType:
        return self._output(type_) if function in _KEEPS_TYPE else GraphQLFloat

    def _list_arguments(self, view: TableView) -> dict[str, GraphQLArgument]:
        arguments = {
            "limit": GraphQLArgument(GraphQLInt, description="limit the number of rows returned"),
            "offset": GraphQLArgument(GraphQLInt, description="skip the first n rows. Use only with order_by"),
            "order_by": GraphQLArgument(_list_in(self._order_by(view)), description="sort the rows by one or more columns"),
            "where": GraphQLArgument(self._bool_exp(view), description="filter the rows returned"),
        }
        if view.columns:
            arguments["distinct_on"] = GraphQLArgument(_list_in(self._select_column(view)), description="distinct select on columns")
        return dict(sorted(arguments.items()))

    def _bool_exp(self, view: TableView) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            own = self._bool_exp(view)
            found: dict[str, GraphQLInputField] = {
                "_and": _optional(_list_in(own)),
                "_not": _optional(own),
                "_or": _optional(_list_in(own)),
            }
            found.update((column.field, _optional(self._comparison(column.type))) for column in view.columns.values())
            for name, computed in _without_arguments(view).items():
                table = computed.function.table
                exp = self._comparison(computed.function.returns) if table is None else self._bool_exp(self._role.views[table])
                found[name] = _optional(exp)
            for name, item in view.relationships.items():
                target = self._role.target(item)
                found[name] = _optional(self._bool_exp(target))
                if item.is_array and target.aggregations:
                    found[f"{name}_aggregate"] = _optional(self._aggregate_bool_exp(target))
            return found

        about = f"Boolean expression to filter rows from the table \"{view.table.key.name}\". All fields are combined with a logical 'AND'."
        return self._input_named(f"{view.name}_bool_exp", fields, about)

    def _aggregate_bool_exp(self, view: TableView) -> GraphQLInputObjectType:
        def predicate(function: str, arguments: GraphQLInputType | None, type_: PgType) -> GraphQLInputField:
            def fields() -> dict[str, GraphQLInputField]:
                found: dict[str, GraphQLInputField] = {"arguments": _optional(arguments)} if arguments is not None else {}
                found |= {"distinct": _optional(GraphQLBoolean), "filter": _optional(self._bool_exp(view))}
                return found | {"predicate": _optional(GraphQLNonNull(self._comparison(type_)))}

            return _optional(self._input_named(f"{view.name}_aggregate_bool_exp_{function}", fields, None))

        def functions() -> dict[str, GraphQLInputField]:
            found = {"count": predicate("count", _list_in(self._select_column(view)) if view.columns else None, INTEGER)}
            for function in PREDICATE_FUNCTIONS:
                columns = predicate_columns(view.columns, function)
                if columns:
                    enum = self._columns_enum(predicate_columns_type(view.name, function), columns, view)
                    arguments: GraphQLEnumType | GraphQLInputObjectType = (
                        enum if function not in PAIRED_FUNCTIONS else self._pair(view, function, enum)
                    )
                    found[function] = predicate(function, GraphQLNonNull(arguments), predicate_type(function))
            return dict(sorted(found.items()))

        return self._input_named(f"{view.name}_aggregate_bool_exp", functions, None)

    def _pair(self, view: TableView, function: str, enum: GraphQLEnumType) -> GraphQLInputObjectType:
        """The columns of a function that takes two."""
        return self._input_named(
            predicate_arguments_type(view.name, function), lambda: {name: _optional(GraphQLNonNull(enum)) for name in PAIR}, None
        )

    def _comparison(self, type_: PgType) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            found = {"_is_null": _optional(GraphQLBoolean)}
            if type_.is_jsonb:
                found["_cast"] = _optional(self._input_named("jsonb_cast_exp", lambda: {"String": _optional(self._comparison(TEXT))}, None))
            for name, operator in OPERATORS.items():
                if operator.applies(type_):
                    operand: GraphQLInputType = self._input(operator.operand(type_))
                    found[name] = _optional(_list_in(operand) if operator.many else operand)
            return dict(sorted(found.items()))

        about = f"Boolean expression to compare columns of type \"{type_.graphql}\". All fields are combined with logical 'AND'."
        return self._input_named(type_.comparison, fields, about)

    def _order_by(self, view: TableView) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            found: dict[str, GraphQLInputField] = {column.field: _optional(self._direction) for column in view.columns.values()}
            for name, computed in _without_arguments(view).items():
                table = computed.function.table
                if table is None:
                    found[name] = _optional(self._direction)
                elif computed.function.many and self._role.views[table].aggregations:
                    found[f"{name}_aggregate"] = _optional(self._aggregate_order_by(self._role.views[table]))
            for name, relationship in view.relationships.items():
                target = self._role.target(relationship)
                if not relationship.is_array:
                    found[name] = _optional(self._order_by(target))
                elif target.aggregations:
                    found[f"{name}_aggregate"] = _optional(self._aggregate_order_by(target))
            return found

        return self._input_named(f"{view.name}_order_by", fields, f'Ordering options when selecting data from "{view.table.key.name}".')

    def _aggregate_order_by(self, view: TableView) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            found = {"count": _optional(self._direction)}
            for function, columns in _functions(view):
                if not columns:
                    continue
                parts = {column.field: _optional(self._direction) for column in columns}
                name = f"{view.name}_{function}_order_by"
                about = f'order by {function}() on columns of table "{view.name}"'
                found[function] = _optional(self._input_named(name, _given(parts), about))
            return found

        return self._input_named(f"{view.name}_aggregate_order_by", fields, f'order by aggregate values of table "{view.name}"')

    def _select_column(self, view: TableView) -> GraphQLEnumType:
        return self._columns_enum(f"{view.name}_select_column", view.columns, view)

    def _columns_enum(self, name: str, columns: Mapping[str, Column], view: TableView) -> GraphQLEnumType:
        if name not in self._enums:
            values = {field: GraphQLEnumValue(field, description="column name") for field in sorted(columns)}
            self._enums[name] = GraphQLEnumType(name, values, description=f'select columns of table "{view.name}"')
        return self._enums[name]

    def _scalar(self, type_: PgType) -> GraphQLScalarType | GraphQLEnumType:
        if type_.enum is None:
            return self._named_scalar(type_.graphql)
        if type_.enum.name not in self._enums:
            values = {item.name: GraphQLEnumValue(item.name, description=item.description) for item in type_.enum.values}
            self._enums[type_.enum.name] = GraphQLEnumType(type_.enum.name, values)
        return self._enums[type_.enum.name]

    def _named_scalar(self, name: str) -> GraphQLScalarType:
        if name not in self._scalars:
            self._scalars[name] = GraphQLScalarType(name)
        return self._scalars[name]

    def _output(self, type_: PgType) -> GraphQLScalarType | GraphQLEnumType | GraphQLList[Any]:
        scalar = self._scalar(type_)
        return GraphQLList(GraphQLNonNull(scalar)) if type_.element is not None else scalar

    def _input(self, type_: PgType) -> GraphQLScalarType | GraphQLEnumType | GraphQLList[Any]:
        scalar = self._scalar(type_)
        return GraphQLList(GraphQLNonNull(scalar)) if type_.element is not None else scalar

    def _object_named(self, name: str, fields: Callable[[], dict[str, GraphQLField]], about: str | None) -> GraphQLObjectType:
        if name not in self._objects:
            self._objects[name] = GraphQLObjectType(name, fields, description=about)
        return self._objects[name]

    def _input_named(self, name: str, fields: Callable[[], dict[str, GraphQLInputField]], about: str | None) -> GraphQLInputObjectType:
        if name not in self._inputs:
            self._inputs[name] = GraphQLInputObjectType(name, fields, description=about)
        return self._inputs[name]


def _functions(view: TableView) -> list[tuple[str, list[Column]]]:
    """The aggregate functions with the columns that have them."""
    functions = (*NUMERIC_FUNCTIONS, *COMPARABLE_FUNCTIONS)
    return [(name, [column for column in view.columns.values() if aggregate_applies(name, column.type)]) for name in functions]


def _without_arguments(view: TableView) -> dict[str, ComputedField]:
    """The computed fields that conditions and sort orders may name."""
    return {name: item for name, item in view.computed.items() if not item.function.given}


def _given(value: T) -> Callable[[], T]:
    """The value as the thunk that graphql-core wants; a lambda in a loop would see the last one only."""
    return lambda: value


def _optional(type_: GraphQLInputType) -> GraphQLInputField:
    return GraphQLInputField(type_)


def _list_in(type_: GraphQLInputType) -> GraphQLList[GraphQLNonNull[Any]]:
    return GraphQLList(GraphQLNonNull(type_))


def _list_of(type_: GraphQLObjectType) -> GraphQLNonNull[Any]:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(type_)))


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(text)
    except GraphQLError as error:
        raise invalid("not a valid graphql query", "$.query") from error


def _text(comment: str | None, otherwise: str) -> str | None:
    """A comment, or the usual words where there is none; an empty comment asks for no words at all."""
    return (otherwise if comment is None else comment) or None


def _no_queries() -> GraphQLField:
    return GraphQLField(GraphQLNonNull(GraphQLString), description="There are no queries available to the current role.")
