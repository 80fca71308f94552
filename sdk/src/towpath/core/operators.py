"""Operators on tasks: `a + b`, `a > b`, `a["key"]` make a task that computes it when the flow runs.

`==` and `!=` stay identity, since tasks are keys of dicts; `is_equal` and `is_not_equal` are their task forms.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.core.task import Task


def both(x: Any, y: Any) -> Any:
    """Python's `x and y`."""
    return x and y


def either(x: Any, y: Any) -> Any:
    """Python's `x or y`."""
    return x or y


def _binary(name: str, function: Callable[[Any, Any], Any], left: Any, right: Any) -> Task:
    from towpath.core.builtin import BinaryOperator

    return BinaryOperator(name, function).bind(left, right)


class Operators:
    """The operators, as a mix-in of `Task`."""

    def is_equal(self, other: Any) -> Task:
        """A task that computes `self == other`."""
        return _binary("Equal", operator.eq, self, other)

    def is_not_equal(self, other: Any) -> Task:
        """A task that computes `self != other`."""
        return _binary("NotEqual", operator.ne, self, other)

    def not_(self) -> Task:
        """A task that computes `not self`."""
        from towpath.core.builtin import Not

        return Not().bind(self)

    def or_(self, other: Any) -> Task:
        """A task that computes `self or other`."""
        return _binary("Or", either, self, other)

    def __getitem__(self, key: Any) -> Task:
        from towpath.core.builtin import GetItem

        return GetItem().bind(self, key)

    def __add__(self, other: Any) -> Task:
        return _binary("Add", operator.add, self, other)

    def __radd__(self, other: Any) -> Task:
        return _binary("Add", operator.add, other, self)

    def __sub__(self, other: Any) -> Task:
        return _binary("Sub", operator.sub, self, other)

    def __rsub__(self, other: Any) -> Task:
        return _binary("Sub", operator.sub, other, self)

    def __mul__(self, other: Any) -> Task:
        return _binary("Mul", operator.mul, self, other)

    def __rmul__(self, other: Any) -> Task:
        return _binary("Mul", operator.mul, other, self)

    def __truediv__(self, other: Any) -> Task:
        return _binary("Div", operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Task:
        return _binary("Div", operator.truediv, other, self)

    def __floordiv__(self, other: Any) -> Task:
        return _binary("FloorDiv", operator.floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Task:
        return _binary("FloorDiv", operator.floordiv, other, self)

    def __mod__(self, other: Any) -> Task:
        return _binary("Mod", operator.mod, self, other)

    def __rmod__(self, other: Any) -> Task:
        return _binary("Mod", operator.mod, other, self)

    def __pow__(self, other: Any) -> Task:
        return _binary("Pow", operator.pow, self, other)

    def __rpow__(self, other: Any) -> Task:
        return _binary("Pow", operator.pow, other, self)

    def __and__(self, other: Any) -> Task:
        return _binary("And", both, self, other)

    def __rand__(self, other: Any) -> Task:
        return _binary("And", both, other, self)

    def __or__(self, other: Any) -> Task:
        return _binary("Or", either, self, other)

    def __ror__(self, other: Any) -> Task:
        return _binary("Or", either, other, self)

    def __gt__(self, other: Any) -> Task:
        return _binary("GreaterThan", operator.gt, self, other)

    def __ge__(self, other: Any) -> Task:
        return _binary("GreaterThanOrEqual", operator.ge, self, other)

    def __lt__(self, other: Any) -> Task:
        return _binary("LessThan", operator.lt, self, other)

    def __le__(self, other: Any) -> Task:
        return _binary("LessThanOrEqual", operator.le, self, other)
