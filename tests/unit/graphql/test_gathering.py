"""Group commit, with nothing behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from towpath_graphql.app.gathering import Gathering
from towpath_proto.errors import Code, TowpathError


class Work:
    """Notes its groups; a group waits until it is let go; items named `bad` fail."""

    def __init__(self, error: Exception) -> None:
        self.groups: list[tuple[str, list[str]]] = []
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.error = error

    async def __call__(self, key: str, items: Sequence[str]) -> list[str]:
        self.groups.append((key, list(items)))
        self.begun.set()
        await self.go.wait()
        if "bad" in items:
            raise self.error
        return [item.upper() for item in items]


async def gathered(work: Work, calls: Sequence[tuple[str, str]], **options: int) -> list[str | BaseException]:
    """Send the first call, the others while it is under way, then let go; all answers."""
    gathering: Gathering[str, str, str] = Gathering(work, **({"at_once": 1} | options))
    tasks = [asyncio.ensure_future(gathering(*calls[0]))]
    await work.begun.wait()
    tasks += [asyncio.ensure_future(gathering(*call)) for call in calls[1:]]
    await asyncio.sleep(0)
    work.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_lone_call_goes_at_once_and_those_that_come_meanwhile_share():
    """The first call waits for nobody; the calls that come while it is under way are one group, answered in order."""
    work = Work(ValueError())
    assert await gathered(work, [("a", "x"), ("a", "y"), ("a", "z")]) == ["X", "Y", "Z"]
    assert work.groups == [("a", ["x"]), ("a", ["y", "z"])]


async def test_callers_never_share():
    """Calls with different keys are never in one group."""
    work = Work(ValueError())
    assert await gathered(work, [("a", "x"), ("b", "y"), ("a", "z")]) == ["X", "Y", "Z"]
    assert work.groups == [("a", ["x"]), ("b", ["y"]), ("a", ["z"])]


async def test_a_group_that_takes_long_does_not_hold_up_the_others():
    """Calls behind a group that waits for something go in groups of their own, as many at once as are allowed, and no more."""
    work = Work(ValueError())
    gathering: Gathering[str, str, str] = Gathering(work, at_once=3, patience=0)
    tasks = []
    for number in range(3):
        work.begun.clear()
        tasks.append(asyncio.ensure_future(gathering("a", f"x{number}")))
        await work.begun.wait()
    tasks += [asyncio.ensure_future(gathering("a", item)) for item in ("y", "z")]
    for _ in range(5):
        await asyncio.sleep(0)
    assert work.groups == [("a", ["x0"]), ("a", ["x1"]), ("a", ["x2"])]
    work.go.set()
    assert await asyncio.gather(*tasks) == ["X0", "X1", "X2", "Y", "Z"]
    assert work.groups[3:] == [("a", ["y", "z"])]
    assert not gathering._late
    assert not gathering._under_way


async def test_one_bad_call_does_not_spoil_the_others():
    """A group that fails is carried out one by one, and only the bad call fails."""
    work = Work(ValueError("no"))
    answers = await gathered(work, [("a", "x"), ("a", "y"), ("a", "bad"), ("a", "z")])
    assert [a if isinstance(a, str) else type(a) for a in answers] == ["X", "Y", ValueError, "Z"]
    assert work.groups == [("a", ["x"]), ("a", ["y", "bad", "z"]), ("a", ["y"]), ("a", ["bad"]), ("a", ["z"])]


async def test_a_database_that_is_away_is_asked_once():
    """UNAVAILABLE is everybody's answer: a group is not tried again call by call."""
    work = Work(TowpathError(Code.UNAVAILABLE, "away"))
    answers = await gathered(work, [("a", "x"), ("a", "bad"), ("a", "y")])
    assert [a if isinstance(a, str) else type(a) for a in answers] == ["X", TowpathError, TowpathError]
    assert len(work.groups) == 2


async def test_a_group_has_a_largest_size():
    """More calls than fit wait for the next group."""
    work = Work(ValueError())
    await gathered(work, [("a", item) for item in "vwxyz"], at_once=1, largest=3)
    assert [len(items) for _, items in work.groups] == [1, 3, 1]


async def test_a_caller_that_leaves_does_not_stop_the_group():
    """A cancelled call leaves the others of its group their answers."""
    work = Work(ValueError())
    gathering: Gathering[str, str, str] = Gathering(work, at_once=1)
    leaving, staying = asyncio.ensure_future(gathering("a", "x")), asyncio.ensure_future(gathering("a", "y"))
    await work.begun.wait()
    leaving.cancel()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == "Y"
    assert await gathering("a", "z") == "Z"
