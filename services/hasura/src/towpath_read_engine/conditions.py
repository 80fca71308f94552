"""`where` arguments to conditions.

Only what the role may see exists here; each table that a condition walks into brings its own row filter along. A null
operand is an error of the dialect or, with `null_collapse`, a condition that is not there (Hasura's
V1_BOOLEAN_NULL_COLLAPSE).
"""

from towpath_read_engine import plan
from towpath_read_engine.errors import invalid
from towpath_read_engine.inputs import Input
from towpath_read_engine.model import Column
from towpath_read_engine.operators import operator_for
from towpath_read_engine.roles import RoleSchema, TableView
from towpath_read_engine.scalars import TEXT, PgType, encode, encode_many


class ConditionResolver:
    """Resolves the conditions of one request."""

    def __init__(self, schema: RoleSchema, *, null_collapse: bool) -> None:
        self._schema = schema
        self._null_collapse = null_collapse

    def resolve(self, view: TableView, given: Input) -> plan.Condition:
        """The condition of a `t_bool_exp`; the view's own filter is not in it."""
        type_name = f"{view.name}_bool_exp"
        return plan.every(*(self._entry(view, type_name, key, value) for key, value in given.entries(type_name)))

    def _entry(self, view: TableView, type_name: str, key: str, value: Input) -> plan.Condition:
        if key in ("_and", "_or"):
            value = value.at(f"[{type_name}!]")
            if self._is_dropped(value, f"[{type_name}!]"):
                return plan.TRUE
            items = tuple(self.resolve(view, item.at(f"{type_name}!")) for item in value.items())
            return plan.every(*items) if key == "_and" else plan.some(*items)
        if key == "_not":
            value = value.at(type_name)
            return plan.TRUE if self._is_dropped(value, type_name) else plan.negation(self.resolve(view, value))
        column = view.columns.get(key)
        if column is not None:
            value = value.at(column.type.comparison)
            return plan.TRUE if self._is_dropped(value, column.type.comparison) else self._column(column, value)
        relationship = view.relationships.get(key)
        if relationship is None:
            raise invalid(f"field '{key}' not found in type: '{type_name}'", value.path)
        target = self._schema.target(relationship)
        value = value.at(f"{target.name}_bool_exp")
        if self._is_dropped(value, f"{target.name}_bool_exp"):
            return plan.TRUE
        return plan.Exists(target.table, relationship.link, plan.every(self.resolve(target, value), target.filter))

    def _column(self, column: Column, given: Input, *, as_text: bool = False) -> plan.Condition:
        type_ = TEXT if as_text else column.type
        return plan.every(*(self._comparison(column, type_, name, value) for name, value in given.entries(type_.comparison)))

    def _comparison(self, column: Column, type_: PgType, name: str, given: Input) -> plan.Condition:
        as_text = type_ is not column.type
        if name == "_is_null":
            given = given.at("Boolean")
            return plan.TRUE if self._is_dropped(given, "Boolean") else plan.NullTest(column, is_null=given.boolean())
        if name == "_cast" and type_.is_jsonb:
            return self._cast(column, given)
        operator = operator_for(name, type_)
        if operator is None:
            raise invalid(f"field '{name}' not found in type: '{type_.comparison}'", given.path)
        operand = operator.operand(type_)
        expected = f"[{operand.graphql}!]" if operator.many else operand.written
        given = given.at(expected)
        if self._is_dropped(given, operand.graphql):
            return plan.TRUE
        source = given.source(f"{operand.graphql}!", expected, many=operator.many or operand.element is not None, json=operand.is_json)
        encoder = encode_many if operator.many else encode
        return plan.Comparison(column, operator.template, plan.Value(source, encoder, operand, given.path, operator.many), as_text)

    def _cast(self, column: Column, given: Input) -> plan.Condition:
        type_name = "jsonb_cast_exp"
        given = given.at(type_name)
        if self._is_dropped(given, type_name):
            return plan.TRUE
        conditions: list[plan.Condition] = []
        for key, value in given.entries(type_name):
            if key != "String":
                raise invalid(f"field '{key}' not found in type: '{type_name}'", value.path)
            value = value.at(TEXT.comparison)
            if not self._is_dropped(value, TEXT.comparison):
                conditions.append(self._column(column, value, as_text=True))
        return plan.every(*conditions)

    def _is_dropped(self, given: Input, type_name: str) -> bool:
        if not given.is_null():
            return False
        if self._null_collapse:
            return True
        raise invalid(f"unexpected null value for type '{type_name}'", given.path)
