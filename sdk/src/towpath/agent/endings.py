"""What the end of a run's container means, and what an agent has to do about it. Decisions only."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum

from towpath import processes
from towpath.runner.single import DIED, UNBEGUN

SHOWN_LINES = 50
"""Lines of a container's output that a failure's story holds at most."""


class Duty(StrEnum):
    """What the agent has to do when a container has ended."""

    NOTHING = "nothing"
    GIVE_BACK = "give back"
    FIND_OUT = "find out"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the end of a container means.

    Attributes:
        duty: Whether the run was not begun (give it back), all is said (nothing), or the API must be asked whether it had begun.
        reason: A clause that follows "the run's container …"; with nothing to do it is what the run's log should hold all the same.
    """

    duty: Duty
    reason: str = ""


def ending(status: int, *, oom: bool, error: str, memory_limit: int, output: list[str]) -> Ending:
    """What an exit status means.

    Args:
        status: The container's exit status, as the engine, cluster or cloud tells it.
        oom: Whether that says that the kernel ended it for want of memory.
        error: What that says went wrong, if anything.
        memory_limit: The container's limit in bytes; 0 for none.
        output: Its last lines of output.
    """
    last = output[-1] if output else ""
    if status in (0, DIED) and not oom and not error:
        return Ending(Duty.NOTHING)
    if status == UNBEGUN:
        return Ending(Duty.GIVE_BACK, last.removeprefix("towpath: ") or "it could not begin the run")
    if oom:
        limit = f" (its limit is {memory_limit / 2**20:.0f} MiB)" if memory_limit else ""
        return Ending(Duty.FIND_OUT, f"was killed by the kernel: out of memory{limit}")
    if error:
        return Ending(Duty.FIND_OUT, f"ended with an error: {error}")
    if status in (126, 127):
        return Ending(Duty.FIND_OUT, f"could not execute its command; is towpath installed in its image? It said: {last or 'nothing'}")
    if status > 128:
        number = status - 128
        return Ending(Duty.FIND_OUT, processes.clause(_signal(number)))
    return Ending(Duty.FIND_OUT, f"exited with status {status}" + (f"; its last line: {last}" if last else ""))


def _signal(number: int) -> str:
    if number == signal.SIGKILL:
        return "killed (SIGKILL)"  # who runs it would have said if memory was the cause
    return processes.describe_signal(number, oom_killed=False)
