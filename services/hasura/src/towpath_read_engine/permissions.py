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
from towpath_read_engine.model import Column, Relationship, Table
from towpath_read_engine.operators import Operator, casts_of, column_operator_for, operator_for
from towpath_read_engine.paths import ROOT
from towpath_read_engine.predicates import PAIR, PAIRED_FUNCTIONS, PARTS, predicate_columns, predicate_type
from towpath_read_engine.scalars import PgType, encode, encode_many, encode_texts

_SESSION_PREFIX = "x-hasura-"
_COLUMN_ALIASES = {"_cneq": "_cne"}
_EVERY_COLUMN = ("*", ["*"])


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
        counted = table.relationships.get(key.removesuffix("_aggregate"))
        if column is None and counted is not None and counted.is_array:
            return plan.every(*(self._aggregate(table, counted, str(name), item) for name, item in value.items()))
        if column is None:
            raise self._fail(f"names '{key}', which is neither a column nor a relationship of {table.key}")
        return self._comparisons(table, column, f"{table.key}.{column.name}", value)

    def _comparisons(self, table: Table, column: plan.Operand, name: str, value: Any) -> plan.Condition:
        operators = value if isinstance(value, Mapping) else {"_eq": value}
        return plan.every(*(self._comparison(table, column, name, _normal(str(key)), operand) for key, operand in operators.items()))

    def _aggregate(self, table: Table, relationship: Relationship, function: str, parts: Mapping[str, Any]) -> plan.Condition:
        """One function of `relationship_aggregate: {count: {predicate: ...}}`; columns go by their names in the database."""
        name = f"{table.key}.{relationship.name}_aggregate.{function}"
        unknown = parts.keys() - PARTS
        if unknown:
            raise self._fail(f"has {', '.join(sorted(unknown))} in {name}, which knows only {', '.join(sorted(PARTS))}")
        target, distinct, rows = self._tables[relationship.target], parts.get("distinct"), parts.get("filter")
        if distinct is not None and not isinstance(distinct, bool):
            raise self._fail(f"has {distinct!r} for distinct in {name}, which is true or false")
        where = plan.TRUE if rows is None else self._condition(target, rows)
        columns = self._arguments(target, function, name, parts.get("arguments"))
        aggregate = plan.Aggregate(target, relationship.link, where, function, columns, distinct is True, predicate_type(function))
        if not isinstance(parts["predicate"], Mapping):
            raise self._fail(f"has {parts['predicate']!r} for the predicate of {name}, which is an object of operators")
        return self._comparisons(table, aggregate, name, parts["predicate"])

    def _arguments(self, target: Table, function: str, name: str, given: Any) -> tuple[Column, ...]:
        columns = {column.name: column for column in target.columns.values()}
        if function == "count" and (given is None or given in _EVERY_COLUMN):
            return ()
        if function in PAIRED_FUNCTIONS:
            if not isinstance(given, Mapping) or given.keys() != set(PAIR):
                raise self._fail(f"has {given!r} for the arguments of {name}, which are an object of {' and '.join(PAIR)}")
            names = [given[side] for side in PAIR]
        else:
            names = _items(given)
        if function != "count":
            columns = predicate_columns(columns, function)
            if len(names) != (2 if function in PAIRED_FUNCTIONS else 1):
                raise self._fail(f"has {given!r} for the arguments of {name}, which is one column")
        unknown = [item for item in names if not isinstance(item, str) or item not in columns]
        if unknown:
            raise self._fail(f"names {unknown[0]!r} for {name}, which {target.key} does not have as a column of that kind")
        return tuple(columns[item] for item in names)

    def _exists(self, value: Any) -> plan.Condition:
        key = table_key(value["_table"])
        target = self._tables.get(key)
        if target is None:
            raise self._fail(f"has _exists on {key}, which is not tracked")
        return plan.Exists(target, (), self._condition(target, value["_where"]))

    def _comparison(self, table: Table, column: plan.Operand, place: str, name: str, operand: Any) -> plan.Condition:
        """A comparison; `place` is what is compared, in words."""
        if name == "_is_null" and isinstance(operand, bool):
            return plan.NullTest(column, is_null=operand)
        casts = casts_of(column.type)
        if name == "_cast" and casts:
            return self._cast(table, column, place, casts, operand)
        template = column_operator_for(_COLUMN_ALIASES.get(name, name), column.type)
        if template is not None and isinstance(column, Column):
            return self._column_comparison(table, column, template, operand)
        operator = operator_for(name, column.type)
        if operator is None:
            raise self._fail(f"uses '{name}' on {place}, whose type {column.type.name} does not have it")
        if operand is None:
            raise self._fail(f"compares {place} with null; use _is_null")
        if operator.members:
            return self._object_comparison(column, place, operator, operand)
        return plan.comparison(column, operator.template, self._value(operand, operator.operand(column.type), many=operator.many))

    def _cast(self, table: Table, column: plan.Operand, place: str, casts: Mapping[str, PgType], value: Any) -> plan.Condition:
        unknown = [name for name in value if name not in casts]
        if unknown:
            raise self._fail(f"casts {place} to '{unknown[0]}', which its type {column.type.name} cannot be cast to")
        return plan.every(*(self._comparisons(table, plan.Cast(column, casts[name]), place, item) for name, item in value.items()))

    def _object_comparison(self, column: plan.Operand, place: str, operator: Operator, operand: Any) -> plan.Condition:
        """A comparison with several values, the members of one object."""
        known = {member.name: member for member in operator.members}
        unknown = sorted(str(name) for name in operand if name not in known)
        missing = [name for name, member in known.items() if member.is_required and operand.get(name) is None]
        if unknown or missing:
            raise self._fail(f"compares {place} with {operand!r}, where it needs an object of {', '.join(known)}")
        values: list[tuple[str, plan.Value | plan.Null]] = []
        for name, member in known.items():
            type_ = member.type(column.type)
            given = operand.get(name, member.default)
            values.append((name, plan.Null(type_) if given is None else self._value(given, type_, many=False)))
        return plan.Comparison(column, operator.template, tuple(values))

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
            # GeoJSON is looked at first, for PostGIS refuses it in words of its own
            return plan.Value(variable, encode if type_.is_spatial and not many else _as_it_is, type_, ROOT, many)
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
