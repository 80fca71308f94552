"""SQL as values: the only way in which this package makes SQL text.

A `Fragment` is an identifier, a response name, a number, a parameter, or a template whose own words all come from the closed
vocabulary below. There is no constructor that takes free text, so no value of a request can become SQL: a `str` where
a fragment is expected is refused when the statement is built, and a template with a word, a quote or a comment that
the vocabulary does not have is refused too. This module knows the grammar of nothing; it only joins.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_WORDS = frozenset(
    """select distinct on from where and or not exists true false is null as left join lateral order by asc desc nulls first last
    limit offset case when then end coalesce json_agg json_object_agg row_to_json to_json values unnest any least like ilike similar to text
    bool_and bool_or count sum avg max min stddev stddev_samp stddev_pop variance var_samp var_pop corr covar_samp operator array
    array_agg json_build_array fetch rows with ties
    st_contains st_crosses st_equals st_intersects st_3dintersects st_overlaps st_touches st_within st_dwithin st_3ddwithin
    st_geomfromgeojson st_asgeojson st_expand""".split()  # noqa: SIM905 - a vocabulary reads better as words
)
_SYMBOLS = frozenset("( ) [] [ ] , . * = <> < > <= >= :: => @ @> <@ ? ?| ?& ~ !~ ~* !~* #> && 1".split()) | {"'[]'"}  # noqa: SIM905 - as above
_TOKEN = re.compile(
    r"(?P<space>\s+)|\{(?P<part>\w+)\}|(?P<word>[a-z_]\w*|1)|(?P<symbol>'\[\]'|\[\]|::|[<>=@?|&~!*#]+|[][(),.])|(?P<other>.)"
)
_RESPONSE_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*\Z")


class Fragment:
    """A piece of SQL. The subclasses in this module are all there are."""

    __slots__ = ()

    def _write(self, statement: "_Writer") -> None:
        raise NotImplementedError


@dataclass(slots=True)
class _Writer:
    text: list[str] = field(default_factory=list)
    numbers: dict[Any, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identifier(Fragment):
    """A quoted name, qualified when it has several parts."""

    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.parts or any(not part or "\x00" in part for part in self.parts):
            raise ValueError(f"not an SQL identifier: {self.parts!r}")

    def _write(self, statement: _Writer) -> None:
        statement.text.append(".".join('"' + part.replace('"', '""') + '"' for part in self.parts))


@dataclass(frozen=True, slots=True)
class NameLiteral(Fragment):
    """A GraphQL name as a text constant; GraphQL names cannot hold a quote."""

    name: str

    def __post_init__(self) -> None:
        if not _RESPONSE_NAME.match(self.name):
            raise ValueError(f"not a GraphQL name: {self.name!r}")

    def _write(self, statement: _Writer) -> None:
        statement.text.append(f"'{self.name}'")


@dataclass(frozen=True, slots=True)
class NumberLiteral(Fragment):
    """A whole number of our own choosing as a constant."""

    number: int

    def __post_init__(self) -> None:
        if type(self.number) is not int or self.number < 0:
            raise ValueError(f"not a number of rows: {self.number!r}")

    def _write(self, statement: _Writer) -> None:
        statement.text.append(str(self.number))


@dataclass(frozen=True, slots=True)
class Parameter(Fragment):
    """A value that arrives at run time; `binding` says where from and is handed back by `render`."""

    binding: Any

    def _write(self, statement: _Writer) -> None:
        number = statement.numbers.setdefault(self.binding, len(statement.numbers) + 1)
        statement.text.append(f"${number}")


@dataclass(frozen=True, slots=True)
class _Text(Fragment):
    """Checked text of a template; made by `sql` only."""

    text: str

    def _write(self, statement: _Writer) -> None:
        statement.text.append(self.text)


@dataclass(frozen=True, slots=True)
class _Sequence(Fragment):
    items: tuple[Fragment, ...]

    def _write(self, statement: _Writer) -> None:
        for item in self.items:
            item._write(statement)


@dataclass(frozen=True, slots=True)
class Statement:
    """Finished SQL and, in the order of its `$n`, the bindings of its parameters."""

    text: str
    bindings: tuple[Any, ...]


EMPTY = _Sequence(())


def identifier(*parts: str) -> Identifier:
    """A name from the catalogue or of our own making, always quoted."""
    return Identifier(parts)


def sql(template: str, /, **parts: Fragment) -> Fragment:
    """SQL from a template of known words, with fragments in its `{places}`.

    Raises:
        TypeError: a part is not a fragment.
        ValueError: the template has a word that is not in the vocabulary.
    """
    for name, part in parts.items():
        _check(part, f"part {name!r}")
    return _Sequence(tuple(parts[piece] if is_place else _Text(piece) for is_place, piece in _pieces(template)))


def join(separator: str, items: list[Fragment]) -> Fragment:
    """The fragments with the separator (itself a template without places) between them."""
    between = sql(separator)
    out: list[Fragment] = []
    for item in items:
        _check(item, "an item")
        if out:
            out.append(between)
        out.append(item)
    return _Sequence(tuple(out))


def render(fragment: Fragment) -> Statement:
    """The text and its bindings; equal bindings share a number."""
    _check(fragment, "the statement")
    writer = _Writer()
    fragment._write(writer)
    return Statement(text="".join(writer.text), bindings=tuple(writer.numbers))


def _check(value: object, what: str) -> None:
    if not isinstance(value, Fragment):
        raise TypeError(f"{what} is a {type(value).__name__}; SQL is built from fragments only")


@lru_cache(maxsize=512)
def _pieces(template: str) -> tuple[tuple[bool, str], ...]:
    pieces: list[tuple[bool, str]] = []
    text = ""
    for match in _TOKEN.finditer(template):
        token = match.group()
        if match.lastgroup == "part":
            if text:
                pieces.append((False, text))
            pieces.append((True, match.group("part")))
            text = ""
            continue
        known = match.lastgroup == "space" or (token in _WORDS if token.isidentifier() else token in _SYMBOLS)
        if not known:
            raise ValueError(f"{token!r} is not in the SQL vocabulary (template {template!r})")
        text += token
    if text:
        pieces.append((False, text))
    return tuple(pieces)
