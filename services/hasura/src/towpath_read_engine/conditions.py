"""`where` arguments to conditions.

Only what the role may see exists here; each table that a condition walks into brings its own row filter along. A null operand is an error
of the dialect or, with `null_collapse`, a condition that is not there (Hasura's V1_BOOLEAN_NULL_COLLAPSE).
"""

from towpath_read_engine import plan
from towpath_read_engine.calls import computed_rows, computed_value
from towpath_read_engine.errors import invalid
from towpath_read_engine.guarding import seen
from towpath_read_engine.inputs import Constant, Input, missing
from towpath_read_engine.model import Column, ComputedField, Link
from towpath_read_engine.operators import Member, Operator, casts_of, operator_for
from towpath_read_engine.ordering import select_column, select_columns
from towpath_read_engine.predicates import (
    PAIR,
    PAIRED_FUNCTIONS,
    PARTS,
    predicate_arguments_type,
    predicate_columns,
    predicate_columns_type,
    predicate_type,
)
from towpath_read_engine.roles import RoleSchema, TableView
from towpath_read_engine.scalars import PgType, encode, encode_many

_NO_LIST = "expected a list, but found null"
_NO_BOOLEAN = "expected a boolean for type 'Boolean', but found null"


class ConditionResolver:
    """Resolves the conditions of one request."""

    def __init__(self, schema: RoleSchema, *, null_collapse: bool) -> None:
        self._schema = schema
        self._null_collapse = null_collapse

    def resolve(self, view: TableView, given: Input) -> plan.Condition:
        """The condition of a `t_bool_exp`; the view's own filter is not in it."""
        type_name = view.type("bool_exp")
        return plan.every(*(self._entry(view, type_name, key, value) for key, value in given.entries(type_name)))

    def _entry(self, view: TableView, type_name: str, key: str, value: Input) -> plan.Condition:
        if key in ("_and", "_or"):
            value = value.at(f"[{type_name}!]")
            if self._is_dropped(value, _NO_LIST):
                return plan.TRUE
            items = tuple(self.resolve(view, item.at(f"{type_name}!")) for item in value.items())
            return plan.every(*items) if key == "_and" else plan.some(*items)
        if key == "_not":
            value = value.at(type_name)
            return plan.TRUE if self._is_dropped(value, _no_object(type_name)) else plan.negation(self.resolve(view, value))
        column = view.columns.get(key)
        if column is not None:
            return self._compared(column, value)
        computed = view.computed.get(key)
        if computed is not None and not computed.function.given:
            return self._computed(computed, value)
        relationship = view.relationships.get(key)
        if relationship is None:
            return self._aggregate(view, type_name, key, value)
        target = self._schema.target(relationship)
        value = value.at(target.type("bool_exp"))
        if self._is_dropped(value, _no_object(target.type("bool_exp"))):
            return plan.TRUE
        return plan.Exists(target.table, relationship.link, seen(target.filter, self.resolve(target, value)))

    def _computed(self, computed: ComputedField, given: Input) -> plan.Condition:
        if computed.function.table is None:
            return self._compared(computed_value(computed), given)
        target = self._schema.views[computed.function.table]
        given = given.at(target.type("bool_exp"))
        if self._is_dropped(given, _no_object(target.type("bool_exp"))):
            return plan.TRUE
        return plan.Exists(computed_rows(computed, target.table), (), seen(target.filter, self.resolve(target, given)))

    def _aggregate(self, view: TableView, type_name: str, key: str, given: Input) -> plan.Condition:
        """`relationship_aggregate: {count: {predicate: ...}}`, several functions being one conjunction."""
        relationship = view.relationships.get(key.removesuffix("_aggregate"))
        if relationship is None or not key.endswith("_aggregate") or not relationship.is_array:
            raise invalid(f"field '{key}' not found in type: '{type_name}'", given.path)
        target = self._schema.target(relationship)
        if not target.aggregations:
            raise invalid(f"field '{key}' not found in type: '{type_name}'", given.path)
        type_name = target.type("aggregate_bool_exp")
        given = given.at(type_name)
        if self._is_dropped(given, _no_object(type_name)):
            return plan.TRUE
        return plan.every(*(self._predicate(target, relationship.link, type_name, *entry) for entry in given.entries(type_name)))

    def _predicate(self, target: TableView, link: Link, type_name: str, function: str, given: Input) -> plan.Condition:
        if function != "count" and not predicate_columns(target.columns, function):
            raise invalid(f"field '{function}' not found in type: '{type_name}'", given.path)
        type_name = target.type(f"aggregate_bool_exp_{function}")
        given = given.at(type_name)
        if self._is_dropped(given, _no_object(type_name)):
            return plan.TRUE
        parts = dict(given.entries(type_name))
        for name, value in parts.items():
            if name not in PARTS or (name == "arguments" and not target.columns):
                raise invalid(f"field '{name}' not found in type: '{type_name}'", value.path)
        if "predicate" not in parts:
            raise missing("predicate", given.path)
        aggregate = plan.Aggregate(
            target.table,
            link,
            seen(target.filter, self._filter(target, parts.get("filter"))),
            function,
            self._arguments(target, function, parts.get("arguments"), given.path),
            _flag(parts.get("distinct")),
            predicate_type(function),
        )
        comparison = aggregate.type.comparison
        return self._comparisons(aggregate, parts["predicate"].at(f"{comparison}!"))

    def _filter(self, target: TableView, given: Input | None) -> plan.Condition:
        given = given.at(target.type("bool_exp")) if given is not None else None
        return plan.TRUE if given is None or given.is_null() else self.resolve(target, given)

    def _arguments(self, target: TableView, function: str, given: Input | None, path: str) -> tuple[Column, ...]:
        if function == "count":
            return () if given is None else select_columns(target, given)
        if given is None:
            raise missing("arguments", path)
        columns, enum = predicate_columns(target.columns, function), predicate_columns_type(target, function)
        if function not in PAIRED_FUNCTIONS:
            return (select_column(enum, columns, given),)
        type_name = predicate_arguments_type(target, function)
        given = given.at(f"{type_name}!")
        pair = dict(given.entries(type_name))
        for name, value in pair.items():
            if name not in PAIR:
                raise invalid(f"field '{name}' not found in type: '{type_name}'", value.path)
        for name in PAIR:
            if name not in pair:
                raise missing(name, given.path)
        return tuple(select_column(enum, columns, pair[name]) for name in PAIR)

    def _compared(self, column: plan.Operand, given: Input) -> plan.Condition:
        given = given.at(column.type.comparison)
        return plan.TRUE if self._is_dropped(given, _no_object(column.type.comparison)) else self._comparisons(column, given)

    def _comparisons(self, column: plan.Operand, given: Input) -> plan.Condition:
        return plan.every(*(self._comparison(column, name, value) for name, value in given.entries(column.type.comparison)))

    def _comparison(self, column: plan.Operand, name: str, given: Input) -> plan.Condition:
        type_ = column.type
        if name == "_is_null":
            given = given.at("Boolean")
            return plan.TRUE if self._is_dropped(given, _NO_BOOLEAN) else plan.NullTest(column, is_null=given.boolean())
        casts = casts_of(type_)
        if name == "_cast" and casts:
            return self._cast(column, casts, given)
        operator = operator_for(name, type_)
        if operator is None:
            raise invalid(f"field '{name}' not found in type: '{type_.comparison}'", given.path)
        if operator.input_type is not None:
            return self._object_comparison(column, operator, operator.input_type, given)
        operand = operator.operand(type_)
        expected = f"[{operand.written}!]" if operator.many else operand.written
        given = given.at(expected)
        if given.is_null() and operator.null_passes and not self._null_collapse:
            return plan.comparison(column, operator.template, plan.Null(operand))
        if self._is_dropped(given, _NO_LIST if operator.many else f"unexpected null value for type '{operand.graphql}'"):
            return plan.TRUE
        element = f"{operand.written if operator.many else operand.graphql}!"
        source = given.source(
            element,
            expected,
            many=operator.many or operand.element is not None,
            json=operand.is_structured,
            enum=operand.enum is not None,
            holes=operand.element is not None,
        )
        encoder = encode_many if operator.many else operator.encoder
        return plan.comparison(column, operator.template, plan.Value(source, encoder, operand, given.path, operator.many), operator.box)

    def _object_comparison(self, column: plan.Operand, operator: Operator, type_name: str, given: Input) -> plan.Condition:
        """A comparison with several values, the members of one input object."""
        given = given.at(type_name)
        if self._is_dropped(given, _no_object(type_name)):
            return plan.TRUE
        parts = dict(given.entries(type_name))
        known = {member.name: member for member in operator.members}
        for name, part in parts.items():
            if name not in known:
                raise invalid(f"field '{name}' not found in type: '{type_name}'", part.path)
        values = tuple((name, self._member(member, column.type, parts.get(name), given.path)) for name, member in known.items())
        return plan.Comparison(column, operator.template, values, operator.box)

    def _member(self, member: Member, column: PgType, given: Input | None, path: str) -> plan.Value | plan.Null:
        expected, type_ = member.expected(column), member.type(column)
        given = given.at(expected) if given is not None else None
        if given is None or given.is_absent():
            if member.is_required:
                raise missing(member.name, path)
            return plan.Null(type_) if member.default is None else plan.Value(Constant(member.default), encode, type_, path)
        if given.is_null():
            if member.is_required:
                raise invalid(f"unexpected null value for type '{expected.removesuffix('!')}'", given.path)
            return plan.Null(type_)
        return plan.Value(given.source(expected, expected, json=type_.is_structured), encode, type_, given.path)

    def _cast(self, column: plan.Operand, casts: dict[str, PgType], given: Input) -> plan.Condition:
        type_name = column.type.cast
        given = given.at(type_name)
        if self._is_dropped(given, _no_object(type_name)):
            return plan.TRUE
        conditions: list[plan.Condition] = []
        for key, value in given.entries(type_name):
            if key not in casts:
                raise invalid(f"field '{key}' not found in type: '{type_name}'", value.path)
            conditions.append(self._compared(plan.Cast(column, casts[key]), value))
        return plan.every(*conditions)

    def _is_dropped(self, given: Input, refusal: str) -> bool:
        if not given.is_null():
            return False
        if self._null_collapse:
            return True
        raise invalid(refusal, given.path)


def _no_object(type_name: str) -> str:
    return f"expected an object for type '{type_name}', but found null"


def _flag(given: Input | None) -> bool:
    given = given.at("Boolean") if given is not None else None
    return given is not None and not given.is_null() and given.boolean()
