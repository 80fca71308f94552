"""The live view: what a frame shows, what a look asks the API for, and what keys do on a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyte
import pytest

from towpath.cli.progress.feed import Feed
from towpath.cli.progress.graph import in_order
from towpath.cli.progress.model import Children, Progress, TaskLine
from towpath.cli.progress.view import Paper, draw
from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath.client.testing import FakeApi
from towpath_proto.errors import Code, TowpathError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAIN = Paper(90, 24, color=False)


def test_a_fork_is_indented_and_its_join_comes_back():
    """What follows a fork stands one step to the right, each branch as a whole; what joins the branches stands left of them again."""
    edges = [("load", "a"), ("load", "b"), ("a", "a2"), ("a2", "join"), ("b", "join"), ("join", "end")]
    places = in_order(["end", "b", "load", "a", "a2", "join"], edges)
    assert [(p.slug, p.indent) for p in places] == [("load", 0), ("b", 1), ("a", 1), ("a2", 1), ("join", 0), ("end", 0)]


def test_a_frame():
    """Header, tasks in order with glyph and time, a bar with numbers, log lines, footer."""
    start = NOW - timedelta(seconds=75)
    mapped = Children({"Success": 40, "Failed": 2, "Running": 3}, 100, rate=2.0)
    progress = Progress(
        "report",
        "brisk-heron",
        "Running",
        start=start,
        tasks=(
            TaskLine("load", "load", 0, "Success", "", start, start + timedelta(seconds=3.2)),
            TaskLine("work", "work", 0, "Mapped", "", start, None, 1, mapped),
            TaskLine("sum", "sum", 0, "Retrying", "boom\nboom", start, None),
            TaskLine("end", "end", 0, "Pending"),
        ),
        lines=("12:00:00  INFO     work[3] | hello",),
    )
    assert draw(progress, PLAIN, NOW, footer="keys") == [
        "● report  brisk-heron  Running  1:15  1/4 tasks",
        "  ✓ load  3.2 s",
        "  ● work  ━━━━━━━━━━━╸──────────────  42/100  2 failed  3 running  1:15  2.0/s  29 s left",
        "  ↻ sum   1:15    Retrying: boom boom",
        "  ○ end",
        "",
        "  12:00:00  INFO     work[3] | hello",
        "keys",
    ]
    ascii_frame = draw(progress, Paper(90, 24, color=False, unicode=False), NOW)
    assert all(line.isascii() for line in ascii_frame)


def test_of_many_tasks_those_that_need_a_person_are_shown():
    """Failed and running tasks are shown, the rest is counted by state."""
    states = ["Success"] * 30 + ["Failed"] + ["Success"] * 30 + ["Running"] + ["Pending"] * 40
    tasks = tuple(TaskLine(f"t{i}", f"t{i}", 0, state) for i, state in enumerate(states))
    frame = draw(Progress("f", "r", "Running", tasks=tasks), Paper(80, 10, color=False), NOW)
    assert len(frame) == 9
    assert any("✗ t30" in line for line in frame)
    assert any("● t61" in line for line in frame)
    assert frame[-1] == "  … 95 more: 60 Success, 35 Pending"


# ------------------------------------------------------------------------------------------------------------------------------- the feed

GRAPH = {
    "id": "r1",
    "flow": {
        "name": "hello",
        "tasks": [{"slug": "work-1", "name": "work", "mapped": True}, {"slug": "load-1", "name": "load", "mapped": False}],
        "edges": [{"upstream_task": {"slug": "load-1"}, "downstream_task": {"slug": "work-1"}}],
    },
}


class Stage:
    """A run at the fake API whose state the test changes."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.state = "Running"
        self.counts: dict[str, int] = {"Success": 5, "Running": 2}
        self.documents: list[str] = []
        api.answers["flow_run"] = lambda v: [{"id": "r1", "name": "brisk-heron", "flow": {"name": "hello"}, "state": self.state}]
        api.answers["flow_run_by_pk"] = lambda v: GRAPH if "lines" not in v else None
        api.answers["cancel_flow_run"] = self.cancel
        plain = api.answer

        def answer(body: dict[str, Any]) -> dict[str, Any]:
            found = plain(body)
            if "lines" in (body.get("variables") or {}):
                self.documents.append(body["query"])
                counted = {f"c{i}": {"state_counts": self.counts} for i in range(body["query"].count("mapped_children"))}
                found["data"] = {"flow_run_by_pk": self.run(), "task_run": self.tasks(), "log": [], **counted}
            return found

        api.answer = answer  # type: ignore[method-assign]

    def cancel(self, variables: Any) -> Any:
        self.state = "Cancelled"
        return {"state": "Cancelling"}

    def run(self) -> dict[str, Any]:
        when = datetime.now(UTC).isoformat()
        return {
            "id": "r1",
            "name": "brisk-heron",
            "state": self.state,
            "state_message": "so it is",
            "start_time": when,
            "end_time": when,
            "attempt": 1,
        }

    def tasks(self) -> list[dict[str, Any]]:
        blank = {"state_message": None, "start_time": None, "end_time": None, "attempt": 1}
        return [
            {"id": "00000000-0000-7000-8000-000000000001", "state": "Mapped", "planned": 10, "task": {"slug": "work-1"}, **blank},
            {"id": "00000000-0000-7000-8000-000000000002", "state": "Success", "planned": None, "task": {"slug": "load-1"}, **blank},
        ]


@pytest.fixture
def stage(api: FakeApi) -> Stage:
    return Stage(api)


def client_of(api: FakeApi) -> Client:
    return Client(settings=Settings.from_env({"TOWPATH_API_URL": api.url}))


def test_a_look_counts_mapped_runs_until_they_have_ended(api: FakeApi, stage: Stage):
    """One request a look; a task that is spread is counted from the next one on, and no more when all its runs have ended."""
    clock = iter(range(0, 100, 2))
    with client_of(api) as client:
        feed = Feed(client, "r1", changed=lambda: None, clock=lambda: float(next(clock)))
        assert feed.look() is True
        assert feed.look() is False
        assert feed.progress is not None
        load, work = feed.progress.tasks
        assert (load.name, work.shown_state, work.children) == ("load", "Running", Children({"Success": 5, "Running": 2}, 10))
        stage.counts = {"Success": 9}
        feed.look()
        assert feed.progress.tasks[1].children == Children({"Success": 9}, 10, rate=2.0)
        stage.counts = {"Success": 9, "Failed": 1}
        feed.look()
        feed.look()
        assert feed.progress.tasks[1].shown_state == "Failed"
    assert [document.count("mapped_children") for document in stage.documents] == [0, 1, 1, 1, 0]


def test_a_run_that_is_deleted_meanwhile_is_an_error(api: FakeApi, stage: Stage):
    """The view ends with NOT_FOUND instead of waiting for ever."""
    stage.run = lambda: None  # type: ignore[method-assign,assignment,return-value]
    with client_of(api) as client, pytest.raises(TowpathError) as caught:
        Feed(client, "r1", changed=lambda: None).look()
    assert caught.value.code == Code.NOT_FOUND


# ----------------------------------------------------------------------------------------------------------------------- a real terminal


_COMMAND = """
import fcntl, sys, termios
from towpath.cli import main
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C is a signal only in a terminal that controls the process
sys.exit(main(["watch", "brisk-heron"]))
"""


class Pty:
    """`towpath watch` in a terminal of its own."""

    def __init__(self, *, columns: int = 90, rows: int = 20, **env: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        child, self._tty = pty.openpty()[::-1]
        self._resize(columns, rows)
        kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLORTERM")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            stdin=child,
            stdout=child,
            stderr=child,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **env},
            start_new_session=True,
        )
        os.close(child)

    def _resize(self, columns: int, rows: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self._tty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self._resize(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def type(self, keys: bytes) -> None:
        os.write(self._tty, keys)

    def until(self, text: str, timeout: float = 90.0) -> list[str]:
        """What is on the screen once `text` is."""
        return self.when(lambda lines: any(text in line for line in lines), timeout, text)

    def when(self, holds: Callable[[list[str]], bool], timeout: float = 90.0, what: str = "") -> list[str]:
        deadline = time.monotonic() + timeout
        while not holds(lines := [line.rstrip() for line in self.screen.display]):
            left = deadline - time.monotonic()
            assert left > 0, f"{what!r} is not on the screen:\n" + "\n".join(lines)
            if select.select([self._tty], [], [], left)[0]:
                try:
                    data = os.read(self._tty, 65536)
                except OSError:  # the other end is closed
                    data = b""
                assert data, f"{what!r} did not come; the command ended:\n" + "\n".join(lines)
                self.raw += data
                self._stream.feed(data)
        return lines

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._tty)


@pytest.fixture
def terminal(api: FakeApi, stage: Stage) -> Iterator[Callable[..., Pty]]:
    opened: list[Pty] = []

    def open_terminal(**options: Any) -> Pty:
        opened.append(Pty(**options))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


def test_watching_on_a_terminal(api: FakeApi, stage: Stage, terminal: Callable[..., Pty]):
    """The frame is drawn in place, follows the run and the size of the terminal, and stays there when the run has ended."""
    watch = terminal()
    watch.until("5/10")
    stage.counts = {"Success": 8, "Running": 1}
    api.ring({"task_run_events": {"type": "task_run.states", "count": 3}})
    lines = watch.until("8/10")
    assert sum("hello  brisk-heron  Running" in line for line in lines) == 1
    watch.resize(40, 10)
    watch.when(lambda shown: sum("brisk-heron" in line for line in shown) == 1 and all(len(line) < 40 for line in shown))
    stage.state, stage.counts = "Success", {"Success": 10}
    lines = watch.until("Success: so it is")
    assert watch.process.wait(10) == 0
    assert any("10/10" in line for line in lines)
    assert watch.raw.endswith(b"\r\n")
    assert watch.raw.count(b"\x1b[?25l") == watch.raw.count(b"\x1b[?25h") == 1


def test_ctrl_c_asks_and_leaves(api: FakeApi, stage: Stage, terminal: Callable[..., Pty]):
    """Ctrl-C asks; another key goes on; l leaves with status 130, says that the run goes on, and cancels nothing."""
    watch = terminal()
    watch.until("Ctrl-C: leave or cancel")
    watch.type(b"\x03")
    watch.until("(l), or cancel the run (c)?")
    watch.type(b"x")
    watch.when(lambda lines: not any("(l), or cancel" in line for line in lines))
    watch.type(b"\x03")
    watch.until("(l), or cancel the run (c)?")
    watch.type(b"l")
    watch.until("Left; the run goes on.")
    assert watch.process.wait(10) == 130
    assert api.of("cancel_flow_run") == []


def test_ctrl_c_twice_leaves(api: FakeApi, stage: Stage, terminal: Callable[..., Pty]):
    """Who presses Ctrl-C twice wants out, and gets out; the run goes on."""
    watch = terminal()
    watch.until("Ctrl-C: leave or cancel")
    watch.type(b"\x03")
    watch.until("cancel the run (c)?")
    watch.type(b"\x03")
    watch.until("Left; the run goes on.")
    assert watch.process.wait(10) == 130
    assert api.of("cancel_flow_run") == []


def test_ctrl_c_cancels_when_told_so(api: FakeApi, stage: Stage, terminal: Callable[..., Pty]):
    """c cancels the run and watches until it has ended; the status says that it did not succeed."""
    watch = terminal()
    watch.until("Ctrl-C: leave or cancel")
    watch.type(b"\x03")
    watch.until("cancel the run (c)?")
    watch.type(b"c")
    watch.until("Cancelled: so it is")
    assert watch.process.wait(10) == 1
    assert len(api.of("cancel_flow_run")) == 1


def test_the_api_goes_away_and_comes_back(api: FakeApi, stage: Stage, terminal: Callable[..., Pty]):
    """While the API is away the view says so and that the run goes on; when it is back the view goes on by itself."""
    watch = terminal()
    watch.until("5/10")
    api.stop()
    watch.until("No connection to the API (connection refused); trying again. The run goes on.")
    stage.counts = {"Success": 9}
    api.start()
    lines = watch.until("9/10")
    watch.when(lambda shown: not any("No connection" in line for line in shown))
    assert sum("brisk-heron" in line for line in lines) == 1
    stage.state = "Failed"
    watch.until("towpath restart brisk-heron --watch")
    assert watch.process.wait(10) == 1


def test_no_color_is_heeded(api: FakeApi, stage: Stage, terminal: Callable[..., Pty]):
    """With NO_COLOR nothing is coloured; the view still draws in place. In a dumb terminal it prints lines."""
    stage.state = "Success"
    watch = terminal(NO_COLOR="1")
    watch.until("Success: so it is")
    assert b"\x1b[3" not in watch.raw
    assert b"\x1b[?25l" in watch.raw
    api.answers["flow_run_by_pk"] = lambda v: {**stage.run(), "states": [], "labels": []}
    api.answers["log"] = lambda v: []
    dumb = terminal(TERM="dumb")
    assert dumb.process.wait(15) == 0
