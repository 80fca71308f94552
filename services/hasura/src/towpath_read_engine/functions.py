"""Functions of the metadata and of the catalogue joined: what they take, what they give, and the fields that call them.

Responsible for choosing the one function that a name means and for refusing those that no field can call. Who may call is the
business of `roles.py`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from towpath_read_engine.catalog import Catalog, CatalogFunction
from towpath_read_engine.function_entries import FunctionEntry, FunctionKey
from towpath_read_engine.metadata import TableKey
from towpath_read_engine.naming import Naming
from towpath_read_engine.scalars import PgType

_GRAPHQL_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*\Z")

ArgumentKind = Literal["given", "session", "row"]


class UnusableFunctionError(Exception):
    """A function that no field can call; the text says why, as the rest of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function.

    Attributes:
        field: its GraphQL name.
        name: its own name; None when it can be given by its place only.
        kind: whether the caller gives it, or it is the session's variables or the row that a computed field stands in.
    """

    field: str
    name: str | None
    type: PgType
    has_default: bool
    kind: ArgumentKind = "given"

    @property
    def written(self) -> str:
        """The GraphQL type: unlike a column's, an array is one scalar, `_uuid`."""
        return self.type.name if self.type.element is not None else self.type.graphql


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be called.

    Attributes:
        arguments: in the order of the function.
        returns: the type of its result, of one row when `many`.
        table: the table whose rows it returns, if it does.
        many: whether it returns a set.
    """

    key: FunctionKey
    arguments: tuple[Argument, ...]
    returns: PgType
    table: TableKey | None
    many: bool
    comment: str | None

    @property
    def given(self) -> tuple[Argument, ...]:
        """The arguments that a caller gives."""
        return tuple(item for item in self.arguments if item.kind == "given")


@dataclass(frozen=True, slots=True)
class TrackedFunction:
    """A function with root fields of its own; `table` is what it returns rows of, `arguments_type` the input type of its arguments."""

    function: Function
    arguments_type: str
    roots: Mapping[str, str]
    table: TableKey
    roles: frozenset[str]
    comment: str | None


def tracked(
    entries: tuple[FunctionEntry, ...], catalog: Catalog, naming: Naming, tables: Collection[TableKey], taken: Collection[str]
) -> tuple[tuple[TrackedFunction, ...], dict[FunctionKey, str]]:
    """The tracked functions that the database has and a query can call, and what is wrong with the others.

    `taken` are the names of root fields that there are already.
    """
    found: list[TrackedFunction] = []
    problems: dict[FunctionKey, str] = {}
    names = set(taken)
    for entry in entries:
        try:
            function = _tracked(entry, catalog, naming, tables)
            if not names.isdisjoint(function.roots.values()):
                raise UnusableFunctionError("would get the root field of something else; give it a custom_name")
            names.update(function.roots.values())
            found.append(function)
        except UnusableFunctionError as error:
            problems[entry.key] = str(error)
    return tuple(found), problems


def usable(
    key: FunctionKey, catalog: Catalog, *, session_argument: str | None, row: TableKey | None = None, row_argument: str | None = None
) -> Function:
    """The function of that name.

    Args:
        session_argument: the name of the argument that gets the session's variables.
        row: the table whose row the function gets, for a computed field.
        row_argument: the name of the argument for that row; the first one when None.

    Raises:
        UnusableFunctionError: there is none, there are several, or it cannot be called.
    """
    overloads = catalog.functions.get(key, ())
    if len(overloads) != 1:
        raise UnusableFunctionError("is overloaded; give it a name of its own" if overloads else "is not in the database")
    raw = overloads[0]
    if raw.variadic:
        raise UnusableFunctionError("has variadic arguments, which are not supported")
    arguments = _arguments(raw, session_argument, row, row_argument)
    return Function(key, arguments, raw.returns, raw.table, raw.returns_set, raw.comment)


def _tracked(entry: FunctionEntry, catalog: Catalog, naming: Naming, tables: Collection[TableKey]) -> TrackedFunction:
    function = usable(entry.key, catalog, session_argument=entry.session_argument)
    is_volatile = catalog.functions[entry.key][0].volatile
    if (entry.exposed_as or ("mutation" if is_volatile else "query")) == "mutation":
        raise UnusableFunctionError("is a mutation, since it is volatile or exposed as one; only queries are served")
    if function.table is None or function.table not in tables:
        raise UnusableFunctionError("does not return rows of a tracked table")
    name = entry.custom_name or (entry.key.name if entry.key.schema == "public" else f"{entry.key.schema}_{entry.key.name}")
    roots = {"function": naming.root(entry.root_names.get("function", name))}
    if function.many:
        roots["function_aggregate"] = naming.root(entry.root_names.get("function_aggregate", f"{name}_aggregate"))
    for root in (name, *roots.values()):
        if not _GRAPHQL_NAME.match(root):
            raise UnusableFunctionError(f"would get the name {root!r}, which GraphQL does not have; give it a custom_name")
    return TrackedFunction(function, naming.type(f"{name}_args"), roots, function.table, entry.roles, entry.comment or function.comment)


def _arguments(raw: CatalogFunction, session: str | None, row: TableKey | None, row_argument: str | None) -> tuple[Argument, ...]:
    arguments: list[Argument] = []
    unnamed = 0
    row_place = _row_place(raw, row, row_argument) if row is not None else None
    for place, item in enumerate(raw.arguments):
        if not item.name:
            unnamed += 1
        name = item.name or f"arg_{unnamed}"
        kind: ArgumentKind = "row" if place == row_place else "session" if session is not None and item.name == session else "given"
        if kind == "session" and not item.type.is_json:
            raise UnusableFunctionError(f"has the session argument '{session}', which is not of type json")
        if kind == "given" and not _GRAPHQL_NAME.match(name):
            raise UnusableFunctionError(f"has the argument {name!r}, whose name GraphQL does not have")
        arguments.append(Argument(name, item.name or None, item.type, item.has_default, kind))
    if session is not None and all(item.kind != "session" for item in arguments):
        raise UnusableFunctionError(f"has no argument '{session}' for the session's variables")
    return tuple(arguments)


def _row_place(raw: CatalogFunction, row: TableKey, row_argument: str | None) -> int:
    """Where among its arguments a function takes the row of a table."""
    names = [item.name for item in raw.arguments]
    if row_argument is not None and row_argument not in names:
        raise UnusableFunctionError(f"has no argument '{row_argument}' for the row")
    place = names.index(row_argument) if row_argument is not None else 0
    if not raw.arguments or raw.arguments[place].table != row:
        raise UnusableFunctionError(f"does not take a row of {row}")
    return place
