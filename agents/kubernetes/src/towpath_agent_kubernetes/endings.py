"""What Kubernetes says about a run's pod and Job, as values: how it ended, why it does not start, which event is whose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.agent.endings import Duty, Ending, ending
from towpath_agent_kubernetes import jobs

NO_CHANCE = frozenset({"InvalidImageName", "ErrImageNeverPull"})
"""Reasons for waiting that no time heals."""
TROUBLES = NO_CHANCE | {
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
}
"""Reasons for waiting that mean: this may never start."""
REFUSED = "FailedCreate"
"""The event of a Job whose pod the cluster refuses: a quota, Pod Security, a webhook."""
_SUFFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "": 1}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a run's container does not start.

    Attributes:
        reason: A clause that follows "the run's pod …".
        hopeless: Whether no time heals it.
    """

    reason: str
    hopeless: bool = False


def trouble(pod: Mapping[str, Any]) -> Trouble | None:
    """Why the run's container does not start, or one that comes before it; None when nothing is wrong."""
    found, name = pod.get("status") or {}, container_of(pod)
    own = [one for one in found.get("containerStatuses") or () if one.get("name") == name]
    for status in (*(found.get("initContainerStatuses") or ()), *own):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason")
        if reason in TROUBLES:
            said = str(waiting.get("message") or "").strip().rstrip(".")
            image = f" (image {status.get('image')!r})" if "Image" in reason or "Pull" in reason else ""
            words = f"cannot start its container {status.get('name')!r}: {reason}{image}" + (f": {said}" if said else "")
            return Trouble(words, reason in NO_CHANCE)
    return None


def ended(pod: Mapping[str, Any]) -> bool:
    """Whether the run's container will not run any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") or _terminated(pod) is not None


def began(pod: Mapping[str, Any]) -> bool:
    """Whether the run's container runs, or has run."""
    statuses, name = (pod.get("status") or {}).get("containerStatuses") or (), container_of(pod)
    states = [one.get("state") or {} for one in statuses if one.get("name") == name]
    return any(state.get("running") or state.get("terminated") for state in states)


def of_pod(pod: Mapping[str, Any], output: list[str]) -> Ending:
    """What the end of a pod means.

    Args:
        pod: The pod as the API server has it, perhaps as it was when it was deleted.
        output: Its last lines of output.
    """
    status, state = pod.get("status") or {}, _terminated(pod)
    if state is None:
        reason, message = status.get("reason"), str(status.get("message") or "").strip().rstrip(".")
        if reason == "Evicted":
            return Ending(Duty.FIND_OUT, f"was evicted from its node: {message}")
        if reason:
            return Ending(Duty.FIND_OUT, f"was ended by the cluster: {reason}" + (f": {message}" if message else ""))
        return Ending(Duty.FIND_OUT, _disrupted(status) or "was deleted before it ended")
    code, reason, last = int(state.get("exitCode") or 0), str(state.get("reason") or ""), str(state.get("message") or "").strip()
    shown = [*output, last] if last else output
    # StartError, ContainerCannotRun: the runtime's words are the message
    error = f"{reason}: {last}" if reason in ("StartError", "ContainerCannotRun", "ContainerStatusUnknown") else ""
    verdict = ending(code, oom=reason == "OOMKilled", error=error, memory_limit=_memory_limit(pod), output=shown)
    why = status.get("reason") if status.get("reason") in ("Evicted", "DeadlineExceeded") else None
    words = f"was ended by the cluster: {why}: {str(status.get('message') or '').strip().rstrip('.')}" if why else _disrupted(status)
    if words is None or code == 0 or verdict.duty is Duty.GIVE_BACK:
        return verdict
    return Ending(verdict.duty, f"{verdict.reason}; it {words}" if verdict.reason else words)


def job_finished(job: Mapping[str, Any]) -> str | None:
    """Why a Job has finished, in words; None while it has not."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Failed", "Complete"):
            said = ": ".join(str(condition[k]).rstrip(".") for k in ("reason", "message") if condition.get(k))
            return said or str(condition["type"])
    return None


def owner(event: Mapping[str, Any]) -> tuple[str, int] | None:
    """The claim that an event is about, by the name of its Job or pod; None when it may be none of ours."""
    about = event.get("involvedObject") or {}
    name = str(about.get("name") or "")
    if about.get("kind") == "Pod":
        name = name.rpartition("-")[0]
    return jobs.claim_of(name) if about.get("kind") in ("Job", "Pod") else None


def container_of(pod: Mapping[str, Any]) -> str:
    """The name of the container that runs the flow."""
    names = [container.get("name") for container in (pod.get("spec") or {}).get("containers") or ()]
    return jobs.CONTAINER if jobs.CONTAINER in names or not names else str(names[0])


def _terminated(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    name = container_of(pod)
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == name:
            found: Mapping[str, Any] | None = (status.get("state") or {}).get("terminated")
            return found
    return None


def _disrupted(status: Mapping[str, Any]) -> str | None:
    """What took the pod away, as its condition says: a drain, a taint, preemption."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            return f"was ended by the cluster: {condition.get('reason')}: {str(condition.get('message') or '').rstrip('.')}"
    return None


def _memory_limit(pod: Mapping[str, Any]) -> int:
    """The limit of the flow's container in bytes; 0 for none that can be read."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        if container.get("name") == container_of(pod):
            text = str(((container.get("resources") or {}).get("limits") or {}).get("memory") or "0")
            found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", text)
            return int(float(found[1]) * _SUFFIXES.get(found[2], 0)) if found else 0
    return 0
