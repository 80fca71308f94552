"""Output types of introspection: roots, rows and aggregates."""

from collections.abc import Callable

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
)

from towpath_read_engine import plan
from towpath_read_engine.functions import TrackedFunction
from towpath_read_engine.introspection_inputs import InputTypes, aggregate_functions, as_thunk, list_of
from towpath_read_engine.model import Column, ComputedField
from towpath_read_engine.ordering import aggregate_applies
from towpath_read_engine.roles import NO_QUERIES, FunctionRootKind, OperationKind, RoleSchema, RootKind, TableView
from towpath_read_engine.scalars import PgType

_ROOT_TEXTS: dict[RootKind, str] = {
    "select": 'fetch data from the table: "{}"',
    "select_by_pk": 'fetch data from the table: "{}" using primary key columns',
    "select_aggregate": 'fetch aggregated fields from the table: "{}"',
    "select_stream": 'fetch data from the table in a streaming manner: "{}"',
}
_KEEPS_TYPE = frozenset({"sum", "max", "min"})


class OutputTypes:
    """The output types of one role, each made once."""

    def __init__(self, role: RoleSchema) -> None:
        self._role = role
        self._inputs = InputTypes(role)
        self._objects: dict[str, GraphQLObjectType] = {}

    def query(self) -> GraphQLObjectType:
        """`query_root`."""
        found = self._roots("query")
        return found or GraphQLObjectType("query_root", {NO_QUERIES: _no_queries()})

    def subscription(self) -> GraphQLObjectType | None:
        """`subscription_root`; None where the role has nothing to subscribe to."""
        return self._roots("subscription")

    def _roots(self, kind: OperationKind) -> GraphQLObjectType | None:
        """A root type; None without fields."""
        naming = self._role.naming
        fields = {field: self._root(root, view) for field, (root, view) in self._role.roots[kind].items()}
        fields.update((field, self._function(*root)) for field, root in self._role.functions.items())
        if fields and naming.namespace is not None:
            inner = GraphQLObjectType(naming.type(f"{naming.namespace}_{kind}"), fields)
            fields = {naming.namespace: GraphQLField(GraphQLNonNull(inner))}
        return GraphQLObjectType(f"{kind}_root", fields) if fields else None

    def _root(self, kind: RootKind, view: TableView) -> GraphQLField:
        about = _ROOT_TEXTS[kind].format(view.table.key.name)
        comment = view.table.root_comments.get(kind)
        about = about if comment is None else comment
        if kind == "select":
            return GraphQLField(_rows(self._object(view)), self._inputs.list_arguments(view), description=about or None)
        if kind == "select_aggregate":
            return GraphQLField(GraphQLNonNull(self._aggregate(view)), self._inputs.list_arguments(view), description=about or None)
        if kind == "select_stream":
            return GraphQLField(_rows(self._object(view)), self._inputs.stream_arguments(view), description=about or None)
        keys = {
            column.field: GraphQLArgument(GraphQLNonNull(self._inputs.value(column.type)), description=column.comment or None)
            for column in view.columns.values()
            if column.name in view.table.primary_key
        }
        return GraphQLField(self._object(view), keys, description=about or None)

    def _function(self, kind: FunctionRootKind, tracked: TrackedFunction, view: TableView) -> GraphQLField:
        arguments = self._inputs.arguments(tracked.function, tracked.arguments_type)
        if tracked.function.many:
            arguments |= self._inputs.list_arguments(view)
        about = tracked.comment or f'execute function "{tracked.function.key.name}" which returns "{view.table.key.name}"'
        if kind == "function_aggregate":
            return GraphQLField(GraphQLNonNull(self._aggregate(view)), arguments, description=about)
        return GraphQLField(_rows(self._object(view)) if tracked.function.many else self._object(view), arguments, description=about)

    def _object(self, view: TableView) -> GraphQLObjectType:
        return self._object_named(
            view.type(), lambda: self._row_fields(view), _text(view.table.comment, f'columns and relationships of "{view.table.key.name}"')
        )

    def _row_fields(self, view: TableView) -> dict[str, GraphQLField]:
        fields = {column.field: self._column(column) for column in view.columns.values()}
        fields.update((name, self._computed(item)) for name, item in view.computed.items())
        for name, relationship in view.relationships.items():
            target = self._role.target(relationship)
            if relationship.is_array:
                fields[name] = GraphQLField(
                    _rows(self._object(target)),
                    self._inputs.list_arguments(target),
                    description=_text(relationship.comment, "An array relationship"),
                )
                if target.aggregations:
                    aggregate = GraphQLNonNull(self._aggregate(target))
                    fields[f"{name}_aggregate"] = GraphQLField(
                        aggregate, self._inputs.list_arguments(target), description=_text(relationship.comment, "An aggregate relationship")
                    )
            else:
                required = relationship.always_one and target.filter == plan.TRUE
                kind: GraphQLOutputType = GraphQLNonNull(self._object(target)) if required else self._object(target)
                fields[name] = GraphQLField(kind, description=_text(relationship.comment, "An object relationship"))
        return fields

    def _computed(self, item: ComputedField) -> GraphQLField:
        function = item.function
        arguments = self._inputs.arguments(function, item.arguments_type)
        about = item.comment or f'A computed field, executes function "{function.key.name}"'
        if function.table is None:
            if function.returns.is_json:
                arguments["path"] = GraphQLArgument(GraphQLString, description="JSON select path")
            return GraphQLField(self._inputs.value(function.returns), arguments, description=about)
        target = self._role.views[function.table]
        if not function.many:
            return GraphQLField(self._object(target), arguments, description=about)
        return GraphQLField(
            GraphQLList(GraphQLNonNull(self._object(target))), arguments | self._inputs.list_arguments(target), description=about
        )

    def _column(self, column: Column) -> GraphQLField:
        kind = self._inputs.value(column.type)
        arguments = {"path": GraphQLArgument(GraphQLString, description="JSON select path")} if column.type.is_json else None
        return GraphQLField(
            GraphQLNonNull(kind) if column.not_null and column.shown is None else kind, arguments, description=column.comment or None
        )

    def _aggregate(self, view: TableView) -> GraphQLObjectType:
        name = view.type("aggregate")
        return self._object_named(
            name,
            lambda: {
                "aggregate": GraphQLField(self._aggregate_fields(view)),
                "nodes": GraphQLField(_rows(self._object(view))),
            },
            f'aggregated selection of "{view.table.key.name}"',
        )

    def _aggregate_fields(self, view: TableView) -> GraphQLObjectType:
        arguments: dict[str, GraphQLArgument] = {}
        if view.columns:
            arguments = {"columns": GraphQLArgument(list_of(self._inputs.select_column(view))), "distinct": GraphQLArgument(GraphQLBoolean)}
        fields = {"count": GraphQLField(GraphQLNonNull(GraphQLInt), arguments)}
        for function, columns in aggregate_functions(view):
            name = view.type(f"{function}_fields")
            parts = {column.field: GraphQLField(self._aggregated(function, column.type)) for column in columns}
            for item in view.computed.values():
                type_ = item.function.returns
                if item.function.table is None and aggregate_applies(function, type_):
                    arguments = self._inputs.arguments(item.function, item.arguments_type)
                    parts[item.name] = GraphQLField(self._aggregated(function, type_), arguments)
            if not parts:
                continue
            fields[function] = GraphQLField(self._object_named(name, as_thunk(parts), f"aggregate {function} on columns"))
        return self._object_named(view.type("aggregate_fields"), lambda: fields, f'aggregate fields of "{view.table.key.name}"')

    def _aggregated(self, function: str, type_: PgType) -> GraphQLOutputType:
        return self._inputs.value(type_) if function in _KEEPS_TYPE else GraphQLFloat

    def _object_named(self, name: str, fields: Callable[[], dict[str, GraphQLField]], about: str | None) -> GraphQLObjectType:
        if name not in self._objects:
            self._objects[name] = GraphQLObjectType(name, fields, description=about)
        return self._objects[name]


def _rows(type_: GraphQLObjectType) -> GraphQLNonNull[GraphQLList[GraphQLNonNull[GraphQLObjectType]]]:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(type_)))


def _text(comment: str | None, otherwise: str) -> str | None:
    """A comment, or the usual words where there is none; an empty comment asks for no words at all."""
    return (otherwise if comment is None else comment) or None


def _no_queries() -> GraphQLField:
    return GraphQLField(GraphQLNonNull(GraphQLString), description="There are no queries available to the current role.")
