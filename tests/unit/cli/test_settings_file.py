"""`towpath config` and the file behind it: the environment wins, the file comes next, secrets are masked, nobody else may read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from towpath.client import settings_file
from towpath.client.settings import Settings, source_of
from towpath_proto.errors import TowpathError


@pytest.fixture
def home(tmp_path: Path, api: Any) -> Path:
    return tmp_path / "home"


def test_set_get_unset(towpath: Any, home: Path, monkeypatch: pytest.MonkeyPatch):
    """A value that is set is there for every client, with its source; the environment wins; unset takes it out; other lines stay."""
    home.mkdir()
    (home / "config.toml").write_text('# mine\npatience = 3\napi_url = "http://old:1"\n')
    monkeypatch.delenv("TOWPATH_API_URL")
    assert Settings.from_env().api_url == "http://old:1"
    assert towpath("config", "set", "api_url", "https://towpath.example.org/")[0] == 0
    assert (home / "config.toml").read_text() == '# mine\npatience = 3\napi_url = "https://towpath.example.org/"\n'
    assert (Settings.from_env().api_url, Settings.from_env().patience) == ("https://towpath.example.org", 3.0)
    row = json.loads(towpath("config", "get", "api_url", "--json")[1])
    assert (row["value"], row["source"]) == ("https://towpath.example.org/", str(home / "config.toml"))
    monkeypatch.setenv("TOWPATH_API_URL", "http://here:2")
    assert Settings.from_env().api_url == "http://here:2"
    assert source_of("TOWPATH_API_URL", {"TOWPATH_API_URL": "http://here:2"}) == "environment"
    assert towpath("config", "get", "api_url")[1] == "http://here:2\n"
    assert "environment still says" in towpath("config", "unset", "api_url")[2]
    assert (home / "config.toml").read_text() == "# mine\npatience = 3\n"


def test_a_key_in_the_file_is_kept_secret(towpath: Any, home: Path):
    """The API key is written for the owner's eyes only and never shown whole."""
    status, out, err = towpath("config", "set", "api_key", "twk_0123456789abcdef")
    assert status == 0
    assert "0123456789" not in out + err + towpath("config")[1] + towpath("config", "get", "api_key")[1]
    assert (home / "config.toml").stat().st_mode & 0o777 == 0o600
    assert Settings.from_env().token == "twk_0123456789abcdef"


def test_a_run_keeps_its_own_token(home: Path, towpath: Any, monkeypatch: pytest.MonkeyPatch):
    """Inside a run the file's API key is nothing: the run acts with its token."""
    towpath("config", "set", "api_key", "twk_0123456789abcdef")
    monkeypatch.setenv("TOWPATH_RUN_TOKEN", "twr_own")
    assert Settings.from_env().token == "twr_own"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["api_url", "localhost:4200"], "write it like http://127.0.0.1:4200"),
        (["patience", "long"], "number of seconds"),
        (["trusted_keys", "nonsense"], "no public key"),
        (["api_key", ""], "towpath config unset"),
        (["api_key", "a\nb"], "control character"),
        (["home", "/tmp"], "its keys: api_url, api_key"),
    ],
)
def test_a_wrong_value_is_not_written(towpath: Any, home: Path, arguments: list[str], says: str):
    """What would not work later is refused now, with status 2, and the file stays as it is."""
    status, _, err = towpath("config", "set", *arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert says in err
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("api_url = ", "is no TOML"),
        ("colour = 'red'", "its keys: api_url"),
        ("patience = true", "text or a number"),
        ("[api]\nurl = 1", "api"),
    ],
)
def test_a_broken_file_is_named(towpath: Any, home: Path, content: str, says: str):
    """A file that cannot be read as settings stops every command with its path, not with a wrong address."""
    home.mkdir()
    (home / "config.toml").write_text(content)
    status, _, err = towpath("get", "flows")
    assert status == 2
    assert says in err
    assert str(home / "config.toml") in err
    with pytest.raises(TowpathError):
        settings_file.read(home / "config.toml")
