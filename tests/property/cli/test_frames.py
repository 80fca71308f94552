"""Frames fit every terminal, and drawing them one after the other leaves exactly the last one on the screen."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime, timedelta

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.cli.progress.graph import in_order
from towpath.cli.progress.model import Children, Progress, TaskLine
from towpath.cli.progress.screen import Screen
from towpath.cli.progress.view import Paper, draw
from towpath.cli.style import width
from towpath_proto.states import KINDS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STATES = st.sampled_from(sorted(KINDS))
WORDS = st.text(st.sampled_from("abc xyz日本é_-"), max_size=30)


@st.composite
def children(draw_: st.DrawFn) -> Children:
    counts = draw_(st.dictionaries(STATES, st.integers(1, 20_000), max_size=5))
    rate = draw_(st.none() | st.floats(0.001, 5_000))
    return Children(counts, sum(counts.values()) + draw_(st.integers(0, 9_000)), rate, draw_(st.booleans()))


@st.composite
def progresses(draw_: st.DrawFn) -> Progress:
    def task(i: int) -> TaskLine:
        start = draw_(st.none() | st.integers(-10, 9_000).map(lambda s: NOW - timedelta(seconds=s)))
        own = draw_(st.none() | children())
        state = "Mapped" if own else draw_(STATES)
        return TaskLine(f"t-{i}", draw_(WORDS), draw_(st.integers(0, 40)), state, draw_(WORDS), start, None, draw_(st.integers(1, 3)), own)

    tasks = tuple(task(i) for i in range(draw_(st.integers(0, 12))))
    lines = tuple(draw_(st.lists(WORDS, max_size=12)))
    return Progress("flow", "run", draw_(STATES), start=NOW, tasks=tasks, lines=lines, notice=draw_(WORDS), trouble=draw_(WORDS))


@given(progresses(), st.integers(1, 150), st.integers(1, 50), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_frame_fits_the_terminal(progress: Progress, columns: int, rows: int, color: bool, unicode: bool):
    """No line reaches the last column, the frame leaves the last row free, no style runs over a line's end; plain frames are plain."""
    frame = draw(progress, Paper(columns, rows, color, unicode), NOW, footer="Ctrl-C: leave or cancel")
    assert len(frame) <= max(1, rows - 1)
    for line in frame:
        assert width(line) < max(10, columns)
        assert "\n" not in line
        assert color or "\x1b" not in line
        assert line.count("\x1b[0m") >= ("\x1b" in line)


class Terminal(io.StringIO):
    """A terminal that remembers nothing but what it shows."""

    encoding = "utf-8"

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)

    def write(self, text: str) -> int:
        self._stream.feed(text)
        return len(text)

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]


class Drawn(Screen):
    """A screen on such a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal, io.StringIO())
        self.terminal = terminal

    def size(self) -> tuple[int, int]:
        return self.terminal.screen.columns, self.terminal.screen.lines


FRAMES = st.lists(st.lists(st.text("abc ", max_size=18), min_size=1, max_size=8), min_size=1, max_size=6)


@given(FRAMES)
@settings(deadline=None)
def test_only_the_last_frame_is_on_the_screen(frames: list[list[str]]):
    """Whatever frames came before, the screen shows what was there at first and then the last frame, and the cursor ends below it."""
    terminal = Terminal(20, 12)
    terminal.write("before\r\n")
    screen = Drawn(terminal)
    with screen:
        for frame in frames:
            screen.show(frame)
    expected = ["before", *(line.rstrip() for line in frames[-1])]
    assert terminal.shown() == expected + [""] * (12 - len(expected))
    assert terminal.screen.cursor.y == len(expected)
    assert not terminal.screen.cursor.hidden


GRAPHS = st.integers(1, 25).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60))
)


@given(GRAPHS)
def test_the_order_follows_the_graph(graph: tuple[int, list[tuple[int, int]]]):
    """Each task is listed once, and below all that it waits for; a chain is not indented."""
    n, pairs = graph
    slugs = [f"t{i}" for i in range(n)]
    edges = [(slugs[a], slugs[b]) for a, b in pairs if a < b]
    places = in_order(slugs, edges)
    assert sorted(place.slug for place in places) == sorted(slugs)
    at = {place.slug: i for i, place in enumerate(places)}
    assert all(at[a] < at[b] for a, b in edges)
    chain = in_order(slugs, list(itertools.pairwise(slugs)))
    assert [(place.slug, place.indent) for place in chain] == [(slug, 0) for slug in slugs]
