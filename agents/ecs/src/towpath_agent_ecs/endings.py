"""What ECS says about a stopped task, in words, and what it means for the run. Decisions only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from towpath.agent.endings import Duty, Ending, ending
from towpath.runner.single import DIED, UNBEGUN
from towpath_agent_ecs.tasks import CONTAINER

GONE = Ending(Duty.FIND_OUT, "is not known to ECS any more")
_SPOKEN = (0, DIED, UNBEGUN)
_ENDED_BY = {
    "SpotInterruption": "was ended by a Spot interruption",
    "TerminationNotice": "was ended because its instance is going away",
    "UserInitiated": "was stopped by somebody",
    "TaskFailedToStart": "could not be started",
}


def stopped(task: Mapping[str, Any]) -> Ending:
    """What the end of a task means.

    Args:
        task: A task as DescribeTasks tells it, whose lastStatus is STOPPED.
    """
    containers = task.get("containers") or []
    flow: Mapping[str, Any] = next((c for c in containers if c.get("name") == CONTAINER), containers[0] if containers else {})
    status, detail = flow.get("exitCode"), str(flow.get("reason") or "").strip().rstrip(".")
    why = str(task.get("stoppedReason") or "").strip().rstrip(".")
    oom = detail.startswith("OutOfMemory")
    by = _ENDED_BY.get(str(task.get("stopCode") or ""))
    said = "; ".join(dict.fromkeys(text for text in (detail, why) if text))
    if status is not None and int(status) in _SPOKEN and not oom:
        if by is not None and int(status) == DIED:  # its supervisor knows only of the signal
            return Ending(Duty.NOTHING, f"{by}: {said}" if said else by)
        return ending(int(status), oom=False, error="", memory_limit=0, output=[])
    if by is not None and not oom:
        return Ending(Duty.FIND_OUT, f"{by}: {said}" if said else by)
    if status is None and not oom:
        said = detail or why or "it gives no reason"
        return Ending(Duty.FIND_OUT, f"was stopped by ECS: {said}")
    return ending(int(status or 137), oom=oom, error="" if oom else detail, memory_limit=_memory(task, flow), output=[])


def _memory(task: Mapping[str, Any], flow: Mapping[str, Any]) -> int:
    text = str(flow.get("memory") or task.get("memory") or "")
    return int(text) * 2**20 if text.isdecimal() else 0
