"""The judge of parameter values."""

from __future__ import annotations

from typing import Any

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_proto.parameter_schemas import check, derived, misfit

FITS: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"type": "integer"}, [0, -1, 2**70], [1.0, True, "1", None, [1]]),
    ({"type": "number"}, [0, 1.5, -2], [True, "1.5", None]),
    ({"type": "string"}, ["", "x"], [1, None, ["x"], b"x"]),
    ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
    ({"type": "array"}, [[], [1, "a"], (1,)], ["abc", {}, None]),
    ({"type": "array", "items": {"type": "integer"}}, [[], [1]], [["1"], [1, None]]),
    ({"type": "object"}, [{}, {"a": 1}], [[], "{}", None]),
    ({"type": "string", "format": "date-time"}, ["2026-01-31T08:00:00+00:00", "2026-01-31", "2026-01-31T08:00:00Z"], ["soon", "", 5]),
    ({"enum": ["a", 1]}, ["a", 1], ["b", True, None, "1"]),
    ({}, [1, None, "x", object()], []),
    ({"type": "unheard of"}, [1, None], []),
]


@pytest.mark.parametrize(("schema", "good", "bad"), FITS)
def test_what_fits(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    """Each type takes its own values and no look-alikes; what a schema does not say, it does not judge."""
    assert [misfit(schema, value) for value in good] == [None] * len(good)
    assert all(misfit(schema, value) for value in bad)


def test_the_sentences() -> None:
    """Each names what is taken and what came, cut short where it is long."""
    assert misfit({"type": "integer"}, "12") == "must be an integer; got '12' (a string)"
    assert misfit({"enum": ["a", "b"]}, 3) == "must be one of 'a', 'b'; got 3 (an integer)"
    assert misfit({"type": "array", "items": {"type": "string"}}, ["a", 2]) == "element 1 must be a string; got 2 (an integer)"
    assert misfit({"type": "object"}, None) == "must be an object; got null"
    assert len(str(misfit({"type": "integer"}, "x" * 10_000))) < 150


def test_a_default_suggests_a_type() -> None:
    """Booleans before integers; null and what is no JSON suggest nothing."""
    defaults = [True, 1, 1.0, "x", [1], {}, None, object()]
    types = ["boolean", "integer", "number", "string", "array", "object", None, None]
    assert [(derived(value) or {}).get("type") for value in defaults] == types


def test_all_parameters_at_once() -> None:
    """What was derived refuses nothing; null is taken where nothing is required; every parameter at fault is named."""
    parameters = [
        {"name": "n", "required": True, "schema": {"type": "integer"}, "enforced": True},
        {"name": "s", "required": False, "schema": {"type": "string"}, "enforced": True},
        {"name": "free", "required": False, "schema": {"type": "string"}, "enforced": False},
        {"name": "old", "required": True},
    ]
    check(parameters, {"n": 1, "s": None, "free": 5, "old": object()}, flow_name="f")
    with pytest.raises(TowpathError) as refused:
        check(parameters, {"n": None, "s": 5}, flow_name="f")
    assert refused.value.code == Code.BAD_PARAMETERS
    told = "Flow 'f': parameter 'n' must be an integer; got null; parameter 's' must be a string; got 5 (an integer)."
    assert refused.value.message == told
    assert set(refused.value.detail["parameters"]) == {"n", "s"}
