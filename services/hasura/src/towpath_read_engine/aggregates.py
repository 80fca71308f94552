"""`t_aggregate { aggregate { ... } nodes { ... } }` to plan values.

The role's row limit cuts `nodes` only; the totals see all rows that the role may see.
"""

from typing import TYPE_CHECKING

from towpath_read_engine import plan
from towpath_read_engine.errors import invalid
from towpath_read_engine.model import Column, Link
from towpath_read_engine.ordering import COMPARABLE_FUNCTIONS, NUMERIC_FUNCTIONS, aggregate_applies, select_columns
from towpath_read_engine.roles import TableView
from towpath_read_engine.scalars import PgType
from towpath_read_engine.selection import SelectedField

if TYPE_CHECKING:  # the two resolve each other's parts; only the types are circular
    from towpath_read_engine.resolving import Resolver


class AggregateResolver:
    """Resolves the aggregate fields of one request."""

    def __init__(self, resolver: "Resolver") -> None:
        self._resolver = resolver

    def resolve(
        self, field: SelectedField, view: TableView, link: Link, depth: int, origin: plan.Called | None = None
    ) -> plan.AggregateField:
        """The plan of one `t_aggregate` field, of the table itself or of a function's result."""
        rows = self._resolver.rows(field, view, link, origin)
        type_name = view.type("aggregate")
        parts: list[plan.Totals | plan.ListField | plan.TypenameField] = []
        for part in self._resolver.below(field, type_name, depth):
            _no_arguments(part)
            match part.name:
                case "__typename":
                    parts.append(plan.TypenameField(part.key, type_name))
                case "aggregate":
                    parts.append(self._totals(part, view, depth + 1))
                case "nodes":
                    parts.append(self._resolver.list_field(part, view, rows, depth + 1))
                case _:
                    raise invalid(f"field '{part.name}' not found in type: '{type_name}'", part.path)
        return plan.AggregateField(field.key, rows, tuple(parts))

    def _totals(self, parent: SelectedField, view: TableView, depth: int) -> plan.Totals:
        type_name = view.type("aggregate_fields")
        fields: list[plan.Count | plan.Operation | plan.TypenameField] = []
        for field in self._resolver.below(parent, type_name, depth):
            if field.name == "count":
                fields.append(self._count(field, view))
                continue
            _no_arguments(field)
            if field.name == "__typename":
                fields.append(plan.TypenameField(field.key, type_name))
            elif any(aggregate_applies(field.name, type_) for type_ in _value_types(view)):
                fields.append(self._operation(field, view, depth + 1))
            else:
                raise invalid(f"field '{field.name}' not found in type: '{type_name}'", field.path)
        return plan.Totals(parent.key, tuple(fields))

    def _count(self, field: SelectedField, view: TableView) -> plan.Count:
        for name in field.arguments:
            if name not in ("columns", "distinct") or not view.columns:
                raise invalid(f"'count' has no argument named '{name}'", field.path)
        if field.inner:
            raise invalid("unexpected subselection set for non-object field", field.path)
        given = self._resolver.input(field, "columns")
        columns: tuple[Column, ...] = select_columns(view, given) if given is not None else ()
        distinct = self._resolver.input(field, "distinct")
        distinct = distinct.at("Boolean") if distinct is not None else None
        is_distinct = distinct is not None and not distinct.is_null() and distinct.boolean()
        return plan.Count(field.key, columns, is_distinct)

    def _operation(self, parent: SelectedField, view: TableView, depth: int) -> plan.Operation:
        function = parent.name
        assert function in NUMERIC_FUNCTIONS or function in COMPARABLE_FUNCTIONS
        type_name = view.type(f"{function}_fields")
        fields: list[plan.AggregateColumn | plan.TypenameField] = []
        for field in self._resolver.below(parent, type_name, depth):
            if field.name == "__typename":
                _no_arguments(field)
                fields.append(plan.TypenameField(field.key, type_name))
                continue
            value = self._value(field, view)
            if value is None or not aggregate_applies(function, value.type):
                raise invalid(f"field '{field.name}' not found in type: '{type_name}'", field.path)
            if field.inner:
                raise invalid("unexpected subselection set for non-object field", field.path)
            fields.append(plan.AggregateColumn(field.key, value))
        return plan.Operation(parent.key, function, tuple(fields))

    def _value(self, field: SelectedField, view: TableView) -> Column | plan.Computed | None:
        computed = view.computed.get(field.name)
        if computed is not None and computed.function.table is None:
            return self._resolver.computed(field, computed)
        _no_arguments(field)
        return view.columns.get(field.name)


def _value_types(view: TableView) -> list[PgType]:
    """The types of everything in a row that may be aggregated."""
    computed = [item.function.returns for item in view.computed.values() if item.function.table is None]
    return [column.type for column in view.columns.values()] + computed


def _no_arguments(field: SelectedField) -> None:
    for name in field.arguments:
        raise invalid(f"'{field.name}' has no argument named '{name}'", field.path)
