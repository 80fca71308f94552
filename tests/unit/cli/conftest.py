"""The command line in this process, against the fake API."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from towpath.cli import main
from towpath.client.testing import FakeApi


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    for name in [n for n in os.environ if n.startswith("TOWPATH_")]:
        monkeypatch.delenv(name)
    with FakeApi() as fake:
        monkeypatch.setenv("TOWPATH_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("TOWPATH_API_URL", fake.url)
        yield fake


@pytest.fixture
def towpath(api: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs a command; gives exit status, output and error output. What it reads is `stdin`."""

    def run(*arguments: str, stdin: str = "typed\n") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
