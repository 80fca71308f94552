"""Hashes of values: equal for equal values in any process, different for different ones."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import os
import pathlib
import subprocess
import sys
import uuid
from typing import Any

import pytest

from towpath.engine.hashing import UnhashableError, stable_hash


class Boat:
    """Some object."""

    def __init__(self, name: str, crew: Any = None) -> None:
        self.name, self.crew = name, crew


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Lock:
    gates: int
    paddles: dict[str, int]


class Token:
    def __init__(self, text: str) -> None:
        self.text, self.made = text, object()

    def __dask_tokenize__(self) -> str:
        return self.text


DIFFERENT: list[Any] = [
    None, True, 1, 1.0, "1", b"1", [1], (1,), {1}, frozenset({1}), {1: None}, [], (), {}, "", b"", [[]], [1, 2], [12], ["a", "b"], ["ab"],
    {"a": 1, "b": 2}, {"a": 2, "b": 1}, datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    datetime.timedelta(1), decimal.Decimal("1"), uuid.UUID(int=1), pathlib.PurePosixPath("1"), Color.RED, Color.BLUE, Lock(1, {}),
    Lock(2, {}), Boat("a"), Boat("b"), Boat("a", Boat("b")), collections.OrderedDict(a=1), len, print, Boat, Lock, Token("x"), Token("y"),
    float("inf"), -0.0, 0.0, 2**70, -(2**70), "\ud800", range(3),
]  # fmt: skip


def test_different_values_differ() -> None:
    """No two values of a list of look-alikes share a hash."""
    found = [stable_hash(value) for value in DIFFERENT]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": [2, {3}]}, {"b": [2, {3}], "a": 1}),
        ({"x", "y", "z"}, {"z", "y", "x"}),
        (Boat("a", [1]), Boat("a", [1])),
        (Lock(1, {"a": 1, "b": 2}), Lock(1, {"b": 2, "a": 1})),
        ([["x"] * 2], [[chr(120), chr(120)]]),
        (Token("x"), Token("x")),
        (float("nan"), float("nan")),
    ],
)
def test_equal_values_are_equal(one: Any, other: Any) -> None:
    """Neither order of filling nor sharing of parts nor address plays a part."""
    shared = [one, one]
    assert stable_hash(one) == stable_hash(other)
    assert stable_hash(shared) == stable_hash([one, other])


def test_what_holds_itself_has_a_hash() -> None:
    """A cycle comes to an end, and its content counts."""
    a: list[Any] = [1]
    b: list[Any] = [2]
    a.append(a)
    b.append(b)
    boat = Boat("x")
    boat.crew = boat
    assert stable_hash(a) != stable_hash(b)
    assert stable_hash(boat)


def test_what_cannot_be_taken_apart_has_none() -> None:
    """A generator, a module, an open file, or endless nesting."""
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with open(os.devnull) as file:
        for value in ((x for x in []), sys, deep, file, {"a": [file]}):
            with pytest.raises(UnhashableError):
                stable_hash(value)


PROGRAM = """
import datetime, enum, dataclasses
from towpath.engine.hashing import stable_hash
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Lock:
    gates: int
    def open(self): return self.gates + 1
class Boat:
    size = 3
    def __init__(self): self.parts = {"mast", "hull", "rudder", "tiller"}
def outer(n):
    def inner(x, y=2): return [x + n for _ in range(y)]
    return inner
made = [Color.RED, Lock(2), Boat(), Boat, outer(3), {"b", "a", "c"}, {"x": {1, 2}}, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)]
print(stable_hash(made))
print(stable_hash(outer(4)) != stable_hash(outer(3)))
"""


def test_every_process_agrees() -> None:
    """Fresh interpreters with other seeds of `hash` compute the same, also for classes and functions of a script."""
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert said.pop().endswith("True\n")
