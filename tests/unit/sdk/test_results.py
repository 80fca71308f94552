"""Results: writing, reading, places."""

from __future__ import annotations

from pathlib import Path

import pytest

from towpath.engine.results import NO_RESULT, ConstantResult, LocalResult, PrefectResult, Result, result_from_dict
from towpath.engine.serializers import JSONSerializer
from towpath.errors import Code, FlowError, MissingResultError


def test_local_results_are_files_at_templated_places(tmp_path: Path) -> None:
    """A value is written whole to the place that the context fills in, and read back from its JSON alone."""
    policy = LocalResult(str(tmp_path), location="{task_name}/{map_index}.pickle")
    receipt = policy.write([1, 2], task_name="t", map_index=3)
    assert (receipt.location, receipt.value) == ("t/3.pickle", [1, 2])
    assert policy.value is None
    assert [p.name for p in (tmp_path / "t").iterdir()] == ["3.pickle"]
    again = result_from_dict(receipt.to_dict())
    assert not again.has_value
    assert again.read().value == [1, 2]
    assert policy.exists("{task_name}/3.pickle", task_name="t")
    assert not policy.exists("none")


def test_places_without_a_template_are_unique(tmp_path: Path) -> None:
    """Two writes of one policy never share a file."""
    policy = LocalResult(str(tmp_path))
    assert policy.write(1).location != policy.write(1).location


def test_a_serializer_may_be_chosen(tmp_path: Path) -> None:
    """JSON results are readable text."""
    receipt = LocalResult(str(tmp_path), location="a.json", serializer=JSONSerializer()).write({"a": 1})
    assert (tmp_path / "a.json").read_text() == '{"a": 1}'
    assert receipt.read("a.json").value == {"a": 1}


def test_prefect_results_hold_json_in_their_location() -> None:
    """A PrefectResult needs no storage."""
    receipt = PrefectResult().write({"a": [1]})
    assert receipt.location == '{"a": [1]}'
    assert result_from_dict(receipt.to_dict()).read().value == {"a": [1]}
    assert PrefectResult().exists("[1]")
    assert not PrefectResult().exists("{")


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Reading a value that was never stored, or a file that is gone, is an error with a code."""
    for result in (Result(5), ConstantResult(5)):
        assert result.read().value == 5
        with pytest.raises(MissingResultError, match="memory only") as caught:
            result_from_dict(result.to_dict()).read()
        assert caught.value.code == Code.NOT_FOUND
    with pytest.raises(MissingResultError, match="cannot read the result at"):
        LocalResult(str(tmp_path), location="gone").read()
    assert NO_RESULT.value is None
    assert not NO_RESULT.has_value
    assert Result(None).has_value


def test_a_relative_folder_is_refused() -> None:
    """A run may work elsewhere, so folders are absolute."""
    with pytest.raises(FlowError, match="absolute"):
        LocalResult("here")


def test_what_fills_a_template_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    """Neither is written nor read elsewhere on the word of a parameter; what the author has written down himself counts."""
    for template, value in (("{city}.pickle", "../x"), ("{city}", "/etc/x"), ("a/{city}", "../x"), ("a/{city}", "b/../../x")):
        with pytest.raises(FlowError, match="is outside of"):
            LocalResult(tmp_path / "in", location=template).write(1, city=value)
    assert not any(path.name.startswith("x") for path in tmp_path.rglob("*"))
    for template, value in (
        ("{city}.pickle", "b/x"),
        ("../a/{city}", "x"),
        (f"{tmp_path}/other/{{city}}", "x"),
        ("../y", "x"),
        ("{city}", "a..b"),
    ):
        LocalResult(tmp_path / "in", location=template).write(1, city=value)
    LocalResult("/", location="{city}").write(1, city=str(tmp_path / "z"))
    assert (tmp_path / "z").exists()
