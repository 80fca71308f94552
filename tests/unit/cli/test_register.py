"""`towpath register`: several sources, failures beside successes, and --watch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from towpath.cli.saving import Saves, Stamp
from towpath.cli.sources import Source, sources
from towpath.client.testing import FakeApi, Refusal

FLOW = "from towpath import Flow, task\n@task\ndef one():\n    return {value}\nwith Flow('{name}') as flow:\n    one()\n"


def write(folder: Path, name: str, value: int = 1) -> Path:
    path = folder / f"{name}.py"
    path.write_text(FLOW.format(name=name, value=value))
    return path


def test_what_fails_keeps_nobody_else_from_being_registered(api: FakeApi, towpath: Any, tmp_path: Path):
    """Of a script that cannot be loaded, a flow that the API refuses and a good one, the good one is registered; the status is 1."""
    for name in ("a_good", "b_refused", "z_good"):
        write(tmp_path, name)
    (tmp_path / "m_broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "_private.py").write_text("1 / 0\n")
    register = type(api)._on_register_flow

    def answer(variables: Any) -> Any:
        if variables["input"]["serialized_flow"]["name"] == "b_refused":
            raise Refusal("BAD_SCHEDULE", "The schedule never fires.")
        return register(api, variables["input"])

    api.answers["register_flow"] = answer
    status, out, err = towpath("register", "-p", str(tmp_path))
    assert status == 1
    assert [line.split(" (")[0] for line in out.splitlines()] == ["a_good: registered, version 1", "z_good: registered, version 1"]
    assert err.splitlines() == [
        f"towpath: {tmp_path / 'm_broken.py'}, line 1, needs the module 'nowhere_to_be_found', which is not installed here. (BAD_FLOW)",
        "towpath: b_refused: The schedule never fires. (BAD_SCHEDULE)",
    ]
    rows = json.loads(towpath("register", "-p", str(tmp_path), "--json")[1])
    assert [(row["name"], row["status"], row["code"]) for row in rows] == [
        (None, "failed", "BAD_FLOW"),
        ("a_good", "unchanged", None),
        ("b_refused", "failed", "BAD_SCHEDULE"),
        ("z_good", "unchanged", None),
    ]


def test_force_makes_a_version_of_what_has_not_changed(api: FakeApi, towpath: Any, tmp_path: Path):
    """Without it the same flow keeps its version."""
    path = write(tmp_path, "same")
    keys = []
    for options in ([], [], ["--force"]):
        towpath("register", "-p", str(path), *options)
        keys.append(api.of("register_flow")[-1]["input"]["idempotency_key"])
    assert keys[0] == keys[1] != keys[2]


def test_two_flows_of_one_name_in_a_script_are_refused(api: FakeApi, towpath: Any, tmp_path: Path):
    """Each would replace the other; a second variable for the same flow is none."""
    path = write(tmp_path, "same")
    path.write_text(path.read_text() + "again = flow\n")
    assert towpath("register", "-p", str(path))[0] == 0
    path.write_text(path.read_text() + "with Flow('same') as other:\n    one()\n")
    before = len(api.of("register_flow"))
    status, out, err = towpath("register", "-p", str(path))
    assert (status, out) == (1, "")
    assert err == f"towpath: {path} has several flows named 'same'; give each a name of its own. (BAD_FLOW)\n"
    assert len(api.of("register_flow")) == before


def test_an_api_that_is_away_ends_the_command_at_once(api: FakeApi, towpath: Any, tmp_path: Path):
    """Not one failure a flow, but one sentence and status 2."""
    write(tmp_path, "a")
    write(tmp_path, "b")
    api.stop()
    status, out, err = towpath("register", "-p", str(tmp_path))
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_sources(tmp_path: Path):
    """A folder means its scripts by name; what is named twice is there once; only scripts of folders may hold no flow."""
    a, b = write(tmp_path, "a"), write(tmp_path, "b")
    assert sources([b, tmp_path], ["m", "m"]) == [Source(path=b), Source(path=a, optional=True), Source(module="m")]


def test_a_change_counts_when_the_file_is_whole():
    """A file that is gone or still being written is waited for; a change is told once; other sources are left alone."""
    now: dict[Path, Stamp] = {Path("a"): (1, 1, 1), Path("b"): (1, 1, 1), Path("helper"): (1, 1, 1)}
    saves = Saves(look=lambda file: now[file])
    first, second = Source(path=Path("a")), Source(path=Path("b"))
    saves.follow(first, [Path("a"), Path("helper")], dict(now))
    saves.follow(second, [Path("b"), Path("helper")], dict(now))
    assert saves.changed() == {}
    now[Path("a")] = None
    assert saves.changed() == {}
    now[Path("a")] = (2, 0, 2)
    assert saves.changed() == {}
    now[Path("a")] = (2, 50, 2)
    assert saves.changed() == {}
    assert saves.changed() == {first: {Path("a")}}
    assert saves.changed() == {}
    now[Path("helper")] = (3, 3, 3)
    saves.changed()
    assert saves.changed() == {first: {Path("helper")}, second: {Path("helper")}}


def test_a_save_during_the_registration_is_not_lost():
    """What was saved after the file was read is registered again."""
    now: dict[Path, Stamp] = {Path("a"): (2, 2, 2)}
    saves = Saves(look=lambda file: now[file])
    saves.follow(Source(path=Path("a")), [Path("a")], {Path("a"): (1, 1, 1)})
    saves.changed()
    assert saves.changed() == {Source(path=Path("a")): {Path("a")}}


class Watching:
    """`towpath register --watch` as a process."""

    def __init__(self, folder: Path) -> None:
        program = "import sys; from towpath.cli import main; sys.exit(main())"
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", program, "register", "-p", "flow.py", "--watch"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )

    def until(self, text: str, timeout: float = 60.0) -> str:
        """The next line with `text`. The limit is for this line alone: each registration starts a process, which takes long under load."""
        assert self.process.stdout is not None
        guard = threading.Timer(timeout, self.process.kill)
        guard.start()
        said = []
        try:
            for line in self.process.stdout:
                said.append(line)
                if text in line:
                    return line
        finally:
            guard.cancel()
        raise AssertionError(f"{text!r} was not said within {timeout:g} s: {said}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def watching(api: FakeApi, tmp_path: Path) -> Iterator[Watching]:
    (tmp_path / "numbers_of_mine.py").write_text("VALUE = 1\n")
    (tmp_path / "flow.py").write_text("from numbers_of_mine import VALUE\n" + FLOW.format(name="saved", value="VALUE"))
    one = Watching(tmp_path)
    yield one
    one.close()


def test_watch_registers_what_is_saved(api: FakeApi, watching: Watching, tmp_path: Path):
    """A save of the script or of a module that it imports registers it again; a syntax error is told and survived; Ctrl-C is a good end."""
    watching.until("saved: registered, version 1")
    watching.until("Watching 2 files")
    (tmp_path / "flow.py").write_text("from numbers_of_mine import VALUE\n" + FLOW.format(name="saved", value="VALUE + 1"))
    watching.until("flow.py saved: registering flow.py")
    watching.until("saved: registered")
    (tmp_path / "flow.py").write_text("with Flow('saved'\n")
    watching.until("flow.py, line 1: '(' was never closed near `with Flow('saved'`. (BAD_FLOW)")
    (tmp_path / "flow.py").write_text("from numbers_of_mine import VALUE\n" + FLOW.format(name="saved", value="VALUE + 2"))
    watching.until("saved: registered")
    (tmp_path / "numbers_of_mine.py").write_text("VALUE = 2000\n")
    watching.until("numbers_of_mine.py saved: registering flow.py")
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(20) == 0
