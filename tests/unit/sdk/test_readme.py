"""The README's first flow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "sdk/README.md"


def test_the_first_flow_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's first flow has at most ten lines and prints the result in its comment."""
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    code = found[1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    exec(compile(code, "README", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out.strip() == code.strip().rsplit("# ", 1)[1]
