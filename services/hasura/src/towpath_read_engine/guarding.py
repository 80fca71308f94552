"""Conditions of a request behind the row filter of the role that asks.

PostgreSQL tries the parts of a conjunction in the order that it thinks cheapest. A part that raises an error on some values must not be
tried on a row that the role does not see: the error would tell that there is such a row. So what may raise stands in a CASE behind the
filter once more; everything else stays as it is, where indexes serve it. So does what a comparison of PostGIS says of the boxes around
its values.
"""

from collections.abc import Iterator

from towpath_read_engine import plan
from towpath_read_engine.operators import RAISING
from towpath_read_engine.scalars import PgType

_INCOMPARABLE = frozenset({"json", "xml", "point", "box", "lseg", "line", "path", "polygon", "circle"})
"""As items of arrays and parts of rows they have no order, which PostgreSQL finds out at the first row."""
_QUIET_AGGREGATES = frozenset({"count", "bool_and", "bool_or", "min", "max"})
"""The others may be out of range."""


def seen(rows: plan.Condition, asked: plan.Condition) -> plan.Condition:
    """The conjunction of a role's row filter and what a request asks of the rows."""
    if isinstance(rows, plan.Truth):
        return plan.every(rows, asked)
    parts = asked.items if isinstance(asked, plan.Every) else (asked,)
    raising = plan.every(*(part for part in parts if _may_raise(part)))
    quiet = (part for part in parts if not _may_raise(part))
    return plan.every(rows, *quiet, *_boxes(parts), raising if isinstance(raising, plan.Truth) else plan.Guarded(rows, raising))


def _boxes(parts: tuple[plan.Condition, ...]) -> Iterator[plan.Condition]:
    for part in parts:
        if isinstance(part, plan.Comparison) and part.box is not None and not _value_may_raise(part.column):
            yield plan.Comparison(part.column, part.box, part.values)


def _may_raise(item: plan.Condition) -> bool:
    match item:
        case plan.Every(items=items) | plan.Some(items=items):
            return any(_may_raise(part) for part in items)
        case plan.Negation(item=inner):
            return _may_raise(inner)
        case plan.Comparison(column=column, operator=operator):
            return operator in RAISING or _value_may_raise(column) or _is_fickle(column.type)
        case plan.RowComparison(columns=columns):
            return any(_value_may_raise(column) or _is_fickle(column.type) for column in columns)
        case plan.NullTest(column=column):
            return _value_may_raise(column)
        case plan.Exists(table=table, where=where):
            return isinstance(table, plan.Called) or _may_raise(where)
        case plan.Guarded():
            return True
        case plan.Truth() | plan.Rooted() | plan.ColumnComparison():  # the deployment's own
            return False


def _value_may_raise(item: plan.Operand) -> bool:
    match item:
        case plan.Aggregate(columns=columns):
            return item.function not in _QUIET_AGGREGATES or _may_raise(item.where) or any(_value_may_raise(column) for column in columns)
        case plan.Computed():
            return item.shown is None
        case plan.Cast(item=inner, type=type_):
            return _is_fickle(type_) or _value_may_raise(inner)
        case _:
            return not item.stored and item.shown is None


def _is_fickle(type_: PgType) -> bool:
    """Whether comparing two values of the type may raise."""
    if type_.element is not None:
        return type_.element.base in _INCOMPARABLE or _is_fickle(type_.element)
    return type_.composite or type_.foreign
