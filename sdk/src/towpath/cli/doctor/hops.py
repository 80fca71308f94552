"""The checks from here to the API: settings, network, gateway and its services, clock, identity, versions. Each yields findings.

They ask in the order in which a request travels, each with a timeout of its own, so that a stack that hangs is told apart from one that
is gone.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from towpath.cli.doctor.finding import Finding, failed, ok, warning
from towpath.client.settings import Settings, is_loopback, source_of
from towpath_proto import __version__
from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client

TIMEOUT = 5.0
"""Seconds that one answer may take."""
_SKEW = 5.0
_START = "Start a server with `towpath server start`, or set TOWPATH_API_URL to the address of one that runs."
_HINTS: Mapping[str, str] = {
    "graphql": "The service that writes does not answer, or its database does not: see its log, and whether PostgreSQL runs.",
    "read": "The read engine does not answer, or its database does not: see its log, and whether PostgreSQL runs.",
    "bus": "See whether NATS runs and TOWPATH_NATS_URL names it; until then everything happens by sweep, some seconds late.",
    "scheduler": "Schedules make no runs until it is back: see its log, and start it again.",
    "zombie_killer": "Runs whose process has died stay Running until it is back: see its log, and start it again.",
    "lazarus": "Stranded runs are not offered again until it is back: see its log, and start it again.",
}


def settings(chosen: Settings) -> Iterator[Finding]:
    """Where the address comes from, and whether the home can be written."""
    source = source_of("TOWPATH_API_URL", os.environ)
    yield ok("settings", f"API at {chosen.api_url} ({source}), API key {'set' if chosen.token else 'not set'}")
    place = chosen.home
    while not place.exists() and place != place.parent:
        place = place.parent
    if os.access(place, os.W_OK | os.X_OK):
        yield ok("home", f"{chosen.home} can be written")
    else:
        yield failed("home", f"{chosen.home} cannot be written", "Set TOWPATH_HOME to a directory of your own, or mend its permissions.")


def network(chosen: Settings) -> Iterator[Finding]:
    """Whether the host has an address, and something listens there."""
    parts = urlsplit(chosen.api_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as e:
        yield failed("network", f"the host {host!r} has no address ({e.strerror or e})", "Check TOWPATH_API_URL, and the name service.")
        return
    reasons = []
    for _, _, _, _, address in dict.fromkeys(found):
        began = time.perf_counter()
        try:
            with socket.create_connection((str(address[0]), port), timeout=TIMEOUT):
                yield ok("network", f"{address[0]} port {port} takes connections ({_ms(began)})")
                return
        except OSError as e:
            reasons.append(f"{address[0]} port {port}: {e.strerror or e or type(e).__name__}")
    advice = _START if is_loopback(chosen.api_url) else "See whether the server runs, and whether a firewall is between."
    yield failed("network", "; ".join(reasons), advice)


def gateway(chosen: Settings) -> Iterator[Finding]:
    """The gateway's own word about itself and each service behind it; the server's clock."""
    import urllib3

    began, asked = time.perf_counter(), datetime.now(UTC)
    with urllib3.PoolManager(retries=False) as pool:
        try:
            answer = pool.request("GET", f"{chosen.api_url}/health", timeout=urllib3.Timeout(connect=TIMEOUT, read=TIMEOUT), redirect=False)
        except urllib3.exceptions.HTTPError as e:
            hangs = isinstance(e, urllib3.exceptions.TimeoutError)
            detail = f"takes the connection and does not answer within {TIMEOUT:g} s" if hangs else f"{type(e).__name__}: {e}"
            yield failed("gateway", detail, "The server hangs or is not a Towpath gateway: see its log, and start it again.")
            return
    services = _services(answer.data)
    if services is None:
        advice = "Set TOWPATH_API_URL to the address of a Towpath gateway; another program answers at this one."
        yield failed("gateway", f"/health answers HTTP {answer.status} and is not Towpath's", advice)
        return
    yield ok("gateway", f"/health answers HTTP {answer.status} ({_ms(began)})")
    for name, state in services.items():
        if state.get("status") == "ready":
            yield ok(f"service {name}", "ready")
        else:
            reasons = "; ".join(f"{k}: {v}" for k, v in (state.get("checks") or {}).items())
            yield failed(f"service {name}", reasons or str(state.get("status")), _HINTS.get(name, "See its log, and start it again."))
    yield from _clock(answer.headers.get("date"), asked)


def _services(body: bytes) -> dict[str, dict[str, Any]] | None:
    try:
        found = json.loads(body)["services"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) and all(isinstance(v, dict) for v in found.values()) else None


def _clock(date: str | None, asked: datetime) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(date or "")
    except ValueError:
        return
    # the header has whole seconds
    skew = (there - asked).total_seconds()
    if abs(skew) <= _SKEW:
        yield ok("clock", f"this machine and the server agree within {_SKEW:g} s")
    else:
        way = "behind" if skew > 0 else "ahead of"
        advice = "Set both clocks by NTP. Leases do not depend on it; times of logs and of schedules as you see them do."
        yield warning("clock", f"this machine is {abs(skew):.0f} s {way} the server", advice)


def identity(client: Client) -> Iterator[Finding]:
    """Who the API takes us for."""
    try:
        found = client.graphql("query { auth_info { tenant_id role actor } api { version } }", patience=0, timeout=TIMEOUT)
    except TowpathError as e:
        advice = "Set TOWPATH_API_KEY (or `towpath config set api_key`) to a key of this server; unset it where the server asks for none."
        other = "The gateway takes requests and none comes back: see the services above, and whether PostgreSQL runs."
        yield failed("identity", e.message, advice if e.code in (Code.UNAUTHENTICATED, Code.FORBIDDEN) else other)
        return
    who = found["auth_info"] or {}
    yield ok("identity", f"role {who.get('role')}, known as {who.get('actor') or 'nobody'}")
    there = (found.get("api") or {}).get("version") or "unknown"
    if there.split(".")[:2] == __version__.split(".")[:2]:
        yield ok("versions", f"{__version__} here, {there} there")
    else:
        yield warning("versions", f"{__version__} here, {there} there", "Install the same version on both sides: pip install towpath==…")


def reading(client: Client) -> Iterator[Finding]:
    """Whether the read path answers."""
    began = time.perf_counter()
    try:
        found = client.graphql(
            "query { flow_aggregate(where: {archived: {_eq: false}}) { aggregate { count } } }", patience=0, timeout=TIMEOUT
        )
    except TowpathError as e:
        yield failed("reading", f"{e.message} ({e.code})", _HINTS["read"])
        return
    count = found["flow_aggregate"]["aggregate"]["count"]
    yield ok("reading", f"{count} flow{'' if count == 1 else 's'} registered ({_ms(began)})")


def _ms(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.1f} ms"
