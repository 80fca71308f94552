"""What it takes to start the process of one run: the request, and the fork that becomes it.

In the child, between the fork and the first user code: a process group of its own, death with its runner (Linux), default signals, no
descriptor of the runner, and the run's environment. It stays in the forked interpreter when that is sound, and otherwise executes a fresh
one (`python -m towpath.runner.child`): another interpreter is named (TOWPATH_PYTHON), the environment changes how an interpreter or the
loader starts (PYTHON…, LD_…), or the platform does not fork well.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from towpath.processes import die_with
from towpath_proto.timers import CANCEL_GRACE

SECRETS = ("TOWPATH_API_KEY", "TOWPATH_SERVICE_TOKEN", "TOWPATH_IDENTITY_SECRET", "TOWPATH_SECRET_KEY")
"""Variables of an agent that its runs must not see."""
_TRACE = ("TRACEPARENT", "TRACESTATE")
"""What the agent was started under is not what its runs were created under."""
STATUS_FD = "TOWPATH_RUNNER_FD"
EXEC_FAILED = 127


@dataclass(frozen=True, slots=True)
class Launch:
    """A request to start a run.

    Attributes:
        flow_run_id: The run.
        fence: The fence of its claim.
        run_token: Token that can touch this run only. Never printed.
        name: The run's name, for people.
        flow_id: The flow version.
        env: Environment on top of the agent's own.
        deadline: Seconds within which it must have begun.
    """

    flow_run_id: str
    fence: int
    run_token: str = field(repr=False)
    name: str = ""
    flow_id: str = ""
    env: dict[str, str] = field(default_factory=dict, repr=False)
    deadline: float = 30.0

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Launch:
        """Read it from what `to_message` wrote."""
        return cls(
            flow_run_id=str(message["flow_run_id"]),
            fence=int(message["fence"]),
            run_token=str(message["run_token"]),
            name=str(message.get("name") or ""),
            flow_id=str(message.get("flow_id") or ""),
            env={str(k): str(v) for k, v in (message.get("env") or {}).items()},
            deadline=float(message.get("deadline") or 30.0),
        )

    @property
    def grace(self) -> float:
        """Seconds between the polite signal and the kill; TOWPATH_CANCEL_GRACE in the run config's env changes it."""
        return grace(self.env)

    def to_message(self) -> dict[str, Any]:
        """As a mapping for the wire."""
        return asdict(self)


def grace(env: Mapping[str, str]) -> float:
    """Seconds that a run has to stop: TOWPATH_CANCEL_GRACE in its environment, else 10; what is no such number counts as not said."""
    try:
        seconds = float(env.get("TOWPATH_CANCEL_GRACE", CANCEL_GRACE))
    except ValueError:
        return CANCEL_GRACE
    return max(0.0, seconds) if math.isfinite(seconds) else CANCEL_GRACE


def environment(launch: Launch, *, base: Mapping[str, str], api_url: str) -> dict[str, str]:
    """The environment of the run's process: the agent's without its secrets, the run config's, and the run's identity."""
    env = {k: v for k, v in base.items() if k not in SECRETS and k not in _TRACE}
    env.update(launch.env)
    env["TOWPATH_API_URL"] = launch.env.get("TOWPATH_API_URL", api_url)
    env.update(
        TOWPATH_RUN_ID=launch.flow_run_id,
        TOWPATH_RUN_FENCE=str(launch.fence),
        TOWPATH_RUN_TOKEN=launch.run_token,
        TOWPATH_FLOW_ID=launch.flow_id,
    )
    return env


def needs_fresh_interpreter(launch: Launch, *, platform: str = sys.platform, executable: str = sys.executable) -> bool:
    """Whether the run cannot stay in the forked interpreter."""
    if platform != "linux":
        return True
    other = launch.env.get("TOWPATH_PYTHON")
    if other and other != executable:
        return True
    return any(name.startswith(("PYTHON", "LD_")) for name in launch.env)


def become_child(
    launch: Launch, *, parent: int, status_fd: int, env: Mapping[str, str], run: Callable[[int], int], keep: frozenset[int] = frozenset()
) -> NoReturn:
    """In the fork: turn into the run's process. Never returns.

    Args:
        launch: What to run.
        parent: The runner's process id.
        status_fd: Where the child tells the runner how far it is.
        env: The whole environment.
        run: Runs the flow in this interpreter; gets `status_fd`, returns the exit status.
        keep: Descriptors to keep beside standard streams and `status_fd`.
    """
    status = 1
    try:
        os.setpgid(0, 0)
        die_with(parent)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _close_all_but({0, 1, 2, status_fd} | keep)
        os.environ.clear()
        os.environ.update(env)
        if needs_fresh_interpreter(launch):
            os.set_inheritable(status_fd, True)
            _execute(launch.env.get("TOWPATH_PYTHON") or sys.executable, {**env, STATUS_FD: str(status_fd)})
        status = run(status_fd)
    except BaseException:  # nothing may unwind into the runner's own frames
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)
    raise AssertionError("unreachable")


def _execute(python: str, env: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(python, [python, "-m", "towpath.runner.child"], env)
    except OSError as e:
        print(f"towpath: cannot execute {python}: {e.strerror} (TOWPATH_PYTHON of the run config's env)", file=sys.stderr, flush=True)
        os._exit(EXEC_FAILED)


def _close_all_but(keep: set[int]) -> None:
    low = 0
    for descriptor in [*sorted(keep), os.sysconf("SC_OPEN_MAX")]:
        if descriptor > low:
            os.closerange(low, descriptor)
        low = max(low, descriptor + 1)
