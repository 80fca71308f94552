"""`order_by` and `distinct_on` arguments to sort keys.

Null anywhere means that the entry is not there. Sorting through a relationship obeys the far table's row filter.
"""

from collections.abc import Mapping
from typing import Literal

from towpath_read_engine import plan
from towpath_read_engine.calls import computed_rows, computed_value
from towpath_read_engine.errors import invalid
from towpath_read_engine.inputs import Input
from towpath_read_engine.model import Column
from towpath_read_engine.roles import RoleSchema, TableView
from towpath_read_engine.scalars import PgType

NUMERIC_FUNCTIONS = ("sum", "avg", "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop")
COMPARABLE_FUNCTIONS = ("max", "min")

_Direction = tuple[Literal["asc", "desc"], Literal["first", "last"]]
_DIRECTIONS: dict[str, _Direction] = {
    "asc": ("asc", "last"),
    "desc": ("desc", "first"),
    "asc_nulls_first": ("asc", "first"),
    "asc_nulls_last": ("asc", "last"),
    "desc_nulls_first": ("desc", "first"),
    "desc_nulls_last": ("desc", "last"),
}
DIRECTION_NAMES = tuple(_DIRECTIONS)


def aggregate_applies(function: str, type_: PgType) -> bool:
    """Whether an aggregate function other than count exists for values of a type."""
    if function in COMPARABLE_FUNCTIONS:
        return type_.is_comparable
    return function in NUMERIC_FUNCTIONS and type_.element is None and type_.is_numeric


class OrderResolver:
    """Resolves the sort orders of one request."""

    def __init__(self, schema: RoleSchema) -> None:
        self._schema = schema

    def resolve(self, view: TableView, given: Input) -> tuple[plan.OrderKey, ...]:
        """The sort keys of an `order_by` argument."""
        type_name = view.type("order_by")
        given = given.at(f"[{type_name}!]")
        if given.is_null():
            return ()
        keys: list[plan.OrderKey] = []
        for item in given.items():
            item = item.at(f"{type_name}!")
            if not item.is_null():
                keys.extend(self._object(view, item, ()))
        return tuple(keys)

    def distinct(self, view: TableView, given: Input) -> tuple[Column, ...]:
        """The columns of a `distinct_on` argument."""
        return select_columns(view, given)

    def _object(self, view: TableView, given: Input, hops: tuple[plan.Hop, ...]) -> list[plan.OrderKey]:
        type_name = view.type("order_by")
        keys: list[plan.OrderKey] = []
        for name, value in given.entries(type_name):
            column = view.columns.get(name)
            if column is not None:
                keys.extend(self._key(hops, column, None, value))
                continue
            computed = view.computed.get(name)
            if computed is not None and computed.function.table is None and not computed.function.given:
                keys.extend(self._key(hops, computed_value(computed), None, value))
                continue
            keys.extend(self._relationship(view, type_name, name, value, hops))
        return keys

    def _relationship(self, view: TableView, type_name: str, name: str, value: Input, hops: tuple[plan.Hop, ...]) -> list[plan.OrderKey]:
        relationship = view.relationships.get(name)
        if relationship is not None and not relationship.is_array:
            target = self._schema.target(relationship)
            value = value.at(target.type("order_by"))
            hop = plan.Hop(target.table, relationship.link, target.filter, relationship.at_most_one)
            return [] if value.is_null() else self._object(target, value, (*hops, hop))
        far = self._far_rows(view, name)
        if far is None:
            raise invalid(f"field '{name}' not found in type: '{type_name}'", value.path)
        target, hop = far
        value = value.at(target.type("aggregate_order_by"))
        return [] if value.is_null() else self._aggregate(target, value, (*hops, hop))

    def _far_rows(self, view: TableView, name: str) -> tuple[TableView, plan.Hop] | None:
        """The rows that `name_aggregate` is about: of an array relationship, or of a computed field."""
        bare = name.removesuffix("_aggregate")
        relationship, computed = view.relationships.get(bare), view.computed.get(bare)
        if bare == name:
            return None
        if relationship is not None and relationship.is_array:
            target = self._schema.target(relationship)
            hop = plan.Hop(target.table, relationship.link, target.filter, at_most_one=False)
        elif computed is not None and computed.function.table is not None and computed.function.many and not computed.function.given:
            target = self._schema.views[computed.function.table]
            hop = plan.Hop(computed_rows(computed, target.table), (), target.filter, at_most_one=False)
        else:
            return None
        return (target, hop) if target.aggregations else None

    def _aggregate(self, view: TableView, given: Input, hops: tuple[plan.Hop, ...]) -> list[plan.OrderKey]:
        type_name = view.type("aggregate_order_by")
        keys: list[plan.OrderKey] = []
        for function, value in given.entries(type_name):
            if function == "count":
                keys.extend(self._key(hops, None, "count", value))
                continue
            if function not in NUMERIC_FUNCTIONS and function not in COMPARABLE_FUNCTIONS:
                raise invalid(f"field '{function}' not found in type: '{type_name}'", value.path)
            inner = view.type(f"{function}_order_by")
            value = value.at(inner)
            if value.is_null():
                continue
            for name, direction in value.entries(inner):
                column = view.columns.get(name)
                if column is None or not aggregate_applies(function, column.type):
                    raise invalid(f"field '{name}' not found in type: '{inner}'", direction.path)
                keys.extend(self._key(hops, column, function, direction))
        return keys

    def _key(
        self, hops: tuple[plan.Hop, ...], column: Column | plan.Computed | None, function: str | None, given: Input
    ) -> list[plan.OrderKey]:
        given = given.at("order_by")
        if given.is_null():
            return []
        word = given.enum("order_by")
        if word not in _DIRECTIONS:
            allowed = ", ".join(f"'{name}'" for name in sorted(_DIRECTIONS))
            raise invalid(f"expected one of the values [{allowed}] for type 'order_by', but found '{word}'", given.path)
        direction, nulls = _DIRECTIONS[word]
        return [plan.OrderKey(hops, column, function, direction, nulls)]


def select_columns(view: TableView, given: Input) -> tuple[Column, ...]:
    """The columns that a list of `t_select_column` names."""
    type_name = view.type("select_column")
    given = given.at(f"[{type_name}!]")
    if given.is_null():
        return ()
    return tuple(select_column(type_name, view.columns, item) for item in given.items())


def select_column(type_name: str, columns: Mapping[str, Column], given: Input) -> Column:
    """The column that a word of an enum of columns names."""
    given = given.at(f"{type_name}!")
    name = given.enum(type_name)
    if name not in columns:
        allowed = ", ".join(f"'{field}'" for field in sorted(columns))
        raise invalid(f"expected one of the values [{allowed}] for type '{type_name}', but found '{name}'", given.path)
    return columns[name]


def distinct_fits(distinct: tuple[Column, ...], order: tuple[plan.OrderKey, ...]) -> bool:
    """Whether the distinct columns are the leading sort columns, as a set; PostgreSQL needs it."""
    if not distinct or not order:
        return True
    names = {column.name for column in distinct}
    leading = {key.column.name if isinstance(key.column, Column) and not key.hops else None for key in order[: len(names)]}
    return leading == names
