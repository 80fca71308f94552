"""Parameters, calls of functions and what rows are read from, as SQL fragments."""

from towpath_read_engine import plan
from towpath_read_engine.sql import Fragment, Parameter, identifier, join, sql


def parameter(value: plan.Value | plan.Null) -> Fragment:
    """A parameter, cast to its type so that PostgreSQL reads the text with that type's input function."""
    type_ = identifier(value.type.schema, value.type.name)
    if isinstance(value, plan.Null):
        return sql("null::{type}", type=type_)
    if not value.many:
        return sql("{value}::{type}", value=Parameter(value), type=type_)
    if value.type.element is None:
        return sql("{value}::{type}[]", value=Parameter(value), type=type_)
    # PostgreSQL has no arrays of arrays, only arrays of more dimensions, which `any` would take apart to the last item.
    one = identifier("v$")
    return sql("select {v}::{type} from unnest({value}::text[]) as {v}", v=one, type=type_, value=Parameter(value))


def call(item: plan.Call, row: Fragment | None) -> Fragment:
    """A call of a function; `row` is the row that it stands in, if it stands in one."""
    arguments = [_argument(value, row) for value in item.placed]
    arguments += [sql("{name} => {value}", name=identifier(name), value=_argument(value, row)) for name, value in item.named]
    return sql("{function}({arguments})", function=identifier(item.key.schema, item.key.name), arguments=join(", ", arguments))


def origin(item: plan.Origin, row: Fragment | None) -> Fragment:
    """What follows `from`."""
    if isinstance(item, plan.Called):
        return call(item.call, row)
    return identifier(item.key.schema, item.key.name)


def whole_row(alias: str) -> Fragment:
    """The row of an alias as one value; an inner select (letter `b`) carries it as a column."""
    # what hangs below an inner select (`b$1.1`) is a table again
    return identifier(alias, plan.ROW) if alias.startswith("b$") and "." not in alias else identifier(alias)


def _argument(item: plan.CallArgument, row: Fragment | None) -> Fragment:
    if not isinstance(item, plan.WholeRow):
        return parameter(item)
    assert row is not None, "a function of a row stands in a row"
    return row
