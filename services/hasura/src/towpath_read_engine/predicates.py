"""Which aggregates of an array relationship a condition may test, over which columns, and as what.

Beside `count` there are those of booleans and, as in newer engines of the dialect, those of double precision, two of which take
two columns.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from towpath_read_engine.model import Column
from towpath_read_engine.scalars import BOOLEAN, DOUBLE, INTEGER, PgType

if TYPE_CHECKING:  # what a role sees depends on row filters, which are made of these
    from towpath_read_engine.roles import TableView

_TYPES: dict[str, PgType] = {
    "bool_and": BOOLEAN,
    "bool_or": BOOLEAN,
    "avg": DOUBLE,
    "corr": DOUBLE,
    "covar_samp": DOUBLE,
    "max": DOUBLE,
    "min": DOUBLE,
    "stddev_samp": DOUBLE,
    "sum": DOUBLE,
    "var_samp": DOUBLE,
}
PREDICATE_FUNCTIONS = tuple(_TYPES)
"""The functions besides `count`."""
PAIRED_FUNCTIONS = frozenset({"corr", "covar_samp"})
"""Those of two columns, which are given by the names of `PAIR`."""
PAIR = ("X", "Y")
PARTS = frozenset({"arguments", "distinct", "filter", "predicate"})
"""What a condition on an aggregate may say."""


def predicate_type(function: str) -> PgType:
    """The type of a function's arguments and of its result; `count` takes any."""
    return _TYPES.get(function, INTEGER)


def predicate_columns(columns: Mapping[str, Column], function: str) -> dict[str, Column]:
    """The columns, by the names they were given by, that a function can be asked of; none when there is no such function."""
    type_ = _TYPES.get(function)
    return {
        name: column
        for name, column in columns.items()
        if type_ is not None and column.type.element is None and column.type.base == type_.base
    }


def predicate_arguments_type(view: "TableView", function: str) -> str:
    """The name of the input type that holds the columns of a function that takes two."""
    return view.type(f"aggregate_bool_exp_{function}_arguments")


def predicate_columns_type(view: "TableView", function: str) -> str:
    """The name of the enum of a function's columns."""
    return view.type(f"select_column_{view.table.graphql}_aggregate_bool_exp_{function}_arguments_columns")
