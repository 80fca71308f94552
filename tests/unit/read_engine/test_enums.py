"""Which tables are enums, and what is said of those that are declared so and are none."""

import json

import pytest

from towpath_read_engine import enums
from towpath_read_engine.catalog import Catalog, CatalogColumn, CatalogTable, ForeignKey
from towpath_read_engine.metadata import Metadata, TableEntry, TableKey
from towpath_read_engine.scalars import INTEGER, TEXT, PgType

_MOOD, _DIARY = TableKey("public", "mood"), TableKey("public", "diary")


def _table(key: TableKey, primary: tuple[str, ...], **columns: PgType) -> CatalogTable:
    found = {name: CatalogColumn(name, type_, True, None) for name, type_ in columns.items()}
    return CatalogTable(key, found, primary, (frozenset(primary),), None)


async def _applied(mood: CatalogTable, rows: list[dict]):
    async def ask(statement: str) -> bytes:
        return json.dumps(rows).encode()

    diary = _table(_DIARY, ("id",), id=INTEGER, mood=TEXT, note=TEXT)
    keys = (ForeignKey(_DIARY, _MOOD, (("mood", "value"),)),)
    metadata = Metadata(tables=(TableEntry(_MOOD, is_enum=True, custom_name="feeling"), TableEntry(_DIARY)))
    return await enums.applied(metadata, Catalog({_MOOD: mood, _DIARY: diary}, keys, {}), ask)


async def test_columns_that_refer_to_an_enum_table_are_of_its_enum():
    """The column with the key is; the enum table's own column and every other one stay text."""
    catalog, problems = await _applied(
        _table(_MOOD, ("value",), value=TEXT, about=TEXT), [{"value": "calm", "about": "a"}, {"value": "x", "about": None}]
    )
    assert problems == ()
    enum = catalog.tables[_DIARY].columns["mood"].type.enum
    assert enum is not None
    assert enum.name == "feeling_enum"
    assert [(item.name, item.description) for item in enum.values] == [("calm", "a"), ("x", None)]
    assert catalog.tables[_DIARY].columns["note"].type.enum is None
    assert catalog.tables[_MOOD].columns["value"].type.enum is None


@pytest.mark.parametrize(
    ("mood", "rows", "problem"),
    [
        (_table(_MOOD, (), value=TEXT), [], "primary key of one column"),
        (_table(_MOOD, ("value", "about"), value=TEXT, about=TEXT), [], "primary key of one column"),
        (_table(_MOOD, ("value",), value=TEXT, about=TEXT, more=TEXT), [], "at most one column more"),
        (_table(_MOOD, ("value",), value=INTEGER), [], "are text"),
        (_table(_MOOD, ("value",), value=TEXT), [], "at least one row"),
        (_table(_MOOD, ("value",), value=TEXT), [{"value": "a b"}, {"value": "null"}], "'a b', 'null' are no GraphQL names"),
    ],
)
async def test_what_is_no_enum_is_named_and_stays_a_table(mood, rows, problem):
    """One table that cannot be an enum does not stop the rest."""
    catalog, problems = await _applied(mood, rows)
    assert len(problems) == 1
    assert problem in problems[0].reason
    assert (problems[0].kind, problems[0].definition) == ("table", {"schema": "public", "name": "mood"})
    assert catalog.tables[_DIARY].columns["mood"].type.enum is None
