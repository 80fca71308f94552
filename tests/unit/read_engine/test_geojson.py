"""GeoJSON of callers: what PostGIS gets of it, and what it never gets to see."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from towpath_read_engine import geojson
from towpath_read_engine.errors import ReadError
from towpath_read_engine.scalars import PgType, encode

GEOMETRY = PgType("gis", "geometry", "geometry", home="gis")
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
NAME = {"type": "name", "properties": {"name": "EPSG:4326"}}


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Point", "coordinates": [1, Decimal("2.50")]},
        {"type": "MultiPoint", "coordinates": []},
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0, 5], [1, 1, 5]]]},
        {"type": "Polygon", "coordinates": [RING, RING], "crs": NAME},
        {"type": "MultiPolygon", "coordinates": [[RING], []]},
        {"type": "Point", "coordinates": [1, 2], "crs": {"type": "link", "properties": {"href": "http://example.org/crs"}}},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}], "crs": NAME},
    ],
)
def test_a_geometry_is_taken_as_it_is(value):
    """As an object and as the text of one."""
    assert geojson.geometry(value, "$") == value
    assert geojson.geometry(json.dumps(value, default=float), "$") == value


def test_what_no_geometry_has_is_left_out():
    """Unknown members, a null crs, and all but three numbers of a position; digits stay as they were written."""
    value = {"type": "Point", "coordinates": [Decimal("1.10"), 2, 3, 4], "crs": None, "bbox": [1], "x'; drop table y; --": 1}
    assert encode(value, GEOMETRY, "$") == '{"type":"Point","coordinates":[1.10,2,3]}'


@pytest.mark.parametrize(
    "value",
    [
        5,
        [],
        "",
        "POINT(1 2)",
        "[" * 3,
        "1e9999999999999999999",
        {},
        {"type": 1, "coordinates": [1, 2]},
        {"type": "point", "coordinates": [1, 2]},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"type": "Point"},
        {"type": "Point", "coordinates": None},
        {"type": "Point", "coordinates": {"x": 1}},
        {"type": "Point", "coordinates": [1]},
        {"type": "Point", "coordinates": [1, True]},
        {"type": "Point", "coordinates": [1, None]},
        {"type": "Point", "coordinates": [1, "2"]},
        {"type": "Point", "coordinates": [1, Decimal("1e400")]},
        {"type": "Point", "coordinates": [1, 10**400]},
        '{"type": "Point", "coordinates": [1, NaN]}',
        '{"type": "Point", "coordinates": [1, -Infinity]}',
        {"type": "MultiPoint", "coordinates": [1, 2]},
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "Polygon", "coordinates": RING},
        {"type": "Polygon", "coordinates": [RING[:3]]},
        {"type": "Polygon", "coordinates": [[*RING[:3], [0, 1]]]},
        {"type": "GeometryCollection", "coordinates": []},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1]}]},
        {"type": "Point", "coordinates": [1, 2], "crs": "EPSG:4326"},
        {"type": "Point", "coordinates": [1, 2], "crs": {"type": "name", "properties": {}}},
        {"type": "Point", "coordinates": [1, 2], "crs": {"type": "proj", "properties": {"name": "x"}}},
    ],
)
def test_what_is_no_geometry_is_refused(value):
    """With the dialect's code and the place that the value has."""
    with pytest.raises(ReadError) as caught:
        geojson.geometry(value, "$.x")
    assert (caught.value.code, caught.value.path) == ("parse-failed", "$.x")


@pytest.mark.parametrize("value", ["0g", "0", "00 ff", 5, {}, "drop table y"])
def test_what_is_no_raster_is_refused(value):
    """A raster is hexadecimal text of whole bytes."""
    with pytest.raises(ReadError) as caught:
        geojson.raster(value, "$.x")
    assert (caught.value.code, caught.value.path) == ("parse-failed", "$.x")
    assert geojson.raster("00aFFF", "$") == "00aFFF"


def test_a_type_of_that_name_without_the_extension_is_a_type_like_any_other():
    """A database may have a `geometry` of its own."""
    own = PgType("public", "geometry", "geometry")
    assert (own.is_spatial, own.is_mapped, own.is_structured) == (False, False, False)
    assert encode("x", own, "$") == "x"


def test_collections_in_collections_have_an_end():
    """As a text, which no limit of the request's own nesting sees, and as an object."""
    deep = '{"type":"GeometryCollection","geometries":[' * 3000 + "]}" * 3000
    nested: dict[str, object] = {"type": "Point", "coordinates": [1, 2]}
    for _ in range(3000):
        nested = {"type": "GeometryCollection", "geometries": [nested]}
    for value in (deep, nested):
        with pytest.raises(ReadError, match="nested too deeply"):
            geojson.geometry(value, "$")
