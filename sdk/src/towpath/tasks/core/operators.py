"""Operators as tasks; flows make them of `a + b`, `a["key"]` and the like."""

from towpath.core.builtin import BinaryOperator, GetItem, Not

__all__ = ["BinaryOperator", "GetItem", "Not"]
