"""Reading settings: types, bounds, sentences, silence about secrets."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.settings import Secret, Settings


def sentence(read) -> str:
    with pytest.raises(TowpathError) as caught:
        read()
    assert caught.value.code is Code.BAD_SETTING
    assert caught.value.detail == {"setting": "TOWPATH_X"}
    assert caught.value.message.startswith("TOWPATH_X ")
    return caught.value.message


def settings(value: str | None) -> Settings:
    return Settings({} if value is None else {"TOWPATH_X": value})


def test_a_missing_required_setting_says_what_to_do():
    """The error names the variable and repeats the hint."""
    assert sentence(lambda: settings("  ").text("TOWPATH_X", hint="set it to a name")) == "TOWPATH_X is not set; set it to a name."


def test_defaults_hold_for_missing_and_empty_variables():
    """An empty variable counts as not set, whatever its type."""
    for reader in (settings(None), settings(""), settings(" ")):
        assert reader.text("TOWPATH_X", "a") == "a"
        assert reader.integer("TOWPATH_X", 3) == 3
        assert reader.seconds("TOWPATH_X", 1.5) == 1.5
        assert reader.flag("TOWPATH_X", True) is True
        assert reader.url("TOWPATH_X", None) is None
        assert reader.secret("TOWPATH_X", None, at_least=16) is None
        assert reader.port("TOWPATH_X", 4200) == 4200


def test_values_are_typed():
    """Each reader gives its type."""
    assert settings(" 7 ").integer("TOWPATH_X", at_least=1, at_most=9) == 7
    assert settings("2.5").seconds("TOWPATH_X") == 2.5
    assert [settings(v).flag("TOWPATH_X", False) for v in ("1", "YES", "on", "True")] == [True] * 4
    assert [settings(v).flag("TOWPATH_X", True) for v in ("0", "no", "Off", "false")] == [False] * 4
    assert settings("http://host:42/").url("TOWPATH_X") == "http://host:42"
    assert settings("b").choice("TOWPATH_X", "a", choices=["a", "b"]) == "b"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("seven", lambda s: s.integer("TOWPATH_X")),
        ("0", lambda s: s.integer("TOWPATH_X", at_least=1)),
        ("11", lambda s: s.integer("TOWPATH_X", at_most=10)),
        ("65536", lambda s: s.port("TOWPATH_X", 1)),
        ("-1", lambda s: s.seconds("TOWPATH_X")),
        ("nan", lambda s: s.seconds("TOWPATH_X")),
        ("inf", lambda s: s.seconds("TOWPATH_X")),
        ("perhaps", lambda s: s.flag("TOWPATH_X", True)),
        ("c", lambda s: s.choice("TOWPATH_X", "a", choices=["a", "b"])),
        ("localhost:4200", lambda s: s.url("TOWPATH_X")),
        ("ftp://host", lambda s: s.url("TOWPATH_X")),
        ("http://host:port", lambda s: s.url("TOWPATH_X")),
        ("http://[", lambda s: s.url("TOWPATH_X")),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(value, read):
    """No wrong value is taken for a default."""
    assert sentence(lambda: read(settings(value)))


def test_a_secret_is_shown_nowhere():
    """Neither a configuration that is printed nor an error shows a secret or an address, which may hold a password."""

    @dataclass(frozen=True)
    class Config:
        token: Secret

    secret = settings("hunter2hunter2hunter2").secret("TOWPATH_X", at_least=16)
    assert secret.value == "hunter2hunter2hunter2"
    assert "hunter2" not in f"{Config(secret)} {secret} {secret!r} {[secret]}"
    assert "hunter2" not in sentence(lambda: settings("hunter2").secret("TOWPATH_X", at_least=16))
    assert "hunter2" not in sentence(lambda: settings("mysql://u:hunter2@h").url("TOWPATH_X", schemes=["postgresql"]))
