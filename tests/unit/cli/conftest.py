"""The command line in this process, against the fake API."""

from __future__ import annotations

import os
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
def towpath(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command; gives exit status, output and error output."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
