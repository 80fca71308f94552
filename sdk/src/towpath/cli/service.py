"""Whether anybody will run a flow run: compares its labels and run config type with the live agents. Pure decisions over API rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from towpath.cli.output import moment
from towpath_proto.timers import AGENT_ALIVE

Row = Mapping[str, Any]


def is_alive(agent: Row, *, now: datetime | None = None) -> bool:
    """Whether an agent has asked for work lately."""
    asked = moment(agent.get("last_queried"))
    return asked is not None and ((now or datetime.now(UTC)) - asked).total_seconds() < AGENT_ALIVE


def serves(agent: Row, run: Row) -> bool:
    """Whether an agent takes runs of this run's labels and run config type."""
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
    options = "".join(f" --label {label}" for label in labels)
    what = f"labels {', '.join(labels)}" if labels else "no labels"
    if not alive:
        others = "No agent is alive"
    else:
        known = "; ".join(f"{a['name']} ({a['type']}: {', '.join(a.get('labels') or ()) or 'no labels'})" for a in alive[:5])
        others = f"Live agents serve other runs: {known}"
    extra = "" if kind in ("UniversalRun", "LocalRun") else f" of a kind that runs {kind}"
    start = f"an agent{extra}" if extra else f"one with: towpath agent local start{options}"
    return f"No live agent serves this run ({what}, {kind}). {others}. Start {start}"
