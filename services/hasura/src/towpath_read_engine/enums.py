"""Enum tables: tables whose rows are the values of a GraphQL enum.

Responsible for the question that reads their rows, and for refusing tables that are none: an enum table has a primary key of one
text column, whose values are GraphQL names, and at most one column more, which describes them. Columns that refer to such a
table by that key are of its enum.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from towpath_read_engine.catalog import Catalog, CatalogTable
from towpath_read_engine.metadata import Metadata, TableKey
from towpath_read_engine.model import Inconsistency, place
from towpath_read_engine.scalars import EnumType, EnumValue
from towpath_read_engine.sql import EMPTY, identifier, render, sql

_TEXT = frozenset({"text", "varchar", "bpchar"})
_GRAPHQL_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*\Z")
_RESERVED = frozenset({"true", "false", "null"})


class UnusableEnumError(Exception):
    """A table that is no enum; the text says why, as the rest of a sentence about it."""


@dataclass(frozen=True, slots=True)
class EnumColumns:
    """The columns of an enum table: of the values and, if there is one, of what they mean."""

    value: str
    description: str | None


async def applied(
    metadata: Metadata, catalog: Catalog, ask: Callable[[str], Awaitable[bytes]]
) -> tuple[Catalog, tuple[Inconsistency, ...]]:
    """The catalogue with the enums put in place, and the tables that are declared as enums and are none."""
    enums: dict[TableKey, EnumType] = {}
    problems: list[Inconsistency] = []
    for entry in metadata.tables:
        table = catalog.tables.get(entry.key)
        if not entry.is_enum or table is None:
            continue
        try:
            columns = columns_of(table)
            enums[entry.key] = EnumType(metadata.naming.type(f"{entry.graphql}_enum"), read(await ask(query(table, columns)), columns))
        except UnusableEnumError as error:
            problems.append(Inconsistency("table", f"table {entry.key}", f"table {entry.key} is no enum: {error}", place(entry.key)))
    return (_typed(catalog, enums) if enums else catalog), tuple(problems)


def _typed(catalog: Catalog, enums: Mapping[TableKey, EnumType]) -> Catalog:
    tables = dict(catalog.tables)
    for key in catalog.foreign_keys:
        enum = enums.get(key.remote)
        if enum is None or key.table not in tables or len(key.columns) != 1:
            continue
        (here, there), table = key.columns[0], tables[key.table]
        if (there,) == tables[key.remote].primary_key:
            column = replace(table.columns[here], type=replace(table.columns[here].type, enum=enum))
            tables[key.table] = replace(table, columns={**table.columns, here: column})
    return replace(catalog, tables=tables)


def columns_of(table: CatalogTable) -> EnumColumns:
    """The columns of an enum table.

    Raises:
        UnusableEnumError: it is no enum table.
    """
    if len(table.primary_key) != 1 or len(table.columns) > 2:
        raise UnusableEnumError("an enum table has a primary key of one column, and at most one column more")
    if any(column.type.base not in _TEXT or column.type.element for column in table.columns.values()):
        raise UnusableEnumError("the columns of an enum table are text")
    (value,) = table.primary_key
    return EnumColumns(value, next((name for name in table.columns if name != value), None))


def query(table: CatalogTable, columns: EnumColumns) -> str:
    """The question for the values of an enum table."""
    described = sql(", {d}::text", d=identifier(columns.description)) if columns.description else EMPTY
    rows = sql(
        "select {v}::text{described} from {table} order by {v}",
        v=identifier(columns.value),
        described=described,
        table=identifier(table.key.schema, table.key.name),
    )
    return render(sql("select coalesce(json_agg({r}), '[]') from ({rows}) as {r}", r=identifier("r$"), rows=rows)).text


def read(text: str | bytes, columns: EnumColumns) -> tuple[EnumValue, ...]:
    """The values from the answer.

    Raises:
        UnusableEnumError: there are none, or one is no GraphQL name.
    """
    values = [EnumValue(row[columns.value], row.get(columns.description)) for row in json.loads(text)]
    wrong = [item.name for item in values if not _GRAPHQL_NAME.match(item.name) or item.name in _RESERVED]
    if not values:
        raise UnusableEnumError("an enum table has at least one row")
    if wrong:
        raise UnusableEnumError(f"its values {', '.join(map(repr, wrong))} are no GraphQL names")
    return tuple(values)
