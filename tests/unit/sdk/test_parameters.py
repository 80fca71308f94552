"""Parameters that say what they take."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from towpath import DateTimeParameter, Flow, Parameter, task
from towpath.errors import Code, FlowError, TowpathError


def flow_of(parameter: Parameter) -> Flow:
    with Flow("f") as flow:
        task(lambda x: x, name="take")(parameter)
    return flow


@pytest.mark.parametrize(
    ("options", "schema", "enforced"),
    [
        ({"type": int}, {"type": "integer"}, True),
        ({"type": float}, {"type": "number"}, True),
        ({"type": str}, {"type": "string"}, True),
        ({"type": bool}, {"type": "boolean"}, True),
        ({"type": list}, {"type": "array"}, True),
        ({"type": list[int]}, {"type": "array", "items": {"type": "integer"}}, True),
        ({"type": dict[str, int]}, {"type": "object"}, True),
        ({"type": "integer"}, {"type": "integer"}, True),
        ({"default": 3}, {"type": "integer"}, False),
        ({"default": None}, None, False),
        ({}, None, False),
        ({"description": "how many"}, {"description": "how many"}, False),
        ({"choices": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}, True),
        ({"choices": ["a", 1]}, {"enum": ["a", 1]}, True),
        ({"type": int, "choices": [1, 2], "description": "d"}, {"type": "integer", "enum": [1, 2], "description": "d"}, True),
    ],
)
def test_how_it_is_serialised(options: dict[str, Any], schema: Any, enforced: bool) -> None:
    """The schema is what forms read; `enforced` says whether the author meant it. The task list has the same."""
    data = flow_of(Parameter("p", **options)).serialize()
    (parameter,) = data["parameters"]
    assert (parameter["schema"], parameter["enforced"]) == (schema, enforced)
    assert parameter in data["tasks"]
    assert json.loads(json.dumps(parameter)) == parameter


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": int, "default": "x"}, "the default of parameter 'p' must be an integer; got 'x'"),
        ({"choices": [1, 2], "default": 3}, "must be one of 1, 2; got 3"),
        ({"choices": []}, "no choices"),
        ({"type": complex}, "is no type of a parameter; known are int, float"),
        ({"type": datetime}, "use DateTimeParameter"),
        ({"type": "int"}, "is no type"),
    ],
)
def test_mistakes_of_the_author(options: dict[str, Any], words: str) -> None:
    """Are refused when the parameter is made."""
    with pytest.raises(FlowError, match=words) as caught:
        Parameter("p", **options)
    assert caught.value.code == Code.BAD_PARAMETERS


def test_a_run_with_a_wrong_type_does_not_begin() -> None:
    """By name, with what it takes and what it got; a type that was only derived refuses nothing."""
    flow = flow_of(Parameter("n", type=int))
    with pytest.raises(TowpathError) as refused:
        flow.run(n="12")
    assert (refused.value.code, refused.value.message) == (
        Code.BAD_PARAMETERS,
        "Flow 'f': parameter 'n' must be an integer; got '12' (a string).",
    )
    assert flow.run(n=12).is_successful()
    assert flow_of(Parameter("n", default=1)).run(n="12").is_successful()
    assert flow_of(Parameter("n", default=None, type=int)).run(n=None).is_successful()


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-01-31T08:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=2)))),
        ("2026-01-31T08:00:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_moment(given: Any, moment: datetime) -> None:
    """Text or a datetime comes in, an aware datetime goes to the tasks."""
    parameter = DateTimeParameter("when")
    assert flow_of(parameter).run(when=given).result[parameter].result == moment


def test_a_moment_may_be_missing_and_must_be_one() -> None:
    """Not required: None. Something else than a moment: refused. A default travels as text."""
    optional = DateTimeParameter("when", required=False)
    assert flow_of(optional).run().result[optional].result is None
    with pytest.raises(TowpathError, match="must be a date and time in ISO 8601"):
        flow_of(DateTimeParameter("when")).run(when="tomorrow")
    dated = DateTimeParameter("when", default=datetime(2026, 1, 1, tzinfo=UTC), description="since")
    (parameter,) = flow_of(dated).serialize()["parameters"]
    assert parameter["default"] == "2026-01-01T00:00:00+00:00"
    assert parameter["schema"] == {"type": "string", "format": "date-time", "description": "since"}
    assert (parameter["required"], parameter["enforced"]) == (False, True)
