"""Random geometries: what the engine finds is what the same functions find in SQL, where the shapes arrive as WKT and not as GeoJSON."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_read_engine.testing import Asker, asking

Shape = dict[str, Any]
_HALF = {"role": "half", "permission": {"columns": "*", "filter": {"id": {"_lt": 20}}}}
METADATA = {"version": 3, "sources": [{"kind": "postgres", "tables": [{"table": "thing", "select_permissions": [_HALF]}]}]}
_SIZE = 6
_number = st.integers(0, _SIZE) | st.sampled_from([0.5, 2.25, 3.1])
_point = st.tuples(_number, _number).map(list)
_raised = st.tuples(_number, _number, _number).map(list)


def _box(corner: list[Any], width: int, height: int) -> list[Any]:
    x, y = corner[:2]
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]


_length = st.integers(1, 4)
_ring = st.builds(_box, _point, _length, _length)
_line = st.lists(_point, min_size=2, max_size=4, unique_by=tuple)
_apart = st.tuples(_ring, _ring).map(lambda pair: [[pair[0]], [[[x + 20, y] for x, y in pair[1]]]])


def _typed(kind: str, coordinates: st.SearchStrategy[Any]) -> st.SearchStrategy[Shape]:
    return coordinates.map(lambda value: {"type": kind, "coordinates": value})


_flat = st.one_of(
    _typed("Point", _point),
    _typed("MultiPoint", st.lists(_point, min_size=1, max_size=3)),
    _typed("LineString", _line),
    _typed("MultiLineString", st.lists(_line, min_size=1, max_size=2)),
    _typed("Polygon", _ring.map(lambda value: [value])),
    _typed("MultiPolygon", _apart),
)
_shape = st.one_of(
    _flat,
    _typed("Point", _raised),
    _typed("LineString", st.lists(_raised, min_size=2, max_size=3, unique_by=tuple)),
    st.lists(_flat, max_size=2).map(lambda items: {"type": "GeometryCollection", "geometries": items}),
)

FUNCTIONS = {
    "_st_contains": "st_contains",
    "_st_crosses": "st_crosses",
    "_st_equals": "st_equals",
    "_st_intersects": "st_intersects",
    "_st_3d_intersects": "st_3dintersects",
    "_st_overlaps": "st_overlaps",
    "_st_touches": "st_touches",
    "_st_within": "st_within",
}
QUERY = "query ($w: thing_bool_exp) { thing(where: $w, order_by: {id: asc}) { id } }"
SYMBOLS = {"_eq": "=", "_gt": ">", "_gte": ">=", "_lt": "<", "_lte": "<="}


def _wkt(shape: Shape) -> str:
    """The text of a shape, by the rules of another format."""
    if shape["type"] == "GeometryCollection":
        items = ", ".join(_wkt(item) for item in shape["geometries"])
        return f"GEOMETRYCOLLECTION({items})" if items else "GEOMETRYCOLLECTION EMPTY"

    def written(value: list[Any]) -> str:
        if isinstance(value[0], list):
            return ", ".join(written(item) if not isinstance(item[0], list) else f"({written(item)})" for item in value)
        return " ".join(str(number) for number in value)

    def depth(value: Any) -> int:
        return 1 + depth(value[0]) if isinstance(value, list) else -1

    first = shape["coordinates"]
    while isinstance(first[0], list):
        first = first[0]
    return f"{shape['type'].upper()}{' Z' if len(first) == 3 else ''}({written(shape['coordinates'])})"


def _stored() -> Iterator[Shape | None]:
    """Forty shapes, always the same."""
    chance = random.Random(7)
    yield None

    def at() -> list[int]:
        return [chance.randint(0, _SIZE), chance.randint(0, _SIZE)]

    for _ in range(13):
        yield {"type": "Point", "coordinates": at()}
        yield {"type": "LineString", "coordinates": [at(), [chance.randint(0, _SIZE) + 0.5, chance.randint(0, _SIZE)]]}
        yield {"type": "Polygon", "coordinates": [_box(at(), chance.randint(1, 4), chance.randint(1, 4))]}


@pytest.fixture(scope="session")
def atlas_url(extended_database) -> str:
    """The address of a database with forty shapes."""
    url = extended_database("postgis", "postgresql postgresql-postgis", Path(__file__).parent / "atlas" / "schema.sql")
    with psycopg.connect(url) as connection:
        connection.execute("truncate thing")
        for id_, shape in enumerate(_stored(), 1):
            text = None if shape is None else f"SRID=4326;{_wkt(shape)}"
            connection.execute(
                "insert into thing values (%s, gis.st_geomfromewkt(%s), gis.st_geomfromewkt(%s)::gis.geography)", (id_, text, text)
            )
    return url


@pytest.fixture
async def atlas(atlas_url) -> AsyncIterator[Asker]:
    """An engine on it."""
    async with asking(atlas_url, METADATA) as asker:
        yield asker


@pytest.fixture
def oracle(atlas_url) -> Iterator[psycopg.Connection]:
    """A session that knows where PostGIS lives."""
    with psycopg.connect(atlas_url, autocommit=True, options="-c search_path=public,gis") as connection:
        yield connection


async def _check(atlas: Asker, oracle: psycopg.Connection, operators: Shape, condition: str, shapes: list[Shape], *numbers: Any) -> None:
    """The rows that a condition finds for admin and for a role that sees half of them; what PostGIS refuses the engine refuses."""
    column = "spot" if "geography" in condition else "form"
    texts = [f"SRID=4326;{_wkt(shape)}" for shape in shapes]
    for role, limit in (("admin", 100), ("half", 20)):
        try:
            rows = oracle.execute(
                f"select id from thing where id < %s and {condition} order by id",
                (limit, *texts, *numbers),
            ).fetchall()
        except psycopg.errors.InternalError_:
            assert (await atlas.error(QUERY, {"w": {column: operators}}, role=role))[0] == "unexpected"
            continue
        found = await atlas.data(QUERY, {"w": {column: operators}}, role=role)
        assert [(item["id"],) for item in found["thing"]] == rows


_settings = settings(max_examples=30, suppress_health_check=list(HealthCheck))


@_settings
@given(name=st.sampled_from(sorted(FUNCTIONS)), shape=_shape)
async def test_relations(atlas, oracle, name, shape):
    """Each relation of two geometries."""
    await _check(atlas, oracle, {name: shape}, f"{FUNCTIONS[name]}(form, %s::geometry)", [shape])


@_settings
@given(name=st.sampled_from(["_st_d_within", "_st_3d_d_within"]), shape=_shape, distance=st.sampled_from([0, 0.5, 1, 2.25, 7]))
async def test_distances(atlas, oracle, name, shape, distance):
    """What is near, on the plane and above it."""
    function = {"_st_d_within": "st_dwithin", "_st_3d_d_within": "st_3ddwithin"}[name]
    await _check(atlas, oracle, {name: {"distance": distance, "from": shape}}, f"{function}(form, %s::geometry, %s)", [shape], distance)


@_settings
@given(shape=_shape, distance=st.sampled_from([0, 1000, 150_000.5, 400_000]), spheroid=st.booleans())
async def test_distances_on_the_globe(atlas, oracle, shape, distance, spheroid):
    """Metres, on the sphere and on the spheroid, of geographies and of geometries cast to them."""
    near = {"_st_d_within": {"distance": distance, "from": shape, "use_spheroid": spheroid}}
    condition = "st_dwithin({}, %s::geography, %s, %s)"
    await _check(atlas, oracle, near, condition.format("spot"), [shape], distance, spheroid)
    cast = {"form": {"_cast": {"geography": near}}}
    assert await atlas.ask(QUERY, {"w": cast}) == await atlas.ask(QUERY, {"w": {"spot": near}})


@_settings
@given(name=st.sampled_from(sorted(SYMBOLS)), shapes=st.lists(_shape, min_size=1, max_size=3))
async def test_comparisons(atlas, oracle, name, shapes):
    """Equality, order and lists."""
    await _check(atlas, oracle, {name: shapes[0]}, f"form {SYMBOLS[name]} %s::geometry", shapes[:1])
    listed = ", ".join(["%s::geometry"] * len(shapes))
    await _check(atlas, oracle, {"_in": shapes}, f"form = any(array[{listed}])", shapes)
    await _check(atlas, oracle, {"_nin": shapes}, f"not form = any(array[{listed}])", shapes)


async def test_what_comes_out_goes_in(atlas, oracle):
    """Each form is shown as PostGIS writes it, and is found again by what was shown."""
    shown = (await atlas.data("{ thing(order_by: {id: asc}) { id form spot } }"))["thing"]
    rows = oracle.execute("select id, st_asgeojson(form, 15, 4)::json, st_asgeojson(spot, 15, 4)::json from thing order by id").fetchall()
    assert [(row["id"], row["form"], row["spot"]) for row in shown] == rows
    for row in shown[1:]:
        found = await atlas.data("query ($f: geometry) { thing(where: {form: {_eq: $f}}) { id } }", {"f": row["form"]})
        assert {"id": row["id"]} in found["thing"]
