"""`towpath secret`, `kv` and `limit`: what they send, what they print, and what they never print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from towpath.client.testing import FakeApi


def test_a_secret_is_read_from_standard_input_and_printed_nowhere(api: FakeApi, towpath: Any):
    """The value goes to the API without the newline at its end; no output, not even a refusal, has it."""
    api.answers["set_secret"] = lambda variables: {"success": True}
    status, out, err = towpath("secret", "set", "DB", stdin="pa55word\n")
    assert (status, out, err) == (0, "Secret DB is set.\n", "")
    assert api.of("set_secret") == [{"input": {"name": "DB", "value": "pa55word"}}]
    status, out, _ = towpath("secret", "set", "DB", "--json", stdin='{"a": 1}\n\n')
    assert (status, json.loads(out)) == (0, {"name": "DB", "set": True})
    assert api.of("set_secret")[-1]["input"]["value"] == '{"a": 1}\n'
    status, out, err = towpath("secret", "set", "DB", stdin="")
    assert (status, out, "towpath secret delete" in err) == (2, "", True)
    api.stop()
    assert "pa55word" not in "".join(map(str, towpath("secret", "set", "DB", stdin="pa55word")))


def test_a_secret_cannot_be_an_argument(towpath: Any):
    """A value on the command line would stand in the shell's history and in the list of processes."""
    status, out, err = towpath("secret", "set", "DB", "pa55word")
    assert (status, out) == (2, "")
    assert "pa55word" in err  # click names the extra argument


def test_secrets_are_listed_by_name(api: FakeApi, towpath: Any):
    """Names only."""
    api.answers["secret_names"] = lambda variables: ["A", "B"]
    assert towpath("secret", "list")[1].split() == ["NAME", "A", "B"]
    assert json.loads(towpath("secret", "list", "--json")[1]) == ["A", "B"]
    api.answers["secret_names"] = lambda variables: []
    assert "towpath secret set" in towpath("secret", "list")[2]


@pytest.mark.parametrize(("text", "value"), [("7", 7), ('{"a": [1]}', {"a": [1]}), ("2026-01-31", "2026-01-31"), ("null x", "null x")])
def test_a_value_is_json_or_a_text(api: FakeApi, towpath: Any, text: str, value: Any):
    """`kv set` sends JSON where the argument is JSON; `kv get` prints a text as it is and anything else as JSON."""
    api.answers["set_key_value"] = lambda variables: {"id": "1"}
    api.answers["key_value"] = lambda variables: [{"id": "1", "value": value}]
    assert towpath("kv", "set", "k", text)[0] == 0
    assert api.of("set_key_value") == [{"input": {"key": "k", "value": value}}]
    assert towpath("kv", "get", "k")[1] == text + "\n"
    assert json.loads(towpath("kv", "get", "k", "--json")[1]) == {"key": "k", "value": value}


def test_a_missing_key_is_said_so(api: FakeApi, towpath: Any):
    """Status 1, and where to look."""
    api.answers["key_value"] = lambda variables: []
    for words in (("get", "k"), ("delete", "k", "--yes")):
        status, out, err = towpath("kv", *words)
        assert (status, out) == (1, "")
        assert "No value found for key: k" in err
        assert "towpath kv list" in err


def test_a_limit_is_on_a_tag_or_a_label(towpath: Any):
    """Neither and both are wrong usage, and so is a number below 0."""
    for words in ((), ("--tag", "a", "--label", "b")):
        status, _, err = towpath("limit", "set", "1", *words)
        assert (status, "either --tag TAG or --label LABEL" in err) == (2, True)
    assert towpath("limit", "set", "--tag", "a", "--", "-1")[0] == 2
