"""The example that indexes installed packages, on distributions made for it: what it finds, and what a change makes it read again."""

from __future__ import annotations

import runpy
import sqlite3
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "sdk/examples/package_index.py"

GENERAL = '''"""Barges in general."""
import os
from json import loads
'''
GATE = """class LockGate:
    def openGate(self):
        pass
"""
TOW = """# no docstring
import os.path
'''def not_a_function(): import nothing'''
async def tow_barge(): ...
"""


def install(folder: Path, name: str, **modules: str) -> None:
    """Put a distribution into a folder of the module path."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: about {name}\n")
    (folder / name).mkdir()
    for module, source in modules.items():
        (folder / name / f"{module}.py").write_text(source)
    (info / "RECORD").write_text("".join(f"{name}/{module}.py,,\n" for module in [*modules, "gone"]))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`index()` runs the example on the distributions whose name holds "towtest" and returns its report."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    install(site, "towtestone", __init__=GENERAL, lock=GATE)
    install(site, "towtesttwo", __init__=TOW)
    example = runpy.run_path(str(EXAMPLE))

    def run(query: str = "barge"):
        state = example["flow"].run(only="towtest", folder=str(tmp_path), query=query)
        assert state.is_successful(), state
        return state.result[example["report"]].result

    return run


def test_what_it_finds(index, tmp_path: Path):
    """Counts, imports by the number of distributions, and a search that knows words inside of names; files that are gone do not matter."""
    report = index()
    assert {k: report[k] for k in ("distributions", "modules", "lines", "functions", "classes")} == {
        "distributions": 2, "modules": 3, "lines": 10, "functions": 2, "classes": 1,
    }  # fmt: skip
    assert report["most_imported"] == {"os": 2, "json": 1}
    assert report["found"] == {"towtestone": 1, "towtesttwo": 1}
    assert index(query="gate")["found"] == {"towtestone": 1}
    with sqlite3.connect(tmp_path / "package_index.sqlite") as database:
        assert sorted(database.execute("select name, first_line from module")) == [
            ("towtestone", "Barges in general."), ("towtestone.lock", ""), ("towtesttwo", ""),
        ]  # fmt: skip


def test_only_what_changed_is_read_again(index, tmp_path: Path):
    """A second run reads nothing; after a change of one file it reads that file's part, and a removed distribution leaves the index."""
    assert (index()["parts_read"], index()["parts_read"]) == (2, 0)
    path = tmp_path / "site/towtesttwo/__init__.py"
    path.write_text(path.read_text() + "def heave_to(): ...\n")
    report = index(query="heave")
    assert (report["parts_read"], report["parts_from_cache"], report["functions"]) == (1, 1, 3)
    assert report["found"] == {"towtesttwo": 1}
    (tmp_path / "site/towtesttwo-1.0.dist-info/METADATA").unlink()
    (tmp_path / "site/towtesttwo-1.0.dist-info/RECORD").unlink()
    (tmp_path / "site/towtesttwo-1.0.dist-info").rmdir()
    report = index(query="heave")
    assert (report["distributions"], report["parts_read"], dict(report["found"])) == (1, 0, {})
