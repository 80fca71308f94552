"""Parameters, calls of functions and what rows are read from, as SQL fragments."""

from towpath_read_engine import plan
from towpath_read_engine.scalars import PgType
from towpath_read_engine.sql import Fragment, Parameter, identifier, join, sql


def parameter(value: plan.Value) -> Fragment:
    """A parameter, cast to its type so that PostgreSQL reads the text with that type's input function."""
    if not value.many:
        return sql("{value}::{type}", value=Parameter(value), type=_type(value.type))
    return sql("{value}::{type}[]", value=Parameter(value), type=_type(value.type))


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


def _argument(item: plan.CallArgument, row: Fragment | None) -> Fragment:
    match item:
        case plan.Value():
            return parameter(item)
        case plan.Null(type=type_):
            return sql("null::{type}", type=_type(type_))
        case plan.WholeRow():
            assert row is not None, "a function of a row stands in a row"
            return row


def _type(type_: PgType) -> Fragment:
    return identifier(type_.schema, type_.name)
