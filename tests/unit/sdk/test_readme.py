"""The README's code does what the README says. Flows of flows are in tests/e2e."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

SDK = Path(__file__).parents[3] / "sdk"


def code_under(heading: str, document: str = "README.md") -> str:
    """The first Python block under a heading."""
    found = re.search(rf"^## {heading}$.*?```python\n(.*?)```", (SDK / document).read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_first_flow_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's first flow has at most ten lines and prints the result in its comment."""
    code = code_under("A first flow")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    exec(compile(code, "README", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out.strip() == code.strip().rsplit("# ", 1)[1]


def test_running_again_reads_only_what_changed(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run takes everything from the cache; a file that changes is read again, and only it."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("a", "one two"), ("b", "three")):
        (tmp_path / f"{name}.txt").write_text(text)
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(code_under("Run again only what changed"), "README", "exec"), names)
    assert capsys.readouterr().out == "reading a.txt\nreading b.txt\n[2, 1]\n[2, 1]\n"
    (tmp_path / "b.txt").write_text("three four five")
    os.utime(tmp_path / "b.txt", ns=(1, 1))
    state = names["flow"].run()  # type: ignore[attr-defined]
    assert state.result[names["counts"]].result == [2, 3]
    assert capsys.readouterr().out == "reading b.txt\n"


@pytest.mark.parametrize("heading", ["From Prefect 1", "From Airflow"])
def test_ported_flows_print_what_the_guide_says(heading: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The examples of the porting guide are whole programs."""
    code = code_under(heading, "PORTING.md")
    exec(compile(code, "PORTING", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip() == code.strip().rsplit("# ", 1)[1]
