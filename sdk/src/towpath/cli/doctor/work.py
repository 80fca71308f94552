"""Whether flows can run: signing keys and trust, agents alive, runs that nobody takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from towpath.cli.doctor.finding import Finding, failed, ok, warning
from towpath.cli.output import ago
from towpath.cli.service import is_alive, nobody_serves, serves
from towpath.client.keys import SigningKey, TrustStore
from towpath.client.settings import Settings
from towpath_proto.errors import TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client

_OVERDUE = 15.0
"""Seconds after which a due run that nobody has taken is a finding."""
_SIGNED = "query { flow(where: {archived: {_eq: false}, code_key_id: {_is_null: false}}, limit: 1000) { name code_key_id } }"


def keys(chosen: Settings) -> Iterator[Finding]:
    """This user's signing key."""
    try:
        key = SigningKey.load(chosen.home)
    except TowpathError as e:
        yield failed("signing key", e.message)
        return
    if key is None:
        yield ok("signing key", "none yet; made at the first `towpath register`")
    else:
        yield ok("signing key", f"{key.key_id} ({key.name})")


def trust(client: Client, chosen: Settings) -> Iterator[Finding]:
    """Whether this machine would run what is registered."""
    try:
        store = TrustStore.load(chosen)
        rows = client.graphql(_SIGNED, patience=0)["flow"]
    except TowpathError as e:
        yield failed("trust", e.message)
        return
    strangers: dict[str, list[str]] = {}
    for row in rows:
        if row["code_key_id"] not in store.keys:
            strangers.setdefault(row["code_key_id"], []).append(row["name"])
    if not strangers:
        yield ok("trust", f"{len(store.keys)} trusted key{'' if len(store.keys) == 1 else 's'}; every flow is signed by one of them")
    for key_id, names in strangers.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        advice = (
            "An agent on this machine would refuse them. Their author sees the key with `towpath keys show`; then: towpath keys trust KEY"
        )
        yield warning("trust", f"{shown} signed by {key_id}, which this machine does not trust", advice)


def agents(client: Client) -> Iterator[Finding]:
    """Who is alive, and whether due runs are taken."""
    try:
        known = client.get_agents()
        late = client.find_flow_runs(
            {"state": {"_eq": "Scheduled"}, "scheduled_start_time": {"_lt": (datetime.now(UTC) - timedelta(seconds=_OVERDUE)).isoformat()}},
            limit=200,
        )
    except TowpathError as e:
        yield failed("agents", e.message)
        return
    alive = [agent for agent in known if is_alive(agent)]
    if alive:
        named = "; ".join(f"{a['name']} ({a['type']}, {', '.join(a.get('labels') or ()) or 'no labels'})" for a in alive[:5])
        yield ok("agents", f"{len(alive)} alive: {named}" + (f" and {len(alive) - 5} more" if len(alive) > 5 else ""))
    else:
        last = f"; {known[0]['name']} asked for work last, {ago(known[0]['last_queried'])}" if known else ""
        yield warning("agents", f"none is alive{last}", "Nothing runs without one. Start one: towpath agent local start")
    yield from _waiting(late, alive)


def _waiting(late: list[dict[str, Any]], alive: list[dict[str, Any]]) -> Iterator[Finding]:
    if not late:
        yield ok("due runs", "none waits to be taken")
        return
    unserved: dict[str, list[Mapping[str, Any]]] = {}
    ignored = []
    for run in late:
        sentence = nobody_serves(run, alive)
        if sentence is not None:
            unserved.setdefault(sentence, []).append(run)
        else:
            ignored.append(run)
    for sentence, runs in unserved.items():
        yield failed("due runs", f"{_some(runs)} overdue: {sentence.partition('. ')[0]}", sentence.rpartition(". ")[2])
    if ignored:
        who = ", ".join(sorted({agent["name"] for agent in alive if any(serves(agent, run) for run in ignored)}))
        yield failed("due runs", f"{_some(ignored)} overdue though {who} could take them", "See the agent's log; start it again.")


def _some(runs: list[Mapping[str, Any]] | list[dict[str, Any]]) -> str:
    named = ", ".join(str(run["name"]) for run in runs[:3])
    return f"{named} and {len(runs) - 3} more are" if len(runs) > 3 else f"{named} {'is' if len(runs) == 1 else 'are'}"
