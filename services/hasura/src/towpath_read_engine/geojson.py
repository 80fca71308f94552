"""GeoJSON as a value of PostGIS: what a caller may write, checked before PostgreSQL sees it.

PostGIS refuses malformed GeoJSON with an internal error that has no place in the document, so it is taken apart here: the geometry
that comes out has known members only, positions of two or three numbers, and closed rings. Whether it makes sense on the map (a ring
that crosses itself, a reference system that does not exist) is PostGIS's to say.
"""

import binascii
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from towpath_read_engine.errors import DialectCode, ReadError
from towpath_read_engine.inputs import described
from towpath_read_engine.variables import kind_of

_Part = Callable[[Any, str], Any]


def geometry(value: Any, path: str) -> dict[str, Any]:
    """The geometry that a GeoJSON object, or its text, describes.

    Raises:
        ReadError: it is none (`parse-failed`).
    """
    try:
        return _geometry(value, path)
    except RecursionError as error:
        raise _error("a GeometryCollection is nested too deeply", path) from error


def _geometry(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = _loaded(value, path)
    if not isinstance(value, dict):
        raise _error(f"expected an object for a Geometry, but found {described(kind_of(value))}", path)
    kind = _member(value, "type", path)
    if kind == "GeometryCollection":
        found = {"type": kind, "geometries": [_geometry(item, path) for item in _list(_member(value, "geometries", path), kind, path)]}
    elif isinstance(kind, str) and kind in _COORDINATES:
        found = {"type": kind, "coordinates": _COORDINATES[kind](_member(value, "coordinates", path), path)}
    else:
        raise _error(f"unexpected geometry type: {kind if isinstance(kind, str) else described(kind_of(kind))}", path)
    crs = value.get("crs")
    return found if crs is None else found | {"crs": _reference_system(crs, path)}


def raster(value: Any, path: str) -> str:
    """The hexadecimal digits of a raster in well-known binary.

    Raises:
        ReadError: it is something else (`parse-failed`).
    """
    if not isinstance(value, str):
        raise _error(f"expected a string for a raster, but found {described(kind_of(value))}", path)
    try:
        binascii.unhexlify(value)
    except ValueError as error:
        raise _error("invalid hexadecimal representation of raster well known binary format", path) from error
    return value


def _loaded(text: str, path: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError) as error:
        raise _error("expected an object for a Geometry, but found a text that is no JSON", path) from error


def _position(value: Any, path: str) -> list[Any]:
    numbers = _list(value, "Position", path)
    if len(numbers) < 2:
        raise _error("A Position needs at least 2 elements", path)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float, Decimal)):
            raise _error(f"expected numbers for a Position, but found {described(kind_of(number))}", path)
        if not _is_finite(number):
            raise _error("a number of a Position lies outside the bounds of double precision", path)
    return numbers[:3]


def _is_finite(number: int | float | Decimal) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def _line(value: Any, path: str) -> list[Any]:
    positions = _each(_position, "LineString")(value, path)
    if len(positions) < 2:
        raise _error("A LineString needs at least 2 Positions", path)
    return positions


def _ring(value: Any, path: str) -> list[Any]:
    positions = _each(_position, "LinearRing")(value, path)
    if len(positions) < 4:
        raise _error("A LinearRing needs at least 4 Positions", path)
    if positions[0] != positions[-1]:
        raise _error("the first and last locations have to be equal for a LinearRing", path)
    return positions


def _each(part: _Part, kind: str) -> Callable[[Any, str], list[Any]]:
    return lambda value, path: [part(item, path) for item in _list(value, kind, path)]


_polygon = _each(_ring, "Polygon")
_COORDINATES: dict[str, _Part] = {
    "Point": _position,
    "MultiPoint": _each(_position, "MultiPoint"),
    "LineString": _line,
    "MultiLineString": _each(_line, "MultiLineString"),
    "Polygon": _polygon,
    "MultiPolygon": _each(_polygon, "MultiPolygon"),
}


def _reference_system(value: Any, path: str) -> dict[str, Any]:
    """`{"type": "name", "properties": {"name": ...}}`, or a link."""
    properties = value.get("properties") if isinstance(value, dict) else None
    if isinstance(properties, dict):
        if value.get("type") == "name" and isinstance(properties.get("name"), str):
            return {"type": "name", "properties": {"name": properties["name"]}}
        if value.get("type") == "link" and isinstance(properties.get("href"), str):
            return {"type": "link", "properties": {"href": properties["href"]}}
    raise _error("a crs is an object with the type 'name' and the properties {name}, or the type 'link' and the properties {href}", path)


def _member(value: dict[str, Any], name: str, path: str) -> Any:
    if name not in value:
        raise _error(f"the key '{name}' was not present", path)
    return value[name]


def _list(value: Any, kind: str, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _error(f"expected a list for a {kind}, but found {described(kind_of(value))}", path)
    return value


def _error(sentence: str, path: str) -> ReadError:
    return ReadError(DialectCode.PARSE_FAILED, sentence, path)
