"""Parameters, calls of functions and what rows are read from, as SQL fragments."""

from towpath_read_engine import plan
from towpath_read_engine.needs import ROW
from towpath_read_engine.scalars import PgType
from towpath_read_engine.sql import Fragment, Identifier, NumberLiteral, Parameter, identifier, join, sql


def parameter(value: plan.Value | plan.Null) -> Fragment:
    """A parameter, cast to its type so that PostgreSQL reads the text with that type's input function; PostGIS reads GeoJSON."""
    type_ = value.type
    if isinstance(value, plan.Null):
        return sql("null::{type}", type=type_name(type_))
    if not value.many:
        return _read(Parameter(value), type_, "v$")
    if type_.element is None and not type_.is_mapped:
        return sql("{value}::{type}[]", value=Parameter(value), type=type_name(type_))
    # PostgreSQL has no arrays of arrays, only arrays of more dimensions, which `any` would take apart to the last item.
    one = identifier("v$")
    return sql("select {one} from unnest({value}::text[]) as {v}", one=_read(one, type_, "w$"), value=Parameter(value), v=one)


def _read(text: Fragment, type_: PgType, name: str) -> Fragment:
    """A text as a value of the type; `name` is free for an item of it."""
    if type_.is_mapped:
        return sql("{home}.st_geomfromgeojson({text}::text)::{type}", text=text, type=type_name(type_), **home_of(type_))
    if type_.element is not None and type_.element.is_mapped:
        # the text form of such an array has colons between its items, and no GeoJSON
        one = identifier(name)
        items = sql("select {one} from unnest({text}::text[]) as {v}", one=_read(one, type_.element, name), text=text, v=one)
        return sql("array({items})::{type}", items=items, type=type_name(type_))
    return sql("{text}::{type}", text=text, type=type_name(type_))


def type_name(type_: PgType) -> Identifier:
    """The name of a type, to cast to."""
    return identifier(type_.schema, type_.name)


def home_of(type_: PgType) -> dict[str, Fragment]:
    """The place `home` of a template: the schema of the type's extension, if it belongs to one."""
    return {} if type_.home is None else {"home": identifier(type_.home)}


def as_json(value: Fragment, type_: PgType) -> Fragment:
    """A value as it is made JSON: what PostGIS has on its map is GeoJSON of 15 digits that names its reference system."""
    if not type_.is_mapped:
        return value
    digits, long_crs = NumberLiteral(15), NumberLiteral(4)
    made = sql("{home}.st_asgeojson({value}, {digits}, {crs})", value=value, digits=digits, crs=long_crs, **home_of(type_))
    return sql("{made}::{json}", made=made, json=identifier("pg_catalog", "json"))


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
    return identifier(alias, ROW) if alias.startswith("b$") and "." not in alias else identifier(alias)


def _argument(item: plan.CallArgument, row: Fragment | None) -> Fragment:
    if not isinstance(item, plan.WholeRow):
        return parameter(item)
    assert row is not None, "a function of a row stands in a row"
    return row
