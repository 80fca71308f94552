"""`t_stream(batch_size: ..., cursor: ..., where: ...)`, one turn of it: the next rows in the order of the cursor.

A stream is kept by whoever holds the connection to its client (a gateway); it asks for one turn after another and says where the last one
ended. Such a *place* is the cursor's value and the primary key of the last row, as PostgreSQL writes them. The key decides among rows of
one cursor value, so that a batch may end between them and none is left out, even where the role does not see the key. Without a key the
whole group of equal rows comes in one batch.
"""

from typing import TYPE_CHECKING, Any, Literal

from towpath_read_engine import plan
from towpath_read_engine.errors import ReadError, invalid
from towpath_read_engine.guarding import seen
from towpath_read_engine.inputs import Constant, Input, missing
from towpath_read_engine.model import Column, Table
from towpath_read_engine.operators import operator_for
from towpath_read_engine.paths import child
from towpath_read_engine.roles import RoleSchema, TableView
from towpath_read_engine.scalars import BIGINT, PgType, encode, encode_limit
from towpath_read_engine.selection import SelectedField

if TYPE_CHECKING:  # the two resolve each other's parts; only the types are circular
    from towpath_read_engine.resolving import Resolver

CURSOR_ORDERING = "cursor_ordering"
CURSOR_ORDERINGS = {"ASC": "ascending", "DESC": "descending"}
STREAM_ARGUMENTS = ("batch_size", "cursor", "where")


class StreamResolver:
    """Resolves the stream of one subscription."""

    def __init__(self, resolver: "Resolver", schema: RoleSchema) -> None:
        self._resolver = resolver
        self._schema = schema

    def resolve(self, fields: list[SelectedField], place: Input, cap: plan.Value) -> plan.Stream:
        """The plan of one turn; `place` is null for the first."""
        namespace, type_name = None, "subscription_root"
        naming = self._schema.naming
        field = _only(fields)
        if naming.namespace is not None:
            if field.name != naming.namespace:
                raise invalid(f"field '{field.name}' not found in type: 'subscription_root'", field.path)
            namespace, type_name = field.key, naming.type(f"{naming.namespace}_subscription")
            field = _only(self._resolver.below(field, type_name, 0))
        kind, view = self._schema.roots["subscription"].get(field.name, (None, None))
        if view is None:
            raise invalid(f"field '{field.name}' not found in type: '{type_name}'", field.path)
        if kind != "select_stream":
            raise invalid(f"'{field.name}' is no stream; ask for it without batch_size and cursor", field.path)
        return plan.Stream(field.key, self._rows(field, view, place, cap), self._resolver.fields(field, view, 1), namespace)

    def refuse(self, field: SelectedField) -> ReadError:
        """The refusal of a stream among live queries."""
        for name in ("batch_size", "cursor"):
            self._needed(field, name)
        return invalid(f"'{field.name}' is a stream; ask for it turn by turn", field.path)

    def _rows(self, field: SelectedField, view: TableView, place: Input, cap: plan.Value) -> plan.Rows:
        for name in field.arguments:
            if name not in STREAM_ARGUMENTS:
                raise invalid(f"'{field.name}' has no argument named '{name}'", field.path)
        where = self._resolver.where(field, view)
        column, first, direction = self._cursor(field, view)
        key = _primary_key(view.table)
        columns = (column, *(item for item in key or () if item.name != column.name))
        operator: Literal["<", ">"] = ">" if direction == "asc" else "<"
        if place.is_null():
            own = column.type.has_own_order
            template = f"{{column}} operator({{home}}.{operator}) {{value}}" if own else f"{{column}} {operator} {{value}}"
            start: plan.Condition = plan.comparison(column, template, first)
        else:
            start = plan.RowComparison(columns, operator, _place(place, columns))
        limits = [self._batch_size(field), cap]
        if view.limit is not None:
            limits.append(plan.Value(Constant(view.limit), encode, BIGINT, field.path))
        return plan.Rows(
            view.table,
            (),
            seen(view.filter, plan.every(where, start)),
            tuple(plan.OrderKey((), item, None, direction, "last" if direction == "asc" else "first") for item in columns),
            limits=tuple(limits),
            ties=key is None or not view.table.key_is_unique,
        )

    def _batch_size(self, field: SelectedField) -> plan.Value:
        given = self._needed(field, "batch_size").at("Int!")
        if given.is_null():
            raise invalid("unexpected null value for type 'Int'", given.path)
        return plan.Value(given.source("Int!", "Int!", native=True), _encode_batch_size, BIGINT, given.path)

    def _cursor(self, field: SelectedField, view: TableView) -> tuple[Column, plan.Value, Literal["asc", "desc"]]:
        """The cursor's column, where it begins, and its direction."""
        type_name = view.type("stream_cursor_input")
        given = self._needed(field, "cursor").at(f"[{type_name}]!")
        if given.is_null():
            raise invalid(f"unexpected null value for type '[{type_name}]'", given.path)
        items = [item.at(type_name) for item in given.items()]
        found = [part for item in items if not item.is_null() for part in self._parts(view, type_name, item)]
        if not found:
            raise invalid("one streaming column field is expected", child(field.path, "args"))
        if len(found) > 1:
            raise invalid("multiple column cursors are not supported yet", child(field.path, "args"))
        return found[0]

    def _parts(self, view: TableView, type_name: str, given: Input) -> list[tuple[Column, plan.Value, Literal["asc", "desc"]]]:
        members = dict(given.entries(type_name))
        for name, value in members.items():
            if name not in ("initial_value", "ordering"):
                raise invalid(f"field '{name}' not found in type: '{type_name}'", value.path)
        if "initial_value" not in members:
            raise missing("initial_value", given.path)
        direction = self._direction(view, members.get("ordering"))
        values_type = view.type("stream_cursor_value_input")
        values = members["initial_value"].at(f"{values_type}!")
        if values.is_null():
            raise invalid(f"unexpected null value for type '{values_type}'", values.path)
        found: list[tuple[Column, plan.Value, Literal["asc", "desc"]]] = []
        for name, value in values.entries(values_type):
            column = view.columns.get(name)
            if column is None:
                raise invalid(f"field '{name}' not found in type: '{values_type}'", value.path)
            value = value.at(column.type.written)
            if not value.is_absent():
                found.append((column, _first(column, value), direction))
        return found

    def _direction(self, view: TableView, given: Input | None) -> Literal["asc", "desc"]:
        type_name = view.table.naming.type(CURSOR_ORDERING)
        given = given.at(type_name) if given is not None else None
        if given is None or given.is_null():
            return "asc"
        word = given.enum(type_name)
        if word not in CURSOR_ORDERINGS:
            allowed = ", ".join(f"'{name}'" for name in CURSOR_ORDERINGS)
            raise invalid(f"expected one of the values [{allowed}] for type '{type_name}', but found '{word}'", given.path)
        return "asc" if word == "ASC" else "desc"

    def _needed(self, field: SelectedField, name: str) -> Input:
        given = self._resolver.input(field, name)
        if given is None:
            raise missing(name, child(field.path, "args"))
        return given


def _only(fields: list[SelectedField]) -> SelectedField:
    if len(fields) != 1:
        raise invalid("a stream is the only field of its subscription")
    return fields[0]


def _first(column: Column, given: Input) -> plan.Value:
    if given.is_null():
        raise invalid(f"unexpected null value for type '{column.type.graphql}'; rows without a value are in no stream", given.path)
    if column.type.is_spatial or not column.type.is_ordered:
        raise invalid(f"'{column.field}' cannot be a cursor: values of type {column.type.graphql} have no order", given.path)
    expected = column.type.written
    source = given.source(expected, expected, json=column.type.is_structured, enum=column.type.enum is not None)
    known = operator_for("_gt", column.type)
    return plan.Value(source, known.encoder if known else encode, column.type, given.path)


def _primary_key(table: Table) -> tuple[Column, ...] | None:
    """The columns of the key, whether the role sees them or not; None when there is none, or one that no place can hold."""
    columns = [table.column_named(name) for name in table.primary_key]
    usable = tuple(column for column in columns if column is not None and not column.type.is_spatial and column.type.is_ordered)
    return usable if usable and len(usable) == len(columns) else None


def _place(given: Input, columns: tuple[Column, ...]) -> tuple[plan.Value, ...]:
    parts = given.items()
    if len(parts) != len(columns):
        raise invalid("the place is not one of this stream; begin it anew", given.path)
    return tuple(
        plan.Value(part.source("String!", "String!"), _encode_part, column.type, part.path)
        for part, column in zip(parts, columns, strict=True)
    )


def _encode_batch_size(value: Any, type_: PgType, path: str) -> str:
    if value == 0 and isinstance(value, int) and not isinstance(value, bool):
        raise invalid("a batch of 0 rows would never be sent; give a batch_size of 1 or more", path)
    return encode_limit(value, type_, path)


def _encode_part(value: Any, type_: PgType, path: str) -> str:
    """A value that PostgreSQL has written itself."""
    if not isinstance(value, str):
        raise invalid("a place is a list of texts", path)
    return value
