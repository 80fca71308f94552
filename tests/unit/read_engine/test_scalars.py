"""Request values as PostgreSQL input text."""

from decimal import Decimal

import pytest

from towpath_read_engine.errors import ReadError
from towpath_read_engine.scalars import (
    BIGINT,
    TEXT,
    TEXT_ARRAY,
    builtin,
    encode,
    encode_like,
    encode_many,
    encode_offset,
    json_text,
    parse_json_path,
)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", []),
        ("", []),
        ("a", ["a"]),
        (".a.b", ["a", "b"]),
        ("$.a", ["a"]),
        ("arr[0]", ["arr", "0"]),
        ("['x y']", ["x y"]),
        ('["x]y"].z', ["x]y", "z"]),
        ('objs[0].["k"]', ["objs", "0", "k"]),
        ("$[4].k", ["4", "k"]),
        ("a-b_c1", ["a-b_c1"]),
        ("$.héllo", ["héllo"]),
        (r'["a\"b"]', ['a"b']),
        ("['']", [""]),
    ],
)
def test_json_paths(text, steps):
    """Every documented way to write a path is understood."""
    assert parse_json_path(text, "$") == steps


@pytest.mark.parametrize("text", ["a[", "a[x]", "a..b", "a.", "['x", "$.", "$$", "a b", "[12ab]", "[]"])
def test_bad_json_paths(text):
    """A path that is cut short or malformed is refused with the dialect's code."""
    with pytest.raises(ReadError) as caught:
        parse_json_path(text, "$.x")
    assert (caught.value.code, caught.value.path) == ("validation-failed", "$.x")


@pytest.mark.parametrize(
    ("value", "type_", "written"),
    [
        ("x", TEXT, "x"),
        (5, BIGINT, "5"),
        ("5", BIGINT, "5"),
        (Decimal("1.50"), builtin("numeric"), "1.50"),
        (True, builtin("bool"), "true"),
        (["a", 'b"\\,{}', "NULL", ""], TEXT_ARRAY, '{"a","b\\"\\\\,{}","NULL",""}'),
        ("{a,b}", TEXT_ARRAY, "{a,b}"),
        ({"a": [Decimal("1.50"), None, True, 'q"']}, builtin("jsonb"), '{"a":[1.50,null,true,"q\\""]}'),
        (None, builtin("jsonb"), "null"),
    ],
)
def test_encoding(value, type_, written):
    """Values become the text that PostgreSQL's input function reads back as the same value."""
    assert encode(value, type_, "$") == written


@pytest.mark.parametrize(
    ("value", "type_"),
    [(None, TEXT), (5, TEXT), ({}, BIGINT), ([1], BIGINT), (2**63, BIGINT), (-(2**31) - 1, builtin("int4")), (True, TEXT)],
)
def test_values_of_the_wrong_kind_are_refused(value, type_):
    """What would be read as something else than was meant is an error of ours, with its path."""
    with pytest.raises(ReadError) as caught:
        encode(value, type_, "$.a.b")
    assert caught.value.path == "$.a.b"


def test_one_value_is_a_list_of_one():
    """List coercion holds at run time, too."""
    assert encode_many(3, BIGINT, "$") == '{"3"}'


@pytest.mark.parametrize("value", ["1x", "", "--5", "²", 1.5, True, 2**63, "9" * 400])
def test_bad_offsets(value):
    """An offset is a 64-bit integer, in quotes or not."""
    with pytest.raises(ReadError):
        encode_offset(value, BIGINT, "$")


def test_json_keeps_digits():
    """Decimals are written with the digits they came with."""
    assert json_text([Decimal("0.1000000000000000055511151231257827")]) == "[0.1000000000000000055511151231257827]"


@pytest.mark.parametrize(
    ("pattern", "fits"), [("a", True), ("a\\", False), ("a\\\\", True), ("\\\\\\", False), ("\\", False), ("", True), ("a\\%", True)]
)
def test_a_pattern_does_not_end_in_an_escape(pattern, fits):
    """An odd number of backslashes at the end escapes nothing."""
    if fits:
        assert encode_like(pattern, TEXT, "$") == pattern
    else:
        with pytest.raises(ReadError, match="must not end with escape"):
            encode_like(pattern, TEXT, "$")
