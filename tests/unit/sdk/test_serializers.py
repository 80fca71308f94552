"""Serializers: every value comes back as it was, in the format that was asked for."""

from __future__ import annotations

import gzip
import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.engine.results import LocalResult, Result, claim, result_from_dict
from towpath.engine.serializers import (
    CompressedSerializer,
    DateTimeSerializer,
    JSONSerializer,
    PandasSerializer,
    PickleSerializer,
)
from towpath.errors import FlowError, MissingResultError


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_dates_are_iso_text(value: datetime) -> None:
    """A date and time is text that people read, and comes back with or without its zone."""
    data = DateTimeSerializer().serialize(value)
    assert data.decode() == value.isoformat()
    assert DateTimeSerializer().deserialize(data) == value


@pytest.mark.parametrize("format_", ["gzip", "bz2", "lzma", "zlib"])
@given(value=st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_compression_is_around_any_other(format_: str, value: Any) -> None:
    """What another serializer writes is compressed, and comes back."""
    for inner in (PickleSerializer(), JSONSerializer()):
        serializer = CompressedSerializer(inner, format_)
        assert serializer.deserialize(serializer.serialize(value)) == value


def test_results_are_stored_by_their_serializer(tmp_path: Path) -> None:
    """A LocalResult writes and reads with the serializer it was given."""
    result = LocalResult(str(tmp_path), location="a.json.gz", serializer=CompressedSerializer(JSONSerializer()))
    receipt = result.write({"a": 1})
    assert gzip.decompress((tmp_path / "a.json.gz").read_bytes()) == b'{"a": 1}'
    assert result.read(receipt.location).value == {"a": 1}


def test_what_cannot_be_is_said() -> None:
    """An unknown format, a value that pandas has no writer for, and pandas not being here are errors that say what to do."""
    with pytest.raises(FlowError, match="no format 'zip'; choose one of gzip"):
        CompressedSerializer(PickleSerializer(), "zip")
    with pytest.raises(FlowError, match="a dict cannot be written as 'csv'"):
        PandasSerializer("csv").serialize({})
    if importlib.util.find_spec("pandas") is None:
        with pytest.raises(FlowError, match="pip install pandas"):
            PandasSerializer("csv").deserialize(b"a\n1\n")


def test_frames_travel_as_files() -> None:
    """A DataFrame is written by pandas, with the arguments given, and read again."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    serializer = PandasSerializer("csv", serialize_kwargs={"index": False})
    assert serializer.serialize(frame) == b"a,b\n1,x\n2,y\n"
    assert serializer.deserialize(serializer.serialize(frame)).equals(frame)


@pytest.mark.parametrize(
    ("serializer", "value"),
    [
        (None, {1, 2}),
        (PickleSerializer(), {1, 2}),
        (JSONSerializer(), {"a": [1]}),
        (DateTimeSerializer(), datetime(2026, 1, 2, tzinfo=UTC)),
        (CompressedSerializer(CompressedSerializer(JSONSerializer(), "bz2"), "zlib"), [1]),
    ],
)
def test_a_receipt_tells_how_it_was_written(serializer: Any, value: Any, tmp_path: Path) -> None:
    """Whoever knows the receipt alone, such as `TaskRunView.get_result`, reads the value, whatever wrote it."""
    receipt = LocalResult(str(tmp_path), location="it", serializer=serializer).write(value)
    found = result_from_dict(receipt.to_dict())
    assert not found.has_value
    assert found.read().value == value
    assert ("serializer" in receipt.to_dict()) is (serializer is not None)


class _Shouting(JSONSerializer):
    def serialize(self, value: Any) -> bytes:
        return super().serialize(value).upper()


@pytest.mark.parametrize(
    "told",
    [
        {"type": "os.system"},
        {"type": ["PickleSerializer"]},
        {"type": "PandasSerializer", "file_type": "sql"},
        {"type": "CompressedSerializer", "format": "os", "serializer": {"type": "JSONSerializer"}},
        {"type": "CompressedSerializer", "format": "gzip"},
        {},
    ],
)
def test_a_serializer_that_is_not_ours_refuses(told: Any, tmp_path: Path) -> None:
    """What another serializer wrote is not taken for a pickle, and no name in a state is imported."""
    receipt = LocalResult(str(tmp_path), location="it", serializer=_Shouting()).write("x").to_dict()
    assert receipt["serializer"] == {"type": f"{__name__}._Shouting"}
    for data in (receipt, {**receipt, "serializer": told}):
        with pytest.raises(MissingResultError, match="written with the serializer"):
            result_from_dict(data).read()


def test_the_code_knows_better_than_the_state(tmp_path: Path) -> None:
    """A run reads with the serializer that its signed code names, although a state may tell of another, such as pickles."""
    policy = LocalResult(str(tmp_path), location="it", serializer=JSONSerializer())
    state = {**policy.write("x").to_dict(), "serializer": {"type": "PickleSerializer"}}
    assert claim(result_from_dict(state), policy).read().value == "x"
    plain = claim(result_from_dict(policy.write("y").to_dict()), LocalResult(str(tmp_path)))
    assert plain.read().value == "y"
    assert isinstance(claim(Result(1), policy), Result)
