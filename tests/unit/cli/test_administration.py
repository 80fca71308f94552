"""`towpath key` and `hook`: what they send, what they print once, and what they never print."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath.client.testing import TENANT, FakeApi

KEY = {"id": "0191a6c2-7d1e-7000-8000-000000000001", "name": "ada", "role": "admin", "created": "2026-01-31T08:00:00+00:00"}
HOOK = {
    "id": "0191a6c2-7d1e-7000-8000-000000000002",
    "name": "pager",
    "type": "PAGERDUTY",
    "states": ["FAILED"],
    "active": True,
    "last_status": None,
    "last_error": None,
}


@pytest.fixture
def made(api: FakeApi) -> FakeApi:
    """An API that makes hooks."""
    api.answers["auth_info"] = lambda variables: {"tenant_id": TENANT}
    api.answers["create_cloud_hook"] = lambda variables: {"id": HOOK["id"], "secret": None}
    return api


def test_a_key_is_printed_once_and_alone(api: FakeApi, towpath: Any):
    """Standard output has the key and nothing else; what to do with it is said on standard error, without it."""
    api.answers["create_api_key"] = lambda variables: {"id": KEY["id"], "key": "tp_secret"}
    status, out, err = towpath("key", "create", "ada", "--role", "agent", "--expires", "30d")
    assert (status, out) == (0, "tp_secret\n")
    assert "TOWPATH_API_KEY" in err
    assert "tp_secret" not in err
    [sent] = api.of("create_api_key")
    expires = datetime.fromisoformat(sent["input"].pop("expires_at")) - datetime.now(UTC)
    assert sent == {"input": {"name": "ada", "role": "agent"}}
    assert timedelta(days=30, minutes=-5) < expires <= timedelta(days=30)
    shown = json.loads(towpath("key", "create", "ada", "--json")[1])
    assert shown == {"id": KEY["id"], "name": "ada", "role": "operator", "expires_at": None, "key": "tp_secret"}


@pytest.mark.parametrize("when", ["soon", "2020-01-31"])
def test_a_key_expires_in_the_future(towpath: Any, when: str):
    """A time that is none, or is over, is wrong usage; no key is made."""
    status, out, err = towpath("key", "create", "ada", "--expires", when)
    assert (status, out, when in err) == (2, "", True)


@pytest.mark.parametrize("reference", ["ada", "0191a6c2-7d1e"])
def test_a_key_is_revoked_by_name_or_id(api: FakeApi, towpath: Any, reference: str):
    """By its name or the beginning of its id; another one is not found."""
    other = {**KEY, "id": "0291a6c2-7d1e-7000-8000-000000000001", "name": "0191"}
    api.answers["api_keys"] = lambda variables: [
        {**KEY, "expires_at": None, "last_used": None},
        {**other, "expires_at": None, "last_used": None},
    ]
    api.answers["delete_api_key"] = lambda variables: {"success": True}
    assert towpath("key", "revoke", reference, "--yes")[0] == 0
    assert api.of("delete_api_key") == [{"input": {"key_id": KEY["id"]}}]
    assert towpath("key", "revoke", "bob", "--yes")[:2] == (1, "")
    assert towpath("key", "revoke", "ada")[0] == 2  # nobody can be asked
    assert len(api.of("delete_api_key")) == 1
    assert "never" in towpath("key", "list")[1]


def test_a_webhook_shows_its_secret_once(made: FakeApi, towpath: Any):
    """It is made for the caller's tenant, and prints what its events are signed with."""
    made.answers["create_cloud_hook"] = lambda variables: {"id": HOOK["id"], "secret": "whsec_x"}
    words = ("--state", "Failed", "--state", "TimedOut", "--url", "https://example.org/")
    status, out, _ = towpath("hook", "create", "webhook", *words)
    assert (status, "whsec_x" in out) == (0, True)
    [sent] = made.of("create_cloud_hook")
    assert sent["input"] == {
        "tenant_id": TENANT,
        "type": "WEBHOOK",
        "states": ["Failed", "TimedOut"],
        "config": {"url": "https://example.org/"},
        "name": None,
        "version_group_id": None,
    }


@pytest.mark.parametrize(
    ("words", "secret", "others"),
    [
        (("slack",), "url", {}),
        (("pagerduty",), "routing_key", {"severity": "error"}),
        (
            ("twilio", "--account-sid", "AC1", "--messaging-service-sid", "MG1", "--to", "+43", "--to", "+44"),
            "auth_token",
            {"account_sid": "AC1", "messaging_service_sid": "MG1", "to": ["+43", "+44"]},
        ),
    ],
)
def test_what_a_hook_is_sent_with_is_read_from_standard_input(made: FakeApi, towpath: Any, words: Any, secret: str, others: Any):
    """The secret goes to the API without the newline at its end, and is printed nowhere."""
    status, out, err = towpath("hook", "create", *words, "--state", "Failed", stdin="s3cret\n")
    assert status == 0
    assert made.of("create_cloud_hook")[0]["input"]["config"] == {**others, secret: "s3cret"}
    assert "s3cret" not in out + err
    status, out, err = towpath("hook", "create", *words, "--state", "Failed", stdin="\n")
    assert (status, out, "standard input" in err) == (2, "", True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("webhook",), "--url"),
        (("slack", "--url", "https://example.org/"), "is a secret"),
        (("inbox", "--severity", "error"), "no --severity"),
        (("twilio", "--account-sid", "AC1"), "--messaging-service-sid"),
    ],
)
def test_each_kind_of_hook_has_its_own_options(towpath: Any, words: Any, why: str):
    """One that is missing or is another kind's is wrong usage that names it."""
    status, out, err = towpath("hook", "create", *words, "--state", "Failed")
    assert (status, out, why in err) == (2, "", True), err


def test_a_hook_is_tried_and_deleted(api: FakeApi, towpath: Any):
    """Status 1 and the reason when it could not be told."""
    api.answers["cloud_hook"] = lambda variables: [HOOK]
    api.answers["test_cloud_hook"] = lambda variables: {"success": False, "error": "The hook could not be told: answered 500."}
    status, out, err = towpath("hook", "test", "pager")
    assert (status, out, err) == (1, "", "towpath: The hook could not be told: answered 500.\n")
    assert json.loads(towpath("hook", "test", "pager", "--json")[1])["told"] is False
    api.answers["test_cloud_hook"] = lambda variables: {"success": True, "error": None}
    assert towpath("hook", "test", "0191a6c2")[0] == 0
    api.answers["delete_cloud_hook"] = lambda variables: {"success": True}
    assert towpath("hook", "delete", "pager", "--yes")[0] == 0
    assert api.of("delete_cloud_hook") == [{"input": {"cloud_hook_id": HOOK["id"]}}]
    assert "FAILED" in towpath("hook", "list")[1]
