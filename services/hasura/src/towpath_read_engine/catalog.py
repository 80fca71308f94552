"""What the database holds: tables, columns with their types, keys, foreign keys and functions, as values.

Reads the answer of `catalog.sql`; asks no other question and knows nothing of metadata.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from towpath_read_engine.function_entries import FunctionKey
from towpath_read_engine.metadata import TableKey
from towpath_read_engine.scalars import PgType


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column as the database has it; `stored` unless its value is made when it is read."""

    name: str
    type: PgType
    not_null: bool
    comment: str | None
    stored: bool = True


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A table or view; `unique` holds every set of columns that no two rows share, the primary key included.

    A table that others inherit from has none: its rows are theirs, too, and a key holds within each of them only.
    """

    key: TableKey
    columns: Mapping[str, CatalogColumn]
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    comment: str | None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key; `columns` pairs (here, there)."""

    table: TableKey
    remote: TableKey
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CatalogArgument:
    """An argument of a function; `table` is set when it takes a row of that table. The name may be empty."""

    name: str
    type: PgType
    table: TableKey | None
    has_default: bool


@dataclass(frozen=True, slots=True)
class CatalogFunction:
    """A function as the database has it; `table` is set when it returns rows of that table."""

    arguments: tuple[CatalogArgument, ...]
    returns: PgType
    table: TableKey | None
    returns_set: bool
    volatile: bool
    variadic: bool
    comment: str | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that was found; a function's name may stand for several."""

    tables: Mapping[TableKey, CatalogTable]
    foreign_keys: tuple[ForeignKey, ...]
    functions: Mapping[FunctionKey, tuple[CatalogFunction, ...]]


@cache
def query() -> str:
    """The text of the one catalogue query."""
    return resources.files("towpath_read_engine").joinpath("catalog.sql").read_text(encoding="utf-8")


def read(text: str | bytes) -> Catalog:
    """The catalogue from the query's answer."""
    raw = json.loads(text)
    tables = [_table(item) for item in raw["tables"]]
    functions: dict[FunctionKey, tuple[CatalogFunction, ...]] = {}
    for item in raw["functions"]:
        key = FunctionKey(item["schema"], item["name"])
        functions[key] = (*functions.get(key, ()), _function(item))
    return Catalog(
        tables={table.key: table for table in tables},
        foreign_keys=tuple(
            ForeignKey(
                table=TableKey(item["schema"], item["table"]),
                remote=TableKey(item["remote_schema"], item["remote_table"]),
                columns=tuple((here, there) for here, there in item["columns"]),
            )
            for item in raw["foreign_keys"]
        ),
        functions=functions,
    )


def _table(raw: dict[str, Any]) -> CatalogTable:
    columns = [
        CatalogColumn(item["name"], _type(item["type"], item["element"]), bool(item["not_null"]), item["comment"], item["stored"])
        for item in raw["columns"]
    ]
    keys = [(bool(item["primary"]), tuple(item["columns"])) for item in raw["keys"]]
    return CatalogTable(
        key=TableKey(raw["schema"], raw["name"]),
        columns={column.name: column for column in columns},
        primary_key=next((names for primary, names in keys if primary), ()),
        unique=() if raw["inherited"] else tuple(frozenset(names) for _, names in keys),
        comment=raw["comment"],
    )


def _function(raw: dict[str, Any]) -> CatalogFunction:
    arguments = raw["arguments"]
    return CatalogFunction(
        arguments=tuple(
            CatalogArgument(
                name=item["name"] or "",
                type=_type(item["type"], item["element"]),
                table=_row_of(item["row"]),
                has_default=place >= len(arguments) - raw["defaults"],
            )
            for place, item in enumerate(arguments)
        ),
        returns=_type(raw["type"], raw["element"]),
        table=_row_of(raw["row"]),
        returns_set=bool(raw["set"]),
        volatile=bool(raw["volatile"]),
        variadic=bool(raw["variadic"]),
        comment=raw["comment"],
    )


def _row_of(raw: dict[str, Any] | None) -> TableKey | None:
    return TableKey(raw["schema"], raw["name"]) if raw else None


def _type(raw: dict[str, Any], element: dict[str, Any] | None) -> PgType:
    return PgType(
        raw["schema"],
        raw["name"],
        raw["base"],
        _type(element, None) if element else None,
        bool(raw["composite"]),
        foreign=bool(raw["foreign"]),
        home=raw["home"],
        is_ordered=bool(raw["ordered"]),
    )
