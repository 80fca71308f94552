"""The comparison operators of the dialect: their SQL, the columns they apply to and the operand they take.

What PostGIS adds is named with the schema that it lives in, which need not be in the search path. Other extensions' operators are found
by the search path.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from towpath_read_engine.scalars import BOOLEAN, DOUBLE, INTEGER, TEXT, Encoder, PgType, encode, encode_like


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an operand that is an input object.

    Attributes:
        type: its type, by the column's.
        written: the GraphQL type, where it is not named after `type`.
        default: what stands for a member that is not given; one without is required. None is SQL's null.
    """

    name: str
    type: Callable[[PgType], PgType]
    written: str | None = None
    is_required: bool = True
    default: bool | None = None

    def expected(self, type_: PgType) -> str:
        """The GraphQL type expression, by the column's type."""
        return f"{self.written or self.type(type_).graphql}{'!' if self.is_required else ''}"


@dataclass(frozen=True, slots=True)
class Operator:
    """A comparison.

    Attributes:
        template: the SQL, with `{column}`, `{value}` or the members' names, and `{home}` for the schema of the column's extension.
        applies: to which column types.
        operand: the type of the value (of an item, when `many`).
        many: whether the value is a list.
        encoder: makes PostgreSQL's text of a value that is not a list.
        null_passes: whether a null value compares (and gives null) where it is elsewhere an error.
        input_type: the name of the input object that the value is, if it is one, with these `members`.
        box: as in `plan.Comparison`.
    """

    template: str
    applies: Callable[[PgType], bool]
    operand: Callable[[PgType], PgType]
    many: bool = False
    encoder: Encoder = encode
    null_passes: bool = False
    input_type: str | None = None
    members: tuple[Member, ...] = ()
    box: str | None = None


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
    return lambda type_: type_.beside(name)


def _base(type_: PgType) -> PgType:
    """The type of the extension itself: an input object has one name, whatever domain the column is of."""
    return type_.beside(type_.base)


def _is(type_: PgType) -> Callable[[PgType], PgType]:
    return lambda _: type_


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
"""The operators that compare with a value of a type that is not PostGIS's; `_is_null` and `_cast` are the resolver's."""

RAISING = frozenset(_infix(_PATTERNS[name]) for name in ("_similar", "_nsimilar", "_regex", "_nregex", "_iregex", "_niregex"))
"""The templates of operators that some patterns make raise an error, on the first row that is tried."""

COLUMN_OPERATORS: dict[str, str] = {f"_c{name[1:]}" if name != "_neq" else "_cne": _infix(symbol) for name, symbol in _PLAIN.items()}
"""Comparisons with another column; allowed in permissions only."""


def _qualified(symbol: str) -> str:
    return f"{{column}} operator({{home}}.{symbol}) {{value}}"


def _related(function: str, *, boxed: bool = True) -> Operator:
    """The operator for a function of PostGIS of the column and one value of its type."""
    return Operator(f"{{home}}.{function}({{column}}, {{value}})", _always, _same, box=_qualified("&&") if boxed else None)


def _near(function: str, input_type: str, *more: Member, box: str | None = None) -> Operator:
    """The operator for a function of PostGIS of the column, a value of its type and a distance."""
    members = (Member("distance", _is(DOUBLE), "Float"), Member("from", _base), *more)
    names = "".join(f", {{{name}}}" for name in ("from", "distance", *(item.name for item in more)))
    return Operator(f"{{home}}.{function}({{column}}{names})", _always, _same, input_type=input_type, members=members, box=box)


def _crossed(input_type: str, *members: Member) -> Operator:
    """The operator for PostGIS's intersection of a raster with a geometry."""
    names = ", ".join(f"{{{item.name}}}" for item in members)
    return Operator(f"{{home}}.st_intersects({{column}}, {names})", _always, _same, input_type=input_type, members=members)


_SPATIAL_EQUALITY: dict[str, Operator] = {
    "_eq": Operator(_qualified("="), _always, _same),
    "_neq": Operator(f"not ({_qualified('=')})", _always, _same),  # PostGIS has no <>
    "_in": Operator("{column} operator({home}.=) any({value})", _always, _same, many=True),
    "_nin": Operator("not ({column} operator({home}.=) any({value}))", _always, _same, many=True),
}
_SPATIAL_ORDER = {name: Operator(_qualified(_PLAIN[name]), _always, _same) for name in ("_gt", "_gte", "_lt", "_lte")}
_AROUND = "{column} operator({home}.&&) {home}.st_expand({from}, {distance})"
_GEOMETRY = {
    "_st_contains": "st_contains",
    "_st_crosses": "st_crosses",
    "_st_intersects": "st_intersects",
    "_st_3d_intersects": "st_3dintersects",
    "_st_overlaps": "st_overlaps",
    "_st_touches": "st_touches",
    "_st_within": "st_within",
}
_SPHEROID = Member("use_spheroid", _is(BOOLEAN), is_required=False, default=True)
_GEOMMIN = Member("geommin", _beside("geometry"))

_SPATIAL: dict[str, dict[str, Operator]] = {
    "geometry": {
        **_SPATIAL_EQUALITY,
        **_SPATIAL_ORDER,
        **{name: _related(function) for name, function in _GEOMETRY.items()},
        "_st_equals": _related("st_equals", boxed=False),  # what is empty has no box
        "_st_d_within": _near("st_dwithin", "st_d_within_input", box=_AROUND),
        "_st_3d_d_within": _near("st_3ddwithin", "st_d_within_input", box=_AROUND),
    },
    "geography": {
        **_SPATIAL_EQUALITY,
        **_SPATIAL_ORDER,
        "_st_intersects": _related("st_intersects"),
        "_st_d_within": _near("st_dwithin", "st_d_within_geography_input", _SPHEROID),
    },
    "raster": {
        **_SPATIAL_EQUALITY,
        "_st_intersects_rast": _related("st_intersects", boxed=False),
        "_st_intersects_nband_geom": _crossed("st_intersects_nband_geom_input", Member("nband", _is(INTEGER)), _GEOMMIN),
        "_st_intersects_geom_nband": _crossed("st_intersects_geom_nband_input", _GEOMMIN, Member("nband", _is(INTEGER), is_required=False)),
    },
}


def operators_of(type_: PgType) -> Mapping[str, Operator]:
    """The operators that compare columns of the type with a value."""
    return _table(type_) if type_.is_spatial else {name: item for name, item in OPERATORS.items() if item.applies(type_)}


def operator_for(name: str, type_: PgType) -> Operator | None:
    """The operator, if it exists for columns of the type."""
    operator = _table(type_).get(name)
    return operator if operator is not None and operator.applies(type_) else None


def column_operator_for(name: str, type_: PgType) -> str | None:
    """The template of a comparison with another column, which permissions have; with `{column}`, `{value}` and `{home}`."""
    if not type_.is_spatial:
        return COLUMN_OPERATORS.get(name)
    operator = operator_for("_neq" if name == "_cne" else name.replace("_c", "_", 1), type_) if name in COLUMN_OPERATORS else None
    return operator.template if operator is not None else None


def casts_of(type_: PgType) -> dict[str, PgType]:
    """What `_cast` makes of a column of the type, by the name that it is asked for with."""
    if type_.is_jsonb:
        return {"String": TEXT}
    if type_.is_mapped:
        other = "geography" if type_.base == "geometry" else "geometry"
        return {other: type_.beside(other)}
    return {}


def _table(type_: PgType) -> Mapping[str, Operator]:
    return _SPATIAL[type_.base] if type_.is_spatial else OPERATORS
