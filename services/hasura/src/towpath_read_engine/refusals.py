"""What the dialect says of a value whose JSON kind the type of a column cannot have, or that is too large for it.

The words are those of Hasura's own readers of JSON, so that programs that look at them find what they know.
"""

from decimal import Decimal
from typing import Any

from towpath_read_engine.errors import DialectCode, ReadError

_READERS = {
    "int2": "parsing Integer expected for input type: PGSmallInt failed, expected Number",
    "int4": "parsing Integer expected for input type: PGInteger failed, expected Number",
    "int8": "parsing Integer expected for input type: PGBigInt failed, expected Number",
    "float4": "parsing Float expected for input type: PGFloat failed, expected Number",
    "float8": "parsing Float expected for input type: PGDouble failed, expected Number",
    "numeric": "parsing Scientific failed, expected Number",
    "money": "parsing Scientific failed, expected Number",
    "bool": "expected Bool",
    "text": "parsing Text failed, expected String",
    "varchar": "parsing Text failed, expected String",
    "uuid": "parsing UUID failed, expected String",
    "date": "parsing Day failed, expected String",
    "timestamp": "parsing LocalTime failed, expected String",
    "timestamptz": "parsing UTCTime failed, expected String",
}


_MOST_DIGITS = 60
"""Of a number in a sentence; a longer one is cut."""


def misfit(value: Any, base: str, name: str, path: str) -> ReadError:
    """The refusal of a value of the wrong kind for a type.

    Args:
        base: the type's name in PostgreSQL.
        name: its name in GraphQL.
    """
    reader = _READERS.get(base)
    sentence = f"A string is expected for type: {name}" if reader is None else f"{reader}, but encountered {_kind(value)}"
    return ReadError(DialectCode.PARSE_FAILED, sentence, path)


def no_array(value: Any, path: str) -> ReadError:
    """The refusal of what is no list where an array is wanted."""
    return ReadError(DialectCode.PARSE_FAILED, f"parsing [] failed, expected Array, but encountered {_kind(value)}", path)


def not_whole(value: int | Decimal, path: str) -> ReadError:
    """The refusal of a number that is no integer of the size."""
    sentence = f"The value {scientific(value)} lies outside the bounds or is not an integer."
    return ReadError(DialectCode.PARSE_FAILED, f"{sentence} Maybe it is a float, or is there integer overflow?", path)


def too_large(value: int | Decimal, path: str) -> ReadError:
    """The refusal of a number that is larger than any of its type."""
    sentence = f"The value {scientific(value)} lies outside the bounds. Is it overflowing the float bounds?"
    return ReadError(DialectCode.PARSE_FAILED, sentence, path)


def scientific(value: int | Decimal) -> str:
    """A number as Haskell writes one: `42.0`, `1.5`, `3.0e9`, `1.0e-3`."""
    sign, all_digits, exponent = Decimal(value).as_tuple()
    assert isinstance(exponent, int), "JSON has no other numbers"
    text = "".join(map(str, all_digits)).lstrip("0")
    point = len(text) + exponent
    digits = text.rstrip("0")[:_MOST_DIGITS]
    minus = "-" if sign else ""
    if not text:
        return f"{minus}0.0"
    if not 0 <= point <= 7:
        return f"{minus}{digits[0]}.{digits[1:] or '0'}e{point - 1}"
    return f"{minus}{digits[:point].ljust(point, '0') or '0'}.{digits[point:] or '0'}"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "Boolean"
        case int() | float() | Decimal():
            return "Number"
        case str():
            return "String"
        case list():
            return "Array"
        case dict():
            return "Object"
        case _:
            return "Null"
