"""Runs the checks in the order of the hops. One that fails lets those that need it be skipped, and told so, not fail in turn."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from towpath.cli.doctor import events, hops, work
from towpath.cli.doctor.finding import Finding, failed, ok, skipped, warning
from towpath.client.client import Client
from towpath.client.settings import Settings, is_loopback
from towpath_proto.errors import TowpathError

PLUGINS = "towpath.checks"
"""Entry points: functions that take the API's address and yield `(name, status, detail, advice)`, about what is installed here."""


def examine() -> Iterator[Finding]:
    """All findings, each as soon as it is known."""
    try:
        chosen = Settings.from_env()
    except TowpathError as e:
        yield failed("settings", e.message)
        return
    yield from hops.settings(chosen)
    yield from work.keys(chosen)
    if is_loopback(chosen.api_url):
        yield from _local(chosen)
    answers = True
    for check in (hops.network, hops.gateway):
        if answers:
            for finding in check(chosen):
                # a service that is down does not keep the gateway from answering
                answers = answers and not (finding.status == "failed" and finding.name in ("network", "gateway"))
                yield finding
    with Client(settings=replace(chosen, patience=0.0, request_timeout=hops.TIMEOUT)) as client:
        yield from _questions(client, chosen, answers)


def _questions(client: Client, chosen: Settings, answers: bool) -> Iterator[Finding]:
    known = answers and (yield from _all(hops.identity(client)))
    reads = known and (yield from _all(hops.reading(client)))
    if known:
        yield from events.writing_and_events(client)
    if reads:
        yield from work.trust(client, chosen)
        yield from work.agents(client)
    if not answers:
        yield skipped("everything else", "needs a gateway that answers")
    elif not known:
        yield skipped("everything else", "needs an identity")
    elif not reads:
        yield skipped("trust, agents", "need reading")


def _all(findings: Iterator[Finding]) -> Generator[Finding, None, bool]:
    """Pass findings on; the value says whether none of them failed."""
    fine = True
    for finding in findings:
        fine = fine and finding.status != "failed"
        yield finding
    return fine


def _local(chosen: Settings) -> Iterator[Finding]:
    """What installed packages know of this machine, such as the server's data directory."""
    from importlib.metadata import entry_points

    make: dict[str, Callable[[str, str, str], Finding]] = {
        "ok": lambda name, detail, advice: ok(name, detail),
        "warning": warning,
        "failed": failed,
        "skipped": lambda name, detail, advice: skipped(name, detail),
    }
    for point in entry_points(group=PLUGINS):
        try:
            for name, status, detail, advice in point.load()(chosen.api_url):
                yield make[status](name, detail, advice)
        except Exception as e:
            yield failed(point.name, f"its check fails: {type(e).__name__}: {e}", "This is a bug of the package that brings the check.")
