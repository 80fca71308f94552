"""Input types of introspection: conditions, sort orders, arguments, and the scalars and enums that outputs share with them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)

from towpath_read_engine.calls import is_required
from towpath_read_engine.functions import Function
from towpath_read_engine.model import Column, ComputedField
from towpath_read_engine.operators import Operator, casts_of, operators_of
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
from towpath_read_engine.roles import RoleSchema, TableView
from towpath_read_engine.scalars import INTEGER, PgType
from towpath_read_engine.streams import CURSOR_ORDERING, CURSOR_ORDERINGS

_BUILT_IN = {"Int": GraphQLInt, "Float": GraphQLFloat, "Boolean": GraphQLBoolean, "String": GraphQLString}
ValueType = GraphQLScalarType | GraphQLEnumType | GraphQLList[Any]
T = TypeVar("T")


class InputTypes:
    """The input types of one role, each made once."""

    def __init__(self, role: RoleSchema) -> None:
        self._role = role
        self._scalars: dict[str, GraphQLScalarType] = dict(_BUILT_IN)
        self._inputs: dict[str, GraphQLInputObjectType] = {}
        self._enums: dict[str, GraphQLEnumType] = {}
        self._direction = GraphQLEnumType(
            "order_by", {name: GraphQLEnumValue(name) for name in DIRECTION_NAMES}, description="column ordering options"
        )

    def arguments(self, function: Function, type_name: str) -> dict[str, GraphQLArgument]:
        """The `args` argument of a function, if it takes any."""
        if not function.given:
            return {}

        def fields() -> dict[str, GraphQLInputField]:
            return {item.field: optional(self._named_scalar(item.written)) for item in function.given}

        about = f'input parameters for function "{function.key.name}"'
        input_type = self._input_named(type_name, fields, None)
        return {"args": GraphQLArgument(GraphQLNonNull(input_type) if is_required(function) else input_type, description=about)}

    def list_arguments(self, view: TableView) -> dict[str, GraphQLArgument]:
        """The arguments of a field that gives rows."""
        arguments = {
            "limit": GraphQLArgument(GraphQLInt, description="limit the number of rows returned"),
            "offset": GraphQLArgument(GraphQLInt, description="skip the first n rows. Use only with order_by"),
            "order_by": GraphQLArgument(list_of(self._order_by(view)), description="sort the rows by one or more columns"),
            "where": GraphQLArgument(self._bool_exp(view), description="filter the rows returned"),
        }
        if view.columns:
            arguments["distinct_on"] = GraphQLArgument(list_of(self.select_column(view)), description="distinct select on columns")
        return dict(sorted(arguments.items()))

    def stream_arguments(self, view: TableView) -> dict[str, GraphQLArgument]:
        """The arguments of a field that streams rows."""
        cursor = GraphQLNonNull(GraphQLList(self._cursor(view)))
        return {
            "batch_size": GraphQLArgument(GraphQLNonNull(GraphQLInt), description="maximum number of rows returned in a single batch"),
            "cursor": GraphQLArgument(cursor, description="cursor to stream the results returned by the query"),
            "where": GraphQLArgument(self._bool_exp(view), description="filter the rows returned"),
        }

    def _cursor(self, view: TableView) -> GraphQLInputObjectType:
        def values() -> dict[str, GraphQLInputField]:
            return {column.field: optional(self.value(column.type)) for column in view.columns.values()}

        def fields() -> dict[str, GraphQLInputField]:
            about = "Initial value of the column from where the streaming should start"
            initial = self._input_named(view.type("stream_cursor_value_input"), values, about)
            return {"initial_value": optional(GraphQLNonNull(initial)), "ordering": optional(self._cursor_ordering(view))}

        about = f'Streaming cursor of the table "{view.table.graphql}"'
        return self._input_named(view.type("stream_cursor_input"), fields, about)

    def _cursor_ordering(self, view: TableView) -> GraphQLEnumType:
        name = view.table.naming.type(CURSOR_ORDERING)
        if name not in self._enums:
            words = {key: GraphQLEnumValue(key, description=f"{word} ordering of the cursor") for key, word in CURSOR_ORDERINGS.items()}
            self._enums[name] = GraphQLEnumType(name, words, description="cursor ordering")
        return self._enums[name]

    def _bool_exp(self, view: TableView) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            own = self._bool_exp(view)
            found: dict[str, GraphQLInputField] = {
                "_and": optional(list_of(own)),
                "_not": optional(own),
                "_or": optional(list_of(own)),
            }
            found.update((column.field, optional(self._comparison(column.type))) for column in view.columns.values())
            for name, computed in _without_arguments(view).items():
                table = computed.function.table
                exp = self._comparison(computed.function.returns) if table is None else self._bool_exp(self._role.views[table])
                found[name] = optional(exp)
            for name, item in view.relationships.items():
                target = self._role.target(item)
                found[name] = optional(self._bool_exp(target))
                if item.is_array and target.aggregations:
                    found[f"{name}_aggregate"] = optional(self._aggregate_bool_exp(target))
            return found

        about = f"Boolean expression to filter rows from the table \"{view.table.key.name}\". All fields are combined with a logical 'AND'."
        return self._input_named(view.type("bool_exp"), fields, about)

    def _aggregate_bool_exp(self, view: TableView) -> GraphQLInputObjectType:
        def predicate(function: str, arguments: GraphQLInputType | None, type_: PgType) -> GraphQLInputField:
            def fields() -> dict[str, GraphQLInputField]:
                found: dict[str, GraphQLInputField] = {"arguments": optional(arguments)} if arguments is not None else {}
                found |= {"distinct": optional(GraphQLBoolean), "filter": optional(self._bool_exp(view))}
                return found | {"predicate": optional(GraphQLNonNull(self._comparison(type_)))}

            return optional(self._input_named(view.type(f"aggregate_bool_exp_{function}"), fields, None))

        def functions() -> dict[str, GraphQLInputField]:
            found = {"count": predicate("count", list_of(self.select_column(view)) if view.columns else None, INTEGER)}
            for function in PREDICATE_FUNCTIONS:
                columns = predicate_columns(view.columns, function)
                if columns:
                    enum = self._columns_enum(predicate_columns_type(view, function), columns, view)
                    arguments: GraphQLEnumType | GraphQLInputObjectType = (
                        enum if function not in PAIRED_FUNCTIONS else self._pair(view, function, enum)
                    )
                    found[function] = predicate(function, GraphQLNonNull(arguments), predicate_type(function))
            return dict(sorted(found.items()))

        return self._input_named(view.type("aggregate_bool_exp"), functions, None)

    def _pair(self, view: TableView, function: str, enum: GraphQLEnumType) -> GraphQLInputObjectType:
        """The columns of a function that takes two."""
        return self._input_named(
            predicate_arguments_type(view, function), lambda: {name: optional(GraphQLNonNull(enum)) for name in PAIR}, None
        )

    def _comparison(self, type_: PgType) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            found = {"_is_null": optional(GraphQLBoolean)}
            casts = casts_of(type_)
            if casts:
                found["_cast"] = optional(self._input_named(type_.cast, lambda: _each(casts, self._comparison), None))
            found.update((name, optional(self._operand(operator, type_))) for name, operator in operators_of(type_).items())
            return dict(sorted(found.items()))

        about = f"Boolean expression to compare columns of type \"{type_.graphql}\". All fields are combined with logical 'AND'."
        return self._input_named(type_.comparison, fields, about)

    def _operand(self, operator: Operator, type_: PgType) -> GraphQLInputType:
        """The type of what an operator compares columns of a type with."""
        if operator.input_type is None:
            operand: GraphQLInputType = self.value(operator.operand(type_))
            return list_of(operand) if operator.many else operand

        def fields() -> dict[str, GraphQLInputField]:
            found: dict[str, GraphQLInputField] = {}
            for item in operator.members:
                scalar = self._named_scalar(item.expected(type_).removesuffix("!"))
                default = Undefined if item.default is None else item.default
                found[item.name] = GraphQLInputField(GraphQLNonNull(scalar) if item.is_required else scalar, default_value=default)
            return found

        return self._input_named(operator.input_type, fields, None)

    def _order_by(self, view: TableView) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            found: dict[str, GraphQLInputField] = {column.field: optional(self._direction) for column in view.columns.values()}
            for name, computed in _without_arguments(view).items():
                table = computed.function.table
                if table is None:
                    found[name] = optional(self._direction)
                elif computed.function.many and self._role.views[table].aggregations:
                    found[f"{name}_aggregate"] = optional(self._aggregate_order_by(self._role.views[table]))
            for name, relationship in view.relationships.items():
                target = self._role.target(relationship)
                if not relationship.is_array:
                    found[name] = optional(self._order_by(target))
                elif target.aggregations:
                    found[f"{name}_aggregate"] = optional(self._aggregate_order_by(target))
            return found

        return self._input_named(view.type("order_by"), fields, f'Ordering options when selecting data from "{view.table.key.name}".')

    def _aggregate_order_by(self, view: TableView) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            found = {"count": optional(self._direction)}
            for function, columns in aggregate_functions(view):
                if not columns:
                    continue
                parts = {column.field: optional(self._direction) for column in columns}
                name = view.type(f"{function}_order_by")
                about = f'order by {function}() on columns of table "{view.table.graphql}"'
                found[function] = optional(self._input_named(name, as_thunk(parts), about))
            return found

        return self._input_named(view.type("aggregate_order_by"), fields, f'order by aggregate values of table "{view.table.graphql}"')

    def select_column(self, view: TableView) -> GraphQLEnumType:
        """The enum of a table's columns."""
        return self._columns_enum(view.type("select_column"), view.columns, view)

    def _columns_enum(self, name: str, columns: Mapping[str, Column], view: TableView) -> GraphQLEnumType:
        if name not in self._enums:
            values = {field: GraphQLEnumValue(field, description="column name") for field in sorted(columns)}
            self._enums[name] = GraphQLEnumType(name, values, description=f'select columns of table "{view.table.graphql}"')
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

    def value(self, type_: PgType) -> ValueType:
        """The type of a value, as input and as output."""
        scalar = self._scalar(type_)
        return GraphQLList(GraphQLNonNull(scalar)) if type_.element is not None else scalar

    def _input_named(self, name: str, fields: Callable[[], dict[str, GraphQLInputField]], about: str | None) -> GraphQLInputObjectType:
        if name not in self._inputs:
            self._inputs[name] = GraphQLInputObjectType(name, fields, description=about)
        return self._inputs[name]


def aggregate_functions(view: TableView) -> list[tuple[str, list[Column]]]:
    """The aggregate functions with the columns that have them."""
    functions = (*NUMERIC_FUNCTIONS, *COMPARABLE_FUNCTIONS)
    return [(name, [column for column in view.columns.values() if aggregate_applies(name, column.type)]) for name in functions]


def _without_arguments(view: TableView) -> dict[str, ComputedField]:
    """The computed fields that conditions and sort orders may name."""
    return {name: item for name, item in view.computed.items() if not item.function.given}


def _each(types: Mapping[str, PgType], made: Callable[[PgType], GraphQLInputObjectType]) -> dict[str, GraphQLInputField]:
    return {name: optional(made(type_)) for name, type_ in types.items()}


def as_thunk(value: T) -> Callable[[], T]:
    """The value as the thunk that graphql-core wants; a lambda in a loop would see the last one only."""
    return lambda: value


def optional(type_: GraphQLInputType) -> GraphQLInputField:
    """A field of an input type that need not be given."""
    return GraphQLInputField(type_)


def list_of(type_: Any) -> GraphQLList[GraphQLNonNull[Any]]:
    """A list without nulls."""
    return GraphQLList(GraphQLNonNull(type_))
