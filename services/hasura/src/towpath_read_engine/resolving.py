"""From the tree to the plan: every field, argument and permission looked up in the role's schema.

The first problem met ends the request. Decisions that depend on a variable's value go through `Input`, which records them,
so that the plan is used again only where it holds.
"""

from dataclasses import dataclass, replace

from towpath_read_engine import document as ast
from towpath_read_engine import plan
from towpath_read_engine.aggregates import AggregateResolver
from towpath_read_engine.calls import call, computed_rows, computed_value
from towpath_read_engine.conditions import ConditionResolver
from towpath_read_engine.errors import DialectCode, ReadError, invalid
from towpath_read_engine.functions import TrackedFunction
from towpath_read_engine.guarding import seen
from towpath_read_engine.inputs import Constant, Definitions, Input, missing
from towpath_read_engine.model import Column, ComputedField, Link, Relationship
from towpath_read_engine.naming import Naming
from towpath_read_engine.operators import operator_for
from towpath_read_engine.ordering import OrderResolver, distinct_fits
from towpath_read_engine.paths import child
from towpath_read_engine.roles import NO_QUERIES, FunctionRootKind, OperationKind, RoleSchema, TableView
from towpath_read_engine.scalars import BIGINT, TEXT_ARRAY, Encoder, encode, encode_json_path, encode_limit, encode_offset
from towpath_read_engine.selection import SelectedField, Selector
from towpath_read_engine.streams import StreamResolver

LIST_ARGUMENTS = ("distinct_on", "limit", "offset", "order_by", "where")
INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may ask for at most."""

    max_depth: int = 20
    max_fields: int = 2000


class Resolver:
    """Resolves one operation for one role."""

    def __init__(
        self, schema: RoleSchema, fragments: dict[str, ast.Fragment], definitions: Definitions, *, null_collapse: bool, limits: Limits
    ) -> None:
        self._schema = schema
        self._definitions = definitions
        self._selector = Selector(fragments, definitions, max_depth=limits.max_depth, max_fields=limits.max_fields)
        self._conditions = ConditionResolver(schema, null_collapse=null_collapse)
        self._orders = OrderResolver(schema)
        self._aggregates = AggregateResolver(self)
        self._streams = StreamResolver(self, schema)

    def roots(self, operation: ast.Operation) -> list[SelectedField]:
        """The root fields, before anything is looked up."""
        return self._selector.root(operation)

    def resolve(self, fields: list[SelectedField], kind: OperationKind = "query") -> tuple[plan.RootField, ...]:
        """The plan of root fields: those of a query, or of a live one, which is a subscription."""
        naming, schema = self._schema.naming, self._schema
        if naming.namespace is None or not (schema.roots[kind] or schema.functions):
            return tuple(self._root(field, kind, f"{kind}_root") for field in fields)
        return tuple(self._namespace(field, kind, naming) for field in fields)

    def resolve_stream(self, fields: list[SelectedField], place: Input, cap: plan.Value) -> plan.Stream:
        """The plan of one turn of a stream, which is the only root field.

        Args:
            place: where the turn before has ended; null for the first turn.
            cap: rows that the turn may give at most.
        """
        return self._streams.resolve(fields, place, cap)

    def below(self, field: SelectedField, type_name: str, depth: int) -> list[SelectedField]:
        """The fields under a field."""
        return self._selector.below(field, type_name, depth)

    def input(self, field: SelectedField, name: str) -> Input | None:
        """An argument of a field, if it was written."""
        node = field.arguments.get(name)
        return None if node is None else Input(node, self._definitions, field.argument_path(name))

    def _namespace(self, field: SelectedField, kind: OperationKind, naming: Naming) -> plan.TypenameField | plan.NamespaceField:
        if field.name == "__typename":
            return typename(field, f"{kind}_root")
        if field.name != naming.namespace:
            raise invalid(f"field '{field.name}' not found in type: '{kind}_root'", field.path)
        check_arguments(field, ())
        type_name = naming.type(f"{naming.namespace}_{kind}")
        return plan.NamespaceField(field.key, tuple(self._root(item, kind, type_name) for item in self.below(field, type_name, 0)))

    def _root(self, field: SelectedField, operation: OperationKind, type_name: str) -> plan.RowsField | plan.TypenameField:
        if field.name == "__typename":
            return typename(field, type_name)
        function = self._schema.functions.get(field.name)
        if function is not None:
            return self._function(field, *function)
        roots = self._schema.roots[operation]
        root = roots.get(field.name)
        if field.name == NO_QUERIES and operation == "query" and not (roots or self._schema.functions):
            raise ReadError(DialectCode.NOT_SUPPORTED, f"the role '{self._schema.role}' may not read anything", field.path)
        if root is None:
            raise invalid(f"field '{field.name}' not found in type: '{type_name}'", field.path)
        kind, view = root
        if kind == "select_by_pk":
            return self._by_key(field, view)
        if kind == "select_stream":
            raise self._streams.refuse(field)
        return self._aggregates.resolve(field, view, (), 1) if kind == "select_aggregate" else self._list(field, view, (), 1)

    def _by_key(self, field: SelectedField, view: TableView) -> plan.ObjectField:
        columns = [column for column in view.columns.values() if column.name in view.table.primary_key]
        check_arguments(field, tuple(column.field for column in columns))
        conditions: list[plan.Condition] = []
        for column in columns:
            given = self.input(field, column.field)
            if given is None:
                raise missing(column.field, child(field.path, "args"))
            expected = f"{column.type.written}!"
            given = given.at(expected)
            if given.is_null():
                raise invalid(f"unexpected null value for type '{column.type.graphql}'", given.path)
            operator = operator_for("_eq", column.type)
            assert operator is not None, "every column can be compared for equality"
            source = given.source(expected, expected, json=column.type.is_structured, enum=column.type.enum is not None)
            value = plan.Value(source, operator.encoder, column.type, given.path)
            conditions.append(plan.comparison(column, operator.template, value))
        fields = self.fields(field, view, 1)
        where = seen(view.filter, plan.every(*conditions))
        return plan.ObjectField(field.key, view.table, (), where, fields, limited=not view.table.key_is_unique)

    def _function(self, field: SelectedField, kind: FunctionRootKind, tracked: TrackedFunction, view: TableView) -> plan.RowsField:
        function = tracked.function
        arguments = ("args",) if function.given else ()
        check_arguments(field, (*arguments, *LIST_ARGUMENTS) if function.many else arguments)
        called = call(function, tracked.arguments_type, self.input(field, "args"), field.argument_path("args"))
        origin = plan.Called(view.table, called, function.many)
        if not function.many:
            return plan.ObjectField(field.key, origin, (), view.filter, self.fields(field, view, 1), limited=False)
        if kind == "function":
            return self.list_field(field, view, self.rows(field, view, (), origin), 1)
        return self._aggregates.resolve(field, view, (), 1, origin)

    def list_field(self, field: SelectedField, view: TableView, rows: plan.Rows, depth: int) -> plan.ListField:
        """Rows as a list, under the role's row limit."""
        if view.limit is not None:
            cap = plan.Value(Constant(view.limit), encode, BIGINT, field.path)
            rows = replace(rows, limits=(*rows.limits, cap))
        return plan.ListField(field.key, rows, self.fields(field, view, depth))

    def _list(self, field: SelectedField, view: TableView, link: Link, depth: int) -> plan.ListField:
        return self.list_field(field, view, self.rows(field, view, link), depth)

    def rows(self, field: SelectedField, view: TableView, link: Link, origin: plan.Called | None = None) -> plan.Rows:
        """The set of rows that a field's arguments describe, of the table itself or of a function's result."""
        check_arguments(field, LIST_ARGUMENTS if origin is None else (*LIST_ARGUMENTS, "args"))
        condition = self.where(field, view)
        order_by, distinct_on = self.input(field, "order_by"), self.input(field, "distinct_on")
        order = self._orders.resolve(view, order_by) if order_by is not None else ()
        distinct = self._orders.distinct(view, distinct_on) if distinct_on is not None else ()
        if not distinct_fits(distinct, order):
            raise invalid('"distinct_on" columns must match initial "order_by" columns', child(field.path, "args"))
        limit, offset = self._number(field, "limit"), self._number(field, "offset")
        return plan.Rows(
            origin or view.table,
            link,
            seen(view.filter, condition),
            order,
            distinct,
            (_row_count(limit, encode_limit),) if limit else (),
            _row_count(offset, encode_offset) if offset else None,
            _ceiling(limit, offset) if condition == plan.TRUE and origin is None else None,
        )

    def where(self, field: SelectedField, view: TableView) -> plan.Condition:
        """The condition of a field's `where`, without the role's own."""
        where = self.input(field, "where")
        where = where.at(view.type("bool_exp")) if where is not None else None
        return plan.TRUE if where is None or where.is_null() else self._conditions.resolve(view, where)

    def _number(self, field: SelectedField, name: str) -> Input | None:
        given = self.input(field, name)
        given = given.at("Int") if given is not None else None
        return None if given is None or given.is_null() else given

    def fields(self, parent: SelectedField, view: TableView, depth: int) -> tuple[plan.RowField, ...]:
        """What is shown of each row."""
        return tuple(self._field(field, view, depth) for field in self.below(parent, view.type(), depth))

    def _field(self, field: SelectedField, view: TableView, depth: int) -> plan.RowField:
        if field.name == "__typename":
            return typename(field, view.type())
        if field.name in view.columns:
            return self._column(field, view)
        computed = view.computed.get(field.name)
        if computed is not None:
            return self._computed(field, computed, depth + 1)
        relationship = view.relationships.get(field.name)
        if relationship is not None:
            target = self._schema.target(relationship)
            if relationship.is_array:
                return self._list(field, target, relationship.link, depth + 1)
            return self._object(field, target, relationship, depth + 1)
        relationship = view.relationships.get(field.name.removesuffix("_aggregate"))
        if relationship is not None and relationship.is_array and field.name.endswith("_aggregate"):
            target = self._schema.target(relationship)
            if target.aggregations:
                return self._aggregates.resolve(field, target, relationship.link, depth + 1)
        raise invalid(f"field '{field.name}' not found in type: '{view.type()}'", field.path)

    def _object(self, field: SelectedField, target: TableView, relationship: Relationship, depth: int) -> plan.ObjectField:
        check_arguments(field, ())
        fields = self.fields(field, target, depth)
        return plan.ObjectField(field.key, target.table, relationship.link, target.filter, fields, limited=not relationship.at_most_one)

    def _computed(self, field: SelectedField, item: ComputedField, depth: int) -> plan.RowField:
        function = item.function
        if function.table is None:
            return self._part(field, self.computed(field, item))
        target = self._schema.views[function.table]
        arguments = ("args",) if function.given else ()
        check_arguments(field, (*arguments, *LIST_ARGUMENTS) if function.many else arguments)
        rows = computed_rows(item, target.table, self.input(field, "args"), field.argument_path("args"))
        if function.many:
            return self.list_field(field, target, self.rows(field, target, (), rows), depth)
        return plan.ObjectField(field.key, rows, (), target.filter, self.fields(field, target, depth), limited=False)

    def computed(self, field: SelectedField, item: ComputedField) -> plan.Computed:
        """The value of a computed field that is a scalar."""
        arguments = ("args",) if item.function.given else ()
        check_arguments(field, (*arguments, "path") if item.function.returns.is_json else arguments)
        return computed_value(item, self.input(field, "args"), field.argument_path("args"))

    def _column(self, field: SelectedField, view: TableView) -> plan.ColumnField:
        column = view.columns[field.name]
        check_arguments(field, ("path",) if column.type.is_json else ())
        return self._part(field, column)

    def _part(self, field: SelectedField, column: Column | plan.Computed) -> plan.ColumnField:
        """A value, or the part of it that the `path` of a JSON one leads to."""
        refuse_selection(field)
        given = self.input(field, "path")
        given = given.at("String") if given is not None else None
        if given is None or given.is_null():
            return plan.ColumnField(field.key, column)
        path = plan.Value(given.source("String", "String", native=True), encode_json_path, TEXT_ARRAY, given.path)
        return plan.ColumnField(field.key, column, path)


def _row_count(given: Input, encoder: Encoder) -> plan.Value:
    return plan.Value(given.source("Int", "Int", native=True), encoder, BIGINT, given.path)


def _ceiling(limit: Input | None, offset: Input | None) -> int | None:
    if limit is None:
        return None
    wanted, skipped = limit.ceiling(), 0 if offset is None else offset.ceiling()
    return None if wanted is None or skipped is None else wanted + skipped


def typename(field: SelectedField, name: str) -> plan.TypenameField:
    """`__typename` of an object."""
    check_arguments(field, ())
    refuse_selection(field)
    return plan.TypenameField(field.key, name)


def check_arguments(field: SelectedField, allowed: tuple[str, ...]) -> None:
    """Refuse arguments that the field does not have."""
    for name in field.arguments:
        if name not in allowed:
            raise invalid(f"'{field.name}' has no argument named '{name}'", field.path)


def refuse_selection(field: SelectedField) -> None:
    """Refuse a selection set under a scalar."""
    if field.inner:
        raise invalid("unexpected subselection set for non-object field", field.path)
