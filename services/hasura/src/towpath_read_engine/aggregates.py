"""`t_aggregate { aggregate { ... } nodes { ... } }` to plan values.

The role's row limit cuts `nodes` only; the totals see all rows that the role may see.
"""

from typing import TYPE_CHECKING

from towpath_read_engine import plan
from towpath_read_engine.errors import invalid
from towpath_read_engine.model import Column, Link
from towpath_read_engine.ordering import COMPARABLE_FUNCTIONS, NUMERIC_FUNCTIONS, aggregate_applies, select_columns
from towpath_read_engine.roles import TableView
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
        type_name = f"{view.name}_aggregate"
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
        type_name = f"{view.name}_aggregate_fields"
        fields: list[plan.Count | plan.Operation | plan.TypenameField] = []
        for field in self._resolver.below(parent, type_name, depth):
            if field.name == "count":
                fields.append(self._count(field, view))
                continue
            _no_arguments(field)
            if field.name == "__typename":
                fields.append(plan.TypenameField(field.key, type_name))
            elif any(aggregate_applies(field.name, column) for column in view.columns.values()):
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
        type_name = f"{view.name}_{function}_fields"
        fields: list[plan.AggregateColumn | plan.TypenameField] = []
        for field in self._resolver.below(parent, type_name, depth):
            _no_arguments(field)
            column = view.columns.get(field.name)
            if field.name == "__typename":
                fields.append(plan.TypenameField(field.key, type_name))
            elif column is not None and aggregate_applies(function, column):
                if field.inner:
                    raise invalid("unexpected subselection set for non-object field", field.path)
                fields.append(plan.AggregateColumn(field.key, column))
            else:
                raise invalid(f"field '{field.name}' not found in type: '{type_name}'", field.path)
        return plan.Operation(parent.key, function, tuple(fields))


def _no_arguments(field: SelectedField) -> None:
    for name in field.arguments:
        raise invalid(f"'{field.name}' has no argument named '{name}'", field.path)
