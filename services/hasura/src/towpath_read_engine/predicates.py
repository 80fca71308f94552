"""Which aggregates of an array relationship a condition may test, over which columns, and as what.

Beside `count` there are those of booleans and, as in newer engines of the dialect, those of double precision.
"""

from towpath_read_engine.model import Column
from towpath_read_engine.roles import TableView
from towpath_read_engine.scalars import BOOLEAN, DOUBLE, PgType

_TYPES: dict[str, PgType] = {
    "bool_and": BOOLEAN,
    "bool_or": BOOLEAN,
    "avg": DOUBLE,
    "max": DOUBLE,
    "min": DOUBLE,
    "stddev_samp": DOUBLE,
    "sum": DOUBLE,
    "var_samp": DOUBLE,
}
PREDICATE_FUNCTIONS = tuple(_TYPES)
"""The functions besides `count`."""


def predicate_type(function: str) -> PgType:
    """The type of a function's argument and of its result."""
    return _TYPES[function]


def predicate_columns(view: TableView, function: str) -> dict[str, Column]:
    """The columns that a function can be asked of, by field; none when there is no such function."""
    type_ = _TYPES.get(function)
    return {
        field: column
        for field, column in view.columns.items()
        if type_ is not None and column.type.element is None and column.type.base == type_.base
    }


def predicate_columns_type(view: TableView, function: str) -> str:
    """The name of the enum of those columns."""
    return f"{view.name}_select_column_{view.name}_aggregate_bool_exp_{function}_arguments_columns"
