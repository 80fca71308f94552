"""PostgreSQL types as GraphQL scalars, and request values as PostgreSQL input text.

Every parameter leaves this engine as text (or null) and is read by PostgreSQL's own input function for the column's
type, so naive timestamps, numerals in strings and any type we never heard of behave as they do in SQL. This module
refuses only what would be read as something else than was meant: objects for scalars, numbers for text, big integers
(`refusals.py` has the words).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import isinf
from typing import Any

from towpath_read_engine import geojson
from towpath_read_engine.errors import DialectCode, ReadError, invalid
from towpath_read_engine.inputs import described
from towpath_read_engine.paths import parent
from towpath_read_engine.refusals import misfit, no_array, not_whole, too_large
from towpath_read_engine.variables import kind_of

_RENAMED = {"int4": "Int", "float4": "Float", "bool": "Boolean", "text": "String", "varchar": "String"}
_SQL_NAMES = {"int8": "bigint", "int2": "smallint"}
_INTEGER_BITS = {"int2": 16, "int4": 32, "int8": 64}
_FLOATS = frozenset({"float4", "float8"})
_PATTERNS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
_NUMERIC = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric", "money"})
_DIGITS = re.compile(r"[0-9]+")
_JSON_STEP = re.compile(r"""\.?(?:([\w-]+)|\[(?:([0-9]+)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\])""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_FOREIGN = frozenset({"citext", "ltree"})
_MAPPED = frozenset({"geometry", "geography"})
_SPATIAL = _MAPPED | {"raster"}
_NOT_ORDERED_BY_MAX = _SPATIAL | {"json", "jsonb", "bool"}


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A value of an enum table."""

    name: str
    description: str | None


@dataclass(frozen=True, slots=True)
class EnumType:
    """The enum that an enum table makes of its rows."""

    name: str
    values: tuple[EnumValue, ...]


@dataclass(frozen=True, slots=True)
class PgType:
    """A column's type.

    Attributes:
        schema: where the type lives.
        name: its name there (`timestamptz`, `_int4`).
        base: the name that decides behaviour: of the type under a domain, else `name`.
        element: the type of the items of an array.
        composite: whether the type is a row type.
        enum: the enum, for a column that refers to an enum table.
        foreign: whether it is an extension's, with comparisons of its own, which may raise.
        home: where the functions and operators of `base` live, when it belongs to an extension.
        is_ordered: whether the values have the order that `>` means.
    """

    schema: str
    name: str
    base: str
    element: "PgType | None" = None
    composite: bool = False
    enum: EnumType | None = None
    foreign: bool = False
    home: str | None = None
    is_ordered: bool = True

    @property
    def graphql(self) -> str:
        """The name of the GraphQL scalar or enum (of the items, for an array)."""
        if self.enum is not None:
            return self.enum.name
        if self.element is not None:
            return self.element.graphql
        name = _RENAMED.get(self.name) or _SQL_NAMES.get(self.name, self.name)
        return f"{name}_scalar" if self.composite else name

    @property
    def written(self) -> str:
        """The type as a GraphQL type expression: `uuid`, `[String!]`."""
        return f"[{self.graphql}!]" if self.element is not None else self.graphql

    @property
    def comparison(self) -> str:
        """The name of the comparison type."""
        return f"{self.graphql}_{'array_' if self.element is not None else ''}comparison_exp"

    @property
    def cast(self) -> str:
        """The name of the type of `_cast`."""
        return f"{self.graphql}_cast_exp"

    @property
    def has_patterns(self) -> bool:
        """Whether LIKE and regular expressions apply."""
        return self.element is None and self.base in _PATTERNS and self.enum is None

    @property
    def is_jsonb(self) -> bool:
        """Whether the jsonb operators apply."""
        return self.base == "jsonb"

    @property
    def is_json(self) -> bool:
        """Whether values are JSON of any kind."""
        return self.base in ("json", "jsonb")

    @property
    def is_spatial(self) -> bool:
        """Whether it is a type of PostGIS."""
        return self.home is not None and self.base in _SPATIAL

    @property
    def has_own_order(self) -> bool:
        """Whether `>` has to be the extension's: by the search path another type's might be found, whose order is not that of a sort."""
        return self.home is not None and (self.foreign or self.base in _KNOWN_FOREIGN)

    @property
    def is_mapped(self) -> bool:
        """Whether values are GeoJSON."""
        return self.home is not None and self.base in _MAPPED

    @property
    def is_structured(self) -> bool:
        """Whether a value, or an item of an array, may be an object or a list."""
        return self.element.is_structured if self.element is not None else self.is_json or self.is_mapped

    def beside(self, name: str) -> "PgType":
        """A type of the extension that this type belongs to."""
        home = self.home or self.schema
        return PgType(home, name, name, foreign=self.foreign, home=home)

    @property
    def is_numeric(self) -> bool:
        """Whether sum and its kin apply."""
        return self.base in _NUMERIC

    @property
    def is_comparable(self) -> bool:
        """Whether max and min apply."""
        return self.element is None and not self.composite and self.base not in _NOT_ORDERED_BY_MAX and self.enum is None


def builtin(name: str, element: PgType | None = None) -> PgType:
    """A type of pg_catalog."""
    return PgType("pg_catalog", name, name, element)


TEXT = builtin("text")
TEXT_ARRAY = builtin("_text", TEXT)
INTEGER = builtin("int4")
BIGINT = builtin("int8")
DOUBLE = builtin("float8")
BOOLEAN = builtin("bool")

Encoder = Callable[[Any, PgType, str], str]
"""From a JSON value, the type and the place, to PostgreSQL input text."""


def encode(value: Any, type_: PgType, path: str) -> str:
    """A value as PostgreSQL reads it.

    Raises:
        ReadError: null, or a value of a kind that the type cannot have.
    """
    if type_.is_json:
        return json_text(value)
    if value is None:
        raise invalid(f"unexpected null value for type '{type_.graphql}'", path)
    if type_.enum is not None:
        return _enum_value(value, type_.enum, path)
    if type_.element is not None:
        return value if isinstance(value, str) else _array_value(value, type_.element, path)
    if type_.is_mapped:
        return json_text(geojson.geometry(value, path))
    if type_.is_spatial:
        return geojson.raster(value, path)
    return value if isinstance(value, str) else _plain(value, type_, path)


def _plain(value: Any, type_: PgType, path: str) -> str:
    """A number or Boolean where the type has such."""
    if isinstance(value, bool):
        if type_.base != "bool":
            raise misfit(value, type_.base, type_.graphql, path)
        return "true" if value else "false"
    if type_.base not in _NUMERIC or not isinstance(value, (int, Decimal, float)):
        raise misfit(value, type_.base, type_.graphql, path)
    if type_.base in _INTEGER_BITS:
        return str(_whole(value, _INTEGER_BITS[type_.base], path))
    if type_.base in _FLOATS and isinf(float(Decimal(value))):  # of a long int float() would raise
        raise too_large(Decimal(value), path)
    return str(value)


def encode_like(value: Any, type_: PgType, path: str) -> str:
    """A pattern of LIKE. One that ends in the middle of an escape PostgreSQL refuses only when a row gets so far, and so would tell of rows
    that the caller may not see; here it is refused always, in the same words.
    """
    text = encode(value, type_, path)
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise ReadError(DialectCode.BAD_REQUEST, "LIKE pattern must not end with escape character")
    return text


def encode_many(value: Any, type_: PgType, path: str) -> str:
    """A list of values as an array; one value is a list of one. A session variable's text is an array literal already."""
    items = value if isinstance(value, list) else [value]
    return encode_texts([encode(item, type_, f"{path}[{i}]") for i, item in enumerate(items)], type_, path)


def encode_texts(values: Any, type_: PgType, path: str) -> str:
    """A list of texts, each as PostgreSQL reads it already, as an array."""
    return "{" + ",".join(_item(text) for text in values) + "}"


def encode_limit(value: Any, type_: PgType, path: str) -> str:
    """A row limit: a non-negative 32-bit integer, not in quotes; `1.0` is one, too."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and value >= 0:
        return str(_whole(value, 32, path))
    raise invalid(f"expected a non-negative 32-bit integer for type 'Int', but found {described(kind_of(value))}", path)


def encode_offset(value: Any, type_: PgType, path: str) -> str:
    """An offset: a 64-bit integer, quotes allowed; a negative one is PostgreSQL's to refuse."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value[:30])
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(_whole(value, 64, path))
    wanted = "a 32-bit integer, or a 64-bit integer represented as a string"
    raise invalid(f"expected {wanted} for type 'Int', but found {described(kind_of(value))}", path)


def encode_json_path(value: Any, type_: PgType, path: str) -> str:
    """The `path` argument of a JSON column as a text array."""
    if not isinstance(value, str):
        raise invalid(f"expected a string for type 'String', but found {described(kind_of(value))}", path)
    return encode_texts(parse_json_path(value, parent(path)), TEXT_ARRAY, path)


def parse_json_path(text: str, path: str) -> list[str]:
    """The steps of a JSON path: `a.b`, `arr[0]`, `['x y']`, with or without a leading `$` or dot."""
    steps: list[str] = []
    at = int(text.startswith("$"))
    while at < len(text):
        step = _JSON_STEP.match(text, at)
        if step is None:
            advice = (
                "Accept letters, digits, underscore (_) or hyphen (-) only. "
                'Use quotes enclosed in bracket (["..."]) if there is any special character'
            )
            raise invalid(f"parse json path error: {text}. {advice}", path)
        name, index, *quoted = step.groups()
        steps.append(name or index or _ESCAPED.sub(r"\1", quoted[0] or quoted[1] or ""))
        at = step.end()
    return steps


def json_text(value: Any) -> str:
    """JSON text of a value whose fractions may be Decimal, digits kept."""
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{json_text(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",".join(json_text(item) for item in value) + "]"
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value)


def _enum_value(value: Any, enum: EnumType, path: str) -> str:
    if not isinstance(value, str):
        raise invalid(f"expected an enum value for type '{enum.name}', but found {described(kind_of(value))}", path)
    names = sorted(item.name for item in enum.values)
    if value not in names:
        allowed = ", ".join(f"'{name}'" for name in names)
        raise invalid(f"expected one of the values [{allowed}] for type '{enum.name}', but found '{value}'", path)
    return value


def _whole(value: int | Decimal | float, bits: int, path: str) -> int:
    """A number that is an integer of so many bits."""
    number = value if isinstance(value, (int, Decimal)) else Decimal(value)
    half = 2 ** (bits - 1)
    if not -half <= number < half or number != int(number):
        raise not_whole(number, path)
    return int(number)


def _array_value(values: Any, element: PgType, path: str) -> str:
    """An array; what is wrong with an item is told of the whole, as in Hasura."""
    if not isinstance(values, list):
        raise no_array(values, path)
    return (
        "{" + ",".join("NULL" if value is None and not element.is_json else _item(encode(value, element, path)) for value in values) + "}"
    )


def _item(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
