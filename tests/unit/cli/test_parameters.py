"""How texts on the command line become parameters, and what is said about those that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from towpath.cli.parameters import choose, faults, read_file, read_value
from towpath.client.testing import FakeApi
from towpath_proto.errors import Code, TowpathError


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("3", {}, 3),
        ("Graz", {}, "Graz"),
        ('"3"', {}, "3"),
        ('["a", 1]', {}, ["a", 1]),
        ("08010", {"type": "string"}, "08010"),
        ("true", {"type": "string"}, "true"),
        ('"x y"', {"type": "string"}, "x y"),
        ("{not json", {"type": "string"}, "{not json"),
        ("null", {"type": ["string", "null"]}, None),
        ("7", {"type": ["string", "integer"]}, 7),
        ("2026-01-31", {"type": "string", "format": "date"}, "2026-01-31"),
        ("7", {"type": "integer"}, 7),
    ],
)
def test_a_schema_decides_how_a_text_is_read(text: str, schema: dict[str, Any], value: Any):
    """Where a text is wanted it stays one; elsewhere it is JSON, and what is no JSON is a text."""
    assert read_value("p", text, schema) == value


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        ("x", {"type": "integer", "description": "days ahead"}, 'must be an integer, not "x" (days ahead)'),
        (True, {"type": "integer"}, "must be an integer, not true"),
        (1.5, {"type": ["integer", "null"]}, "must be an integer or null, not 1.5"),
        ("red", {"enum": ["blue", "green"]}, 'must be one of "blue", "green", not "red"'),
        ("soon", {"type": "string", "format": "date-time"}, 'must be a time like 2026-01-31T08:00:00+01:00, not "soon"'),
        (11, {"type": "number", "minimum": 1, "maximum": 10}, "must be 1 to 10, not 11"),
        ("", {"type": "string", "minLength": 1}, "must have 1 or more characters, not 0"),
        ("ab", {"type": "string", "pattern": "^[0-9]+$"}, 'must match ^[0-9]+$, which "ab" does not'),
    ],
)
def test_a_fault_is_one_clause(value: Any, schema: dict[str, Any], said: str):
    """Each fault says what must hold and what was given."""
    assert list(faults("'p'", value, schema)) == [("'p'", said)]


def test_faults_inside_lists_and_objects_say_where():
    """The place is named down to the item."""
    schema = {"type": "object", "properties": {"days": {"type": "array", "items": {"type": "integer"}}}}
    assert [place for place, _ in faults("'p'", {"days": [1, "x", 2, None]}, schema)] == ["'p'.days[1]", "'p'.days[3]"]


@pytest.mark.parametrize("value", [3, 3.0, "a", None, [1], {"a": 1}, True])
def test_without_a_schema_everything_fits(value: Any):
    """A parameter without a schema takes what it is given, and keywords that are not known here are the flow's matter."""
    assert list(faults("p", value, {})) == list(faults("p", value, {"type": "colour", "x-widget": "slider"})) == []


def test_all_problems_at_once():
    """Unknown names with a guess, missing values and wrong types come in one error; a file gives what the command line does not."""
    declared = [
        {"name": "city", "required": True},
        {"name": "days", "required": False, "schema": {"type": "integer"}},
        {"name": "unit", "required": False, "schema": {"enum": ["C", "F"]}},
    ]
    with pytest.raises(TowpathError) as caught:
        choose("report", declared, {"day": "1", "unit": "K"}, {"days": "many"})
    assert caught.value.code == Code.BAD_PARAMETERS
    first, *problems = caught.value.message.splitlines()
    assert first == "The parameters do not fit flow 'report'."
    assert [p.split()[:3] for p in problems] == [
        ["it", "has", "no"],
        ["it", "needs", "a"],
        ["'days'", "must", "be"],
        ["'unit'", "must", "be"],
    ]
    assert "did you mean days?" in problems[0]
    assert choose("report", declared, {"days": "2"}, {"days": 1, "unit": "C"}, {"city": "Graz"}) == {"days": 2, "unit": "C"}


@pytest.mark.parametrize(
    ("declared", "texts", "code"),
    [
        ([], {"x": "1"}, Code.UNKNOWN_PARAMETER),
        ([{"name": "x", "required": True}], {}, Code.MISSING_PARAMETER),
        ([{"name": "x", "schema": {"type": "null"}}], {"x": "1"}, Code.BAD_PARAMETERS),
    ],
)
def test_one_problem_is_one_sentence_with_its_own_code(declared: Any, texts: Any, code: Code):
    """As the API would say it."""
    with pytest.raises(TowpathError) as caught:
        choose("report", declared, texts)
    assert caught.value.code == code
    assert "\n" not in caught.value.message


def test_a_parameter_file(tmp_path: Path):
    """JSON, or TOML by its ending; anything else is wrong usage."""
    (tmp_path / "p.json").write_text('{"a": 1}')
    (tmp_path / "p.toml").write_text("a = 1\nwhen = 'x'\n")
    assert read_file(str(tmp_path / "p.json")) == {"a": 1}
    assert read_file(str(tmp_path / "p.toml")) == {"a": 1, "when": "x"}
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.toml").write_text("a = ")
    for name, says in (("list.json", "must hold an object"), ("broken.toml", "neither JSON nor"), ("none.json", "cannot be read")):
        with pytest.raises(click.UsageError, match=says):
            read_file(str(tmp_path / name))


def test_nothing_is_sent_when_a_parameter_is_wrong(api: FakeApi, towpath: Any):
    """The run is not created; the status is 1 and every problem is on standard error."""
    declared = [{"name": "days", "required": False, "schema": {"type": "integer"}}]
    api.answers["flow"] = lambda v: [{"id": "f1", "name": "report", "parameters": declared}]
    status, out, err = towpath("run", "report", "--param", "days=x", "--param", "nope=1")
    assert (status, out, api.of("create_flow_run")) == (1, "", [])
    assert err.startswith("towpath: The parameters do not fit flow 'report'. (BAD_PARAMETERS)\n")
    assert err.count("\n") == 3
    assert towpath("run", "report", "--param", "days")[0] == 2


SCRIPT = """
from towpath import Flow, Parameter, task, context
@task
def divide(a, b):
    return a / b
with Flow("dividing") as flow:
    divide(Parameter("a", default=1), Parameter("b"))
with Flow("other") as other:
    divide(1, 1)
"""


def test_run_a_script_here(tmp_path: Path, towpath: Any, api: FakeApi):
    """A script's flow is run in this process, with its parameters, without a word to any API; the status says how it ended."""
    api.stop()
    path = tmp_path / "flows.py"
    path.write_text(SCRIPT)
    here = ("run", "-p", str(path), "--execute")
    status, out, _ = towpath(*here, "--name", "dividing", "--param", "b=2")
    assert status == 0
    assert out.startswith("Flow dividing is Success")
    status, out, _ = towpath(*here, "--name", "dividing", "--param", "b=0", "--json")
    found = json.loads(out)
    assert (status, found["state"]) == (1, "Failed")
    assert {t["slug"]: t["state"] for t in found["tasks"]} == {"a": "Success", "b": "Success", "divide-1": "Failed"}
    assert "MISSING_PARAMETER" in towpath(*here, "--name", "dividing")[2]
    status, _, err = towpath(*here)
    assert (status, "several flows (dividing, other)" in err) == (1, True)
    assert towpath(*here, "--name", "dividing", "--watch")[0] == 2
