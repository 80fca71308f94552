"""The comparison operators of the dialect: their SQL, the columns they apply to and the operand they take."""

from collections.abc import Callable
from dataclasses import dataclass

from towpath_read_engine.scalars import TEXT, Encoder, PgType, encode, encode_like


@dataclass(frozen=True, slots=True)
class Operator:
    """A comparison.

    Attributes:
        template: the SQL, with `{column}` and `{value}`.
        applies: to which column types.
        operand: the type of the value (of an item, when `many`).
        many: whether the value is a list.
        encoder: makes PostgreSQL's text of a value that is not a list.
        null_passes: whether a null value compares (and gives null) where it is elsewhere an error.
    """

    template: str
    applies: Callable[[PgType], bool]
    operand: Callable[[PgType], PgType]
    many: bool = False
    encoder: Encoder = encode
    null_passes: bool = False


def _same(type_: PgType) -> PgType:
    return type_


def _text(_: PgType) -> PgType:
    return TEXT


def _always(_: PgType) -> bool:
    return True


def _is_no_enum(type_: PgType) -> bool:
    return type_.enum is None


def _is_jsonb(type_: PgType) -> bool:
    return type_.is_jsonb


def _has_patterns(type_: PgType) -> bool:
    return type_.has_patterns


def _pattern(type_: PgType) -> PgType:
    """A pattern is text of the column's own kind: on citext it ignores case."""
    return type_ if type_.base in ("citext", "bpchar") else TEXT


def _is_ltree(type_: PgType) -> bool:
    return type_.element is None and type_.base == "ltree"


def _beside(name: str) -> Callable[[PgType], PgType]:
    """A type of the extension that the column's type belongs to."""
    return lambda type_: PgType(type_.schema, name, name)


def _is_container(type_: PgType) -> bool:
    return type_.is_jsonb or type_.element is not None


def _infix(symbol: str) -> str:
    return f"{{column}} {symbol} {{value}}"


_PLAIN = {"_eq": "=", "_neq": "<>", "_gt": ">", "_gte": ">=", "_lt": "<", "_lte": "<="}
_EQUALITY = ("_eq", "_neq")
_PATTERNS = {
    "_like": "like",
    "_nlike": "not like",
    "_ilike": "ilike",
    "_nilike": "not ilike",
    "_similar": "similar to",
    "_nsimilar": "not similar to",
    "_regex": "~",
    "_nregex": "!~",
    "_iregex": "~*",
    "_niregex": "!~*",
}

OPERATORS: dict[str, Operator] = {
    **{name: Operator(_infix(symbol), _always if name in _EQUALITY else _is_no_enum, _same) for name, symbol in _PLAIN.items()},
    "_in": Operator("{column} = any({value})", _always, _same, many=True),
    "_nin": Operator("not ({column} = any({value}))", _always, _same, many=True),
    **{
        name: Operator(_infix(symbol), _has_patterns, _pattern, encoder=encode_like if symbol.endswith("like") else encode)
        for name, symbol in _PATTERNS.items()
    },
    "_contains": Operator(_infix("@>"), _is_container, _same),
    "_contained_in": Operator(_infix("<@"), _is_container, _same),
    "_has_key": Operator(_infix("?"), _is_jsonb, _text, null_passes=True),
    "_has_keys_any": Operator(_infix("?|"), _is_jsonb, _text, many=True),
    "_has_keys_all": Operator(_infix("?&"), _is_jsonb, _text, many=True),
    "_ancestor": Operator(_infix("@>"), _is_ltree, _same),
    "_ancestor_any": Operator(_infix("@>"), _is_ltree, _same, many=True),
    "_descendant": Operator(_infix("<@"), _is_ltree, _same),
    "_descendant_any": Operator(_infix("<@"), _is_ltree, _same, many=True),
    "_matches": Operator(_infix("~"), _is_ltree, _beside("lquery")),
    "_matches_any": Operator(_infix("?"), _is_ltree, _beside("lquery"), many=True),
    "_matches_fulltext": Operator(_infix("@"), _is_ltree, _beside("ltxtquery")),
}
"""Every operator that compares with a value; `_is_null` and `_cast` are the resolver's."""

RAISING = frozenset(_infix(_PATTERNS[name]) for name in ("_similar", "_nsimilar", "_regex", "_nregex", "_iregex", "_niregex"))
"""The templates of operators that some patterns make raise an error, on the first row that is tried."""

COLUMN_OPERATORS: dict[str, str] = {f"_c{name[1:]}" if name != "_neq" else "_cne": _infix(symbol) for name, symbol in _PLAIN.items()}
"""Comparisons with another column; allowed in permissions only."""


def operator_for(name: str, type_: PgType) -> Operator | None:
    """The operator, if it exists for columns of the type."""
    operator = OPERATORS.get(name)
    return operator if operator is not None and operator.applies(type_) else None
