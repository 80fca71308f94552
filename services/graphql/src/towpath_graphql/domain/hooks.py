"""What a hook may be, and what each kind of hook is sent: pure functions from a hook and an event to requests.

Secrets of a config stand in requests only, never in what `shown` answers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import KINDS

WEBHOOK, SLACK, TWILIO, PAGERDUTY, MESSAGE = "WEBHOOK", "SLACK_WEBHOOK", "TWILIO", "PAGERDUTY", "PREFECT_MESSAGE"
CHANGED = "cloud_hook.changed"
"""The event that tells of hooks themselves."""
SEVERITIES = ("info", "warning", "error", "critical")
MAX_ATTEMPTS = 8
FIRST_DELAY, LONGEST_DELAY = 5.0, 3_600.0
"""Seconds before the second attempt, and at most."""
MAX_CONFIG = 16_384
"""Bytes of a hook's config as JSON: it is opened for each event."""
MAX_NUMBERS = 10
"""Telephones that one hook tells: each may take the time of a request, and a worker's claim on an event must outlast them all."""
_STATES = frozenset(name.upper() for name in KINDS)
_NEEDED = {
    WEBHOOK: ("url",),
    SLACK: ("url",),
    TWILIO: ("account_sid", "auth_token", "messaging_service_sid", "to"),
    PAGERDUTY: ("routing_key", "severity"),
    MESSAGE: (),
}
_SHOWN = {"account_sid", "messaging_service_sid", "to", "severity"}
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Request:
    """One POST.

    Attributes:
        url: Where to.
        body: What.
        headers: With which headers.
        seconds: How long it may take in all.
    """

    url: str
    body: bytes
    headers: Mapping[str, str]
    seconds: float = 2.0


@dataclass(frozen=True)
class Endpoints:
    """Where the services of third parties are.

    Attributes:
        pagerduty: Address of its Events API.
        twilio: Beginning of the addresses of its API.
    """

    pagerduty: str = "https://events.pagerduty.com/v2/enqueue"
    twilio: str = "https://api.twilio.com"


def read_states(states: Sequence[str]) -> list[str]:
    """Kinds of states, upper case, each once.

    Raises:
        TowpathError: `BAD_STATE` for one that is no kind, `BAD_REQUEST` for none at all.
    """
    wanted = sorted({s.upper() for s in states})
    if unknown := [s for s in wanted if s not in _STATES]:
        raise TowpathError(Code.BAD_STATE, f"{unknown[0]} is no kind of state; these are: {', '.join(sorted(_STATES))}.")
    if not wanted:
        raise TowpathError(Code.BAD_REQUEST, "A hook needs the states that it tells of, such as FAILED.")
    return wanted


def read_config(kind: str, config: Any) -> dict[str, Any]:
    """The config of a hook of this kind.

    Raises:
        TowpathError: `BAD_REQUEST` for what is missing or no address.
    """
    given = {} if config is None else config
    if not isinstance(given, dict):
        raise TowpathError(Code.BAD_REQUEST, "A hook's config is an object.")
    if len(json.dumps(given)) > MAX_CONFIG:
        raise TowpathError(Code.BAD_REQUEST, f"A hook's config has {MAX_CONFIG} bytes at most.")
    for name in _NEEDED[kind]:
        value = given.get(name)
        if name == "to" and isinstance(value, list) and 0 < len(value) <= MAX_NUMBERS and all(isinstance(v, str) and v for v in value):
            continue
        if name == "to" and isinstance(value, list) and len(value) > MAX_NUMBERS:
            raise TowpathError(Code.BAD_REQUEST, f"A TWILIO hook tells {MAX_NUMBERS} numbers at most; make another hook for the others.")
        if not isinstance(value, str) or not value:
            raise TowpathError(Code.BAD_REQUEST, f"The config of a {kind} hook needs {name}.")
    if "url" in _NEEDED[kind]:
        _check_url(given["url"])
    if kind == PAGERDUTY and given["severity"] not in SEVERITIES:
        raise TowpathError(Code.BAD_REQUEST, f"severity is one of {', '.join(SEVERITIES)}.")
    return dict(given)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or not url.isascii() or " " in url:
        raise TowpathError(Code.BAD_REQUEST, "A hook's url is an absolute http or https address, without a user and password in it.")


def shown(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a config may be read again: a Slack address and the query of any other are secrets, too."""
    found = {name: value if name in _SHOWN else _HIDDEN for name, value in config.items()}
    if "url" in config and kind in (WEBHOOK, SLACK):
        parts = urlsplit(config["url"])
        hidden = kind == SLACK or parts.query or parts.fragment
        host = parts.netloc
        found["url"] = f"{parts.scheme}://{host}/{_HIDDEN}" if hidden else config["url"]
    return found


def sentence(event: Mapping[str, Any]) -> str:
    """The event in words."""
    message = event["state"].get("message")
    test = "[test] " if event["is_test_event"] else ""
    head = f"{test}Flow run {event['flow_run']['name']} of {event['flow']['name']} is {event['state']['state']}"
    return f"{head}: {message}" if message else f"{head}."


def requests(
    kind: str, config: Mapping[str, Any], secret: str, event: Mapping[str, Any], *, now: datetime, endpoints: Endpoints
) -> tuple[Request, ...]:
    """What to send to tell a hook of an event.

    Args:
        kind: Its type; not PREFECT_MESSAGE, which is sent nowhere.
        config: Its config.
        secret: Signs what a WEBHOOK gets.
        event: With its id.
        now: Time of the signature.
        endpoints: Where third parties are.
    """
    return _MAKERS[kind](config, secret, event, now, endpoints)


def _webhook(config: Mapping[str, Any], secret: str, event: Mapping[str, Any], now: datetime, _: Endpoints) -> tuple[Request, ...]:
    body = orjson.dumps({"event": event})
    signed = sign(secret, event["id"], int(now.timestamp()), body)
    return (Request(config["url"], body, {**_JSON, "x-prefect-event-id": event["id"], **signed}),)


def _slack(config: Mapping[str, Any], _: str, event: Mapping[str, Any], __: datetime, ___: Endpoints) -> tuple[Request, ...]:
    text = sentence(event).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (Request(config["url"], orjson.dumps({"text": text[:3_000]}), {**_JSON, "x-prefect-event-id": event["id"]}, 1.0),)


def _pagerduty(config: Mapping[str, Any], _: str, event: Mapping[str, Any], __: datetime, at: Endpoints) -> tuple[Request, ...]:
    body = {
        "routing_key": config["routing_key"],
        "event_action": "trigger",
        "dedup_key": event["id"],
        "payload": {
            "summary": sentence(event)[:1_024],
            "source": f"{event['tenant']['slug']}/{event['flow']['name']}"[:1_024],
            "severity": config["severity"],
            "timestamp": event["timestamp"],
            "custom_details": event,
        },
    }
    return (Request(at.pagerduty, orjson.dumps(body), _JSON),)


def _twilio(config: Mapping[str, Any], _: str, event: Mapping[str, Any], __: datetime, at: Endpoints) -> tuple[Request, ...]:
    account = config["account_sid"]
    url = f"{at.twilio}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
    basic = base64.b64encode(f"{account}:{config['auth_token']}".encode()).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": f"Basic {basic}"}
    numbers = [config["to"]] if isinstance(config["to"], str) else config["to"]
    service, text = config["messaging_service_sid"], sentence(event)[:1_600]
    return tuple(Request(url, urlencode({"MessagingServiceSid": service, "To": n, "Body": text}).encode(), headers) for n in numbers)


_JSON = {"content-type": "application/json"}
_MAKERS: dict[str, Callable[[Mapping[str, Any], str, Mapping[str, Any], datetime, Endpoints], tuple[Request, ...]]] = {
    WEBHOOK: _webhook,
    SLACK: _slack,
    PAGERDUTY: _pagerduty,
    TWILIO: _twilio,
}


def sign(secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA256 over id, time and body under `whsec_` and base64 of the key."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def delay_after(attempts: int, chance: float) -> float | None:
    """Seconds until the next attempt; None to give up.

    Args:
        attempts: Attempts so far.
        chance: From 0 to 1: spreads hooks that failed together.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    longest: float = min(FIRST_DELAY * 2.0 ** (2 * (attempts - 1)), LONGEST_DELAY)
    return longest * (0.5 + chance / 2)
