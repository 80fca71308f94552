"""Whether anybody will run a flow run: compares its labels and run config type with the live agents. Pure decisions over API rows.

Flows that Prefect 1's client has registered are run by agents of that client only, for their code is where only it finds it; and ours by
ours only, which check the code's signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from towpath.cli.output import moment
from towpath_proto.timers import AGENT_ALIVE

Row = Mapping[str, Any]


def is_alive(agent: Row, *, now: datetime | None = None) -> bool:
    """Whether an agent has asked for work lately."""
    asked = moment(agent.get("last_queried"))
    return asked is not None and ((now or datetime.now(UTC)) - asked).total_seconds() < AGENT_ALIVE


def prefect1_flow(run: Row) -> str | None:
    """The version of Prefect 1's client that has registered the run's flow; None for a flow of Towpath's own."""
    flow = run.get("flow") or {}
    return None if flow.get("code_hash", "") is not None else flow.get("core_version") or "1"


def prefect1_agent(agent: Row) -> bool:
    """Whether an agent is one of Prefect 1's: they say which version they are, and not what they can start."""
    return bool(agent.get("core_version"))


def serves(agent: Row, run: Row) -> bool:
    """Whether an agent takes runs of this run's labels, run config type and client."""
    if prefect1_agent(agent) != (prefect1_flow(run) is not None):
        return False
    wanted, offered = set(run.get("labels") or ()), set(agent.get("labels") or ())
    if not wanted and offered:
        return False
    types = agent.get("run_config_types") or []
    kind = run.get("run_config_type") or "UniversalRun"
    return wanted <= offered and (not types or kind in types)


def nobody_serves(run: Row, agents: Sequence[Row], *, now: datetime | None = None) -> str | None:
    """A sentence when no live agent takes this run, with what to do; None when one does."""
    alive = [agent for agent in agents if is_alive(agent, now=now)]
    if any(serves(agent, run) for agent in alive):
        return None
    labels = list(run.get("labels") or ())
    kind = run.get("run_config_type") or "UniversalRun"
    options = "".join(f" --label {quote(label)}" for label in labels)
    what = f"labels {', '.join(labels)}" if labels else "no labels"
    others = f"Live agents serve other runs: {'; '.join(map(_known, alive[:5]))}" if alive else "No agent is alive"
    if version := prefect1_flow(run):
        whose = f"prefect {version} has registered its flow, and an agent of that client must run it"
        return f"No live agent serves this run ({what}): {whose}. {others}. Start one with: prefect agent local start{options}"
    extra = "" if kind in ("UniversalRun", "LocalRun") else f" of a kind that runs {kind}"
    start = f"an agent{extra}" if extra else f"one with: towpath agent local start{options}"
    return f"No live agent serves this run ({what}, {kind}). {others}. Start {start}"


def _known(agent: Row) -> str:
    client = f" of prefect {agent['core_version']}" if prefect1_agent(agent) else ""
    return f"{agent['name']} ({agent['type']}{client}: {', '.join(agent.get('labels') or ()) or 'no labels'})"
