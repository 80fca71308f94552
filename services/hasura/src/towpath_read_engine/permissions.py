"""Row filters of select permissions, from metadata to conditions.

Differs from request conditions in three ways: operators may start with `$` as well as `_`, a string that starts with
`x-hasura-` is a session variable, and columns may be compared with columns. Filters see every column and apply no further
permission. A mistake here is a mistake of the deployment, so it is a MetadataError and never an open door.
"""

from collections.abc import Mapping
from typing import Any

from towpath_read_engine import plan
from towpath_read_engine.calls import computed_rows, computed_value
from towpath_read_engine.errors import MetadataError, ReadError
from towpath_read_engine.inputs import Constant
from towpath_read_engine.metadata import TableKey, table_key
from towpath_read_engine.model import Column, Table
from towpath_read_engine.operators import COLUMN_OPERATORS, operator_for
from towpath_read_engine.paths import ROOT
from towpath_read_engine.scalars import PgType, encode, encode_many, encode_texts

_SESSION_PREFIX = "x-hasura-"
_COLUMN_ALIASES = {"_cneq": "_cne"}


class FilterCompiler:
    """Compiles the filter of one permission on one table."""

    def __init__(self, tables: Mapping[TableKey, Table], root: Table) -> None:
        self._tables = tables
        self._root = root

    def compile(self, raw: Any) -> plan.Condition:
        """The condition.

        Raises:
            MetadataError: the filter names what does not exist.
        """
        try:
            condition = self._condition(self._root, raw)
        except (KeyError, TypeError, AttributeError) as error:
            raise self._fail(f"is malformed: {type(error).__name__}: {error}") from error
        return condition if isinstance(condition, plan.Truth) else plan.Rooted(condition)

    def _fail(self, problem: str) -> MetadataError:
        return MetadataError(f"a permission filter of {self._root.key} {problem}")

    def _condition(self, table: Table, raw: Any) -> plan.Condition:
        if not isinstance(raw, Mapping):
            raise self._fail(f"has {raw!r} where an object is needed")
        return plan.every(*(self._entry(table, str(key), value) for key, value in raw.items()))

    def _entry(self, table: Table, key: str, value: Any) -> plan.Condition:
        match _normal(key):
            case "_and":
                return plan.every(*(self._condition(table, item) for item in _items(value)))
            case "_or":
                return plan.some(*(self._condition(table, item) for item in _items(value)))
            case "_not":
                return plan.negation(self._condition(table, value))
            case "_exists":
                return self._exists(value)
        relationship = table.relationships.get(key)
        if relationship is not None:
            target = self._tables[relationship.target]
            return plan.Exists(target, relationship.link, self._condition(target, value))
        computed = table.computed.get(key)
        if computed is not None and computed.function.given:
            raise self._fail(f"names '{key}', a computed field with arguments, which no filter can give")
        if computed is not None and computed.function.table is not None:
            target = self._tables[computed.function.table]
            return plan.Exists(computed_rows(computed, target), (), self._condition(target, value))
        column = table.column_named(key) if computed is None else computed_value(computed)
        if column is None:
            raise self._fail(f"names '{key}', which is neither a column nor a relationship of {table.key}")
        operators = value if isinstance(value, Mapping) else {"_eq": value}
        return plan.every(*(self._comparison(table, column, _normal(str(name)), operand) for name, operand in operators.items()))

    def _exists(self, value: Any) -> plan.Condition:
        key = table_key(value["_table"])
        target = self._tables.get(key)
        if target is None:
            raise self._fail(f"has _exists on {key}, which is not tracked")
        return plan.Exists(target, (), self._condition(target, value["_where"]))

    def _comparison(self, table: Table, column: Column | plan.Computed, name: str, operand: Any) -> plan.Condition:
        if name == "_is_null" and isinstance(operand, bool):
            return plan.NullTest(column, is_null=operand)
        template = COLUMN_OPERATORS.get(_COLUMN_ALIASES.get(name, name))
        if template is not None and isinstance(column, Column):
            return self._column_comparison(table, column, template, operand)
        operator = operator_for(name, column.type)
        if operator is None:
            raise self._fail(f"uses '{name}' on {table.key}.{column.name}, whose type {column.type.name} does not have it")
        if operand is None:
            raise self._fail(f"compares {table.key}.{column.name} with null; use _is_null")
        return plan.Comparison(column, operator.template, self._value(operand, operator.operand(column.type), many=operator.many))

    def _column_comparison(self, table: Table, column: Column, template: str, operand: Any) -> plan.Condition:
        of_root = isinstance(operand, list) and len(operand) == 2 and operand[0] == "$"
        name = operand[1] if of_root else operand[0] if isinstance(operand, list) and len(operand) == 1 else operand
        other = (self._root if of_root else table).column_named(str(name))
        if other is None:
            raise self._fail(f"compares {table.key}.{column.name} with the unknown column {operand!r}")
        return plan.ColumnComparison(column, template, other, of_root=of_root)

    def _value(self, operand: Any, type_: PgType, *, many: bool) -> plan.Value:
        variable = _variable(operand)
        if variable is not None:
            return plan.Value(variable, _as_it_is, type_, ROOT, many)
        if many and isinstance(operand, list):
            items = tuple(_variable(item) or Constant(self._text(item, type_, many=False)) for item in operand)
            return plan.Value(plan.SessionList(items), encode_texts, type_, ROOT, many)
        return plan.Value(Constant(self._text(operand, type_, many=many)), _as_it_is, type_, ROOT, many)

    def _text(self, operand: Any, type_: PgType, *, many: bool) -> str:
        """A constant as PostgreSQL reads it."""
        try:
            return encode_many(operand, type_, ROOT) if many else encode(operand, type_, ROOT)
        except ReadError as error:
            raise self._fail(f"has a wrong value: {error.message}") from error


def _variable(operand: Any) -> plan.SessionVariable | None:
    is_one = isinstance(operand, str) and operand.lower().startswith(_SESSION_PREFIX)
    return plan.SessionVariable(operand.lower()) if is_one else None


def _as_it_is(value: Any, type_: PgType, path: str) -> str:
    return str(value)


def _normal(key: str) -> str:
    return f"_{key[1:]}" if key.startswith("$") else key


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
