"""What PostGIS adds to the schema, to the statements and to their plans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from graphql import build_client_schema, get_introspection_query, parse, print_type, validate

from towpath_read_engine.testing import Asker, asking

FOLDER = Path(__file__).parents[2] / "conformance" / "read_engine" / "postgis"
POINT = {"type": "Point", "coordinates": [1, 2]}


@pytest.fixture(scope="session")
def postgis_url(extended_database) -> str:
    """The address of a database with PostGIS."""
    return extended_database("postgis", "postgresql postgresql-postgis", FOLDER / "schema.sql")


@pytest.fixture
async def atlas(postgis_url) -> AsyncIterator[Asker]:
    """An engine on it."""
    async with asking(postgis_url, FOLDER / "metadata.json") as asker:
        yield asker


async def test_a_client_finds_the_operators_and_their_inputs(atlas):
    """The introspected schema has the dialect's names and accepts what the engine accepts."""
    schema = build_client_schema(await atlas.data(get_introspection_query()))
    plain = {"_eq", "_neq", "_in", "_nin", "_is_null"}
    order = {"_gt", "_gte", "_lt", "_lte"}
    relations = {f"_st_{name}" for name in ("contains", "crosses", "equals", "intersects", "overlaps", "touches", "within", "d_within")}
    assert set(schema.get_type("geometry_comparison_exp").fields) == plain | order | relations | {
        "_cast",
        "_st_3d_intersects",
        "_st_3d_d_within",
    }
    assert set(schema.get_type("geography_comparison_exp").fields) == plain | order | {"_cast", "_st_intersects", "_st_d_within"}
    rasters = {"_st_intersects_rast", "_st_intersects_nband_geom", "_st_intersects_geom_nband"}
    assert set(schema.get_type("raster_comparison_exp").fields) == plain | rasters
    printed = [
        "input st_d_within_input {\n  distance: Float!\n  from: geometry!\n}",
        "input st_d_within_geography_input {\n  distance: Float!\n  from: geography!\n  use_spheroid: Boolean = true\n}",
        "input st_intersects_nband_geom_input {\n  nband: Int!\n  geommin: geometry!\n}",
        "input st_intersects_geom_nband_input {\n  geommin: geometry!\n  nband: Int\n}",
        "input geometry_cast_exp {\n  geography: geography_comparison_exp\n}",
        "input geography_cast_exp {\n  geometry: geometry_comparison_exp\n}",
    ]
    for text in printed:
        assert print_type(schema.get_type(text.split()[1])) == text
    assert str(schema.get_type("geometry_comparison_exp").fields["_in"].type) == "[geometry!]"
    document = """query ($p: geometry!, $near: st_d_within_geography_input) {
      shape(where: {form: {_st_3d_d_within: {distance: 1, from: $p}, _cast: {geography: {_st_d_within: $near}}}}) { form middle }
      around(args: {centre: $p, radius: 2}) { id }
    }"""
    assert validate(schema, parse(document)) == []


@pytest.mark.parametrize("text", ["' or 1=1 --", '"; drop table shape; --', "$1", "{x}", "gis", "\\", "*/ select 1 /*", "\u202e"])
async def test_no_word_of_a_caller_becomes_sql(atlas, text):
    """As value, key, type, reference system or member: it is data, or no name at all."""
    query = "query ($w: shape_bool_exp) { shape(where: $w) { id } }"
    before = await atlas.data("{ shape { id } }")
    for condition in (
        {"form": {"_eq": text}},
        {"form": {"_eq": {"type": text, "coordinates": [1, 2]}}},
        {"form": {"_eq": {"type": "Point", "coordinates": [text, 2]}}},
        {"form": {text: POINT}},
        {"form": {"_cast": {text: {}}}},
        {"form": {"_st_d_within": {text: 1, "distance": 1, "from": POINT}}},
    ):
        assert (await atlas.error(query, {"w": condition}))[0] in ("parse-failed", "validation-failed")
    assert (await atlas.error(query, {"w": {"form": {"_st_d_within": {"distance": text, "from": POINT}}}}))[0] == "data-exception"
    named = {**POINT, text: text, "crs": {"type": "name", "properties": {"name": text, text: text}}}
    answer = await atlas.ask(query, {"w": {"form": {"_eq": named}}})
    assert answer == {"data": {"shape": []}} or answer["errors"][0]["message"] == "database query error"
    assert await atlas.data("{ shape { id } }") == before


@pytest.mark.parametrize("role", ["admin", "mapper"])
@pytest.mark.parametrize(
    "condition",
    [
        {"_st_intersects": POINT},
        {"_st_within": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}},
        {"_st_d_within": {"distance": 5, "from": POINT}},
        {"_st_3d_d_within": {"distance": 5, "from": POINT}},
    ],
    ids=lambda item: next(iter(item)),
)
async def test_an_index_serves(atlas, postgis_url, role, condition):
    """Of the boxes around geometries, with a row filter and without one, whatever the value turns out to be."""
    found = atlas.plan("query ($w: pin_bool_exp) { pin(where: $w) { at } }", {"w": {"at": condition}}, role=role)
    with psycopg.connect(postgis_url) as connection:
        connection.execute("create index on pin using gist (at)")
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local plan_cache_mode = force_generic_plan")
        connection.execute(f"prepare asked as {found.statement}")
        plan = connection.execute(f"explain execute asked ({', '.join(['null'] * len(found.parameters))})").fetchall()
        connection.rollback()
    assert any("Index Cond" in line and "OPERATOR(gis." in line for (line,) in plan), plan


async def test_a_type_of_the_same_name_is_no_type_of_postgis(new_database):
    """A database without the extension may have a `geometry` of its own; it compares as every type does."""
    url = new_database()
    with psycopg.connect(url) as connection:
        connection.execute("create type geometry as enum ('round', 'square')")
        connection.execute("create table wheel (id integer primary key, form geometry)")
        connection.execute("insert into wheel values (1, 'round')")
    async with asking(url, {"version": 3, "sources": [{"kind": "postgres", "tables": [{"table": "wheel"}]}]}) as own:
        assert await own.data('{ wheel(where: {form: {_eq: "round"}}) { form } }') == {"wheel": [{"form": "round"}]}
        assert (await own.error('{ wheel(where: {form: {_st_within: "round"}}) { form } }'))[0] == "validation-failed"
