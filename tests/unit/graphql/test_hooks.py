"""Hooks without a network: which addresses they reach, what a config may be, what is sent to whom, and when again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpcore
import pytest

from towpath_graphql.adapters.hook_sender import HookSender
from towpath_graphql.app.ports import NotTold
from towpath_graphql.domain import hooks
from towpath_graphql.domain.addresses import may_reach, read_networks
from towpath_proto.errors import Code, TowpathError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
EVENT = {
    "id": "01963f80-0000-7000-8000-000000000001",
    "timestamp": "2026-01-02T03:04:05+00:00",
    "type": "FlowRunStateChange",
    "is_test_event": False,
    "flow_run": {"id": "r", "name": "brisk-heron"},
    "state": {"id": "s", "state": "Failed", "message": "a <b> & c", "version": 4},
    "flow": {"id": "f", "name": "canal"},
    "tenant": {"id": "t", "slug": "default"},
}


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        *[
            (a, False)
            for a in (
                "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
                "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1",
                "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2002:7f00:1::",
                "2001:0:53aa:64c:0:fbff:ffff:fffe", "2001:db8::1", "not an address", "127.1", "0x7f000001", "2130706433",
            )
        ],
    ],
)  # fmt: skip
def test_only_the_public_internet_is_reached(address, reached):
    """Loopback, private, link-local, metadata, shared, multicast and reserved addresses are refused in every notation of IPv6, too."""
    assert may_reach(address) is reached


def test_an_allowed_network_is_reached_and_nothing_beside_it():
    """The setting opens the networks that it names, for addresses that stand in IPv6 as well."""
    networks = read_networks(["10.1.0.0/16", " fd00::/8"])
    assert [may_reach(a, networks) for a in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "10.2.0.1", "127.0.0.1")] == [True] * 3 + [False] * 2
    with pytest.raises(TowpathError) as caught:
        read_networks(["10.0.0.1/8"])
    assert caught.value.code is Code.BAD_SETTING


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
async def test_the_sender_checks_where_it_connects(host):
    """However the own machine is written, nothing is sent to it, and no other attempt is made."""
    with pytest.raises(NotTold, match="no public address") as caught:
        await HookSender().send(hooks.Request(f"http://{host}:9/", b"{}", {}))
    assert caught.value.final


async def test_a_name_is_resolved_once_and_its_checked_address_is_called(monkeypatch):
    """A name that points elsewhere a moment after it was checked: the connection goes to the checked address, or nowhere."""
    answers, called = [["10.0.0.1", "93.184.215.14"], ["10.0.0.1"]], []

    async def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    async def connect(_, host, *__):
        called.append(host)
        raise httpcore.ConnectError("nobody is there")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(NotTold, match="nobody is there"):
        await HookSender().send(hooks.Request("http://rebound.example/", b"{}", {}))
    assert (called, len(answers)) == (["93.184.215.14"], 1)
    with pytest.raises(NotTold, match="no public address"):
        await HookSender().send(hooks.Request("http://rebound.example/", b"{}", {}))
    assert len(called) == 1


@pytest.mark.parametrize(
    ("kind", "config", "words"),
    [
        ("WEBHOOK", None, "needs url"),
        ("WEBHOOK", {"url": "ftp://example.com"}, "http or https"),
        ("WEBHOOK", {"url": "file:///etc/passwd"}, "http or https"),
        ("WEBHOOK", {"url": "https://ann:pw@example.com"}, "http or https"),
        ("WEBHOOK", {"url": "https://exa mple.com"}, "http or https"),
        ("WEBHOOK", {"url": "https://example.com\r\nx: y"}, "http or https"),
        ("WEBHOOK", {"url": "https://[::1"}, "http or https"),
        ("SLACK_WEBHOOK", {}, "needs url"),
        ("PREFECT_MESSAGE", {"note": "x" * 16_384}, "16384 bytes at most"),
        ("TWILIO", {"account_sid": "a", "auth_token": "b", "messaging_service_sid": "c", "to": ["+1"] * 11}, "10 numbers at most"),
        ("TWILIO", {"account_sid": "a", "auth_token": "b", "messaging_service_sid": "c"}, "needs to"),
        ("PAGERDUTY", {"routing_key": "r", "severity": "terrible"}, "severity is one of"),
        ("PREFECT_MESSAGE", [], "is an object"),
    ],
)
def test_configs_that_cannot_work_are_refused(kind, config, words):
    """Each with a sentence that says what is missing."""
    with pytest.raises(TowpathError, match=words) as caught:
        hooks.read_config(kind, config)
    assert caught.value.code is Code.BAD_REQUEST


def test_states_are_kinds_of_states():
    """In any case, each once; a word that is no state would never fire and is refused."""
    assert hooks.read_states(["failed", "FAILED", "TimedOut"]) == ["FAILED", "TIMEDOUT"]
    for states, code in (([], Code.BAD_REQUEST), (["FALIED"], Code.BAD_STATE)):
        with pytest.raises(TowpathError) as caught:
            hooks.read_states(states)
        assert caught.value.code is code


def test_secrets_are_not_shown():
    """Tokens, keys, Slack addresses and queries are left out of what may be read again."""
    assert hooks.shown("WEBHOOK", {"url": "https://example.com/a", "other": "x"}) == {"url": "https://example.com/a", "other": "…"}
    assert hooks.shown("WEBHOOK", {"url": "https://example.com/a?token=x"}) == {"url": "https://example.com/…"}
    assert hooks.shown("SLACK_WEBHOOK", {"url": "https://hooks.slack.com/services/T/B/x"}) == {"url": "https://hooks.slack.com/…"}
    twilio = {"account_sid": "AC1", "auth_token": "x", "messaging_service_sid": "MG1", "to": "+1"}
    assert hooks.shown("TWILIO", twilio) == twilio | {"auth_token": "…"}
    assert hooks.shown("PAGERDUTY", {"routing_key": "x", "severity": "info", "api_token": "x"}) == {
        "routing_key": "…", "severity": "info", "api_token": "…",
    }  # fmt: skip


def _made(kind, config):
    return hooks.requests(kind, config, SECRET, EVENT, now=NOW, endpoints=hooks.Endpoints("https://pager/enqueue", "https://tw"))


def test_a_webhook_is_signed():
    """The body is Prefect's, its id in Prefect's header; the signature is that of Standard Webhooks over id, time and body."""
    (request,) = _made("WEBHOOK", {"url": "https://example.com/h"})
    assert (request.url, json.loads(request.body), request.seconds) == ("https://example.com/h", {"event": EVENT}, 2.0)
    assert request.headers["x-prefect-event-id"] == request.headers["webhook-id"] == EVENT["id"]
    signed = f"{EVENT['id']}.{int(NOW.timestamp())}.".encode() + request.body
    expected = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"


def test_slack_pagerduty_twilio_get_what_their_documents_say():
    """Slack escaped text within a second; PagerDuty a trigger with the event as its deduplication key; Twilio a form for each number."""
    (slack,) = _made("SLACK_WEBHOOK", {"url": "https://hooks.slack.com/x"})
    assert json.loads(slack.body) == {"text": "Flow run brisk-heron of canal is Failed: a &lt;b&gt; &amp; c"}
    assert slack.seconds == 1.0
    (pager,) = _made("PAGERDUTY", {"routing_key": "rk", "severity": "critical"})
    body = json.loads(pager.body)
    assert (pager.url, body["routing_key"]) == ("https://pager/enqueue", "rk")
    assert (body["event_action"], body["dedup_key"]) == ("trigger", EVENT["id"])
    assert {k: body["payload"][k] for k in ("summary", "source", "severity")} == {
        "summary": "Flow run brisk-heron of canal is Failed: a <b> & c", "source": "default/canal", "severity": "critical",
    }  # fmt: skip
    sms = _made("TWILIO", {"account_sid": "AC/1", "auth_token": "t", "messaging_service_sid": "MG1", "to": ["+1", "+2"]})
    assert [parse_qs(r.body.decode())["To"] for r in sms] == [["+1"], ["+2"]]
    assert {r.url for r in sms} == {"https://tw/2010-04-01/Accounts/AC%2F1/Messages.json"}
    assert sms[0].headers["authorization"] == f"Basic {base64.b64encode(b'AC/1:t').decode()}"


def test_attempts_come_later_each_time_and_end():
    """From 2.5 to 5 seconds up to an hour, then no more."""
    longest = [hooks.delay_after(n, 1.0) for n in range(1, hooks.MAX_ATTEMPTS + 1)]
    assert longest == [5, 20, 80, 320, 1280, 3600, 3600, None]
    assert [hooks.delay_after(n, 0.0) for n in (1, 2)] == [2.5, 10]
