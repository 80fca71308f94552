"""The process of one run: begin it, check and load its code, run it, say how it ended. Also `python -m towpath.runner.child`.

It knows its run by TOWPATH_RUN_ID, TOWPATH_RUN_FENCE and TOWPATH_RUN_TOKEN. It calls `begin_run` itself before any user code; from then on
its supervisor renews the lease. Nothing is unpickled whose signature does not come from a trusted key. When the API says so, to this
process or to its supervisor, the engine cancels the run. SIGTERM without such a word stops the process, not the run: what runs is
interrupted, and nothing is said of how it ended. When the run has another owner the process ends at once and reports nothing.

To its supervisor it says its stage on a socket: `beginning`, `begun`, `final`, or `refused` (not its run any more). A process that dies
before `final` did not report an end; the supervisor does it then. The supervisor says there why it sends SIGTERM, if the run was cancelled.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import cloudpickle  # noqa: F401  (the zygote imports this module to have ready what every run needs)

from towpath._context import context
from towpath.client import keys, transport  # noqa: F401
from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath.engine.results import LocalResult
from towpath.engine.run import FlowRun
from towpath.engine.state import Cancelled, Failed, Finished, Mapped, Paused, Pending, Running, Scheduled, State
from towpath.logs import attach_console
from towpath.runner.cached_states import BackendCache
from towpath.runner.child_table import Stage
from towpath.runner.code_cache import CodeCache
from towpath.runner.forks import keep_sigterm_for_this_process
from towpath.runner.launch import STATUS_FD
from towpath.runner.reporter import BackendReporter
from towpath.runner.slots import BackendLimits
from towpath.runner.wire import Lines, pack
from towpath.storage import load_code
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import is_final
from towpath_proto.timers import LAUNCH_DEADLINE_LOCAL, RETRY_IN_PROCESS

BEGIN = """mutation($input: begin_run_input!) { begin_run(input: $input) {
  run { id name version attempt parameters context scheduled_start_time labels run_config
        flow_id flow_name flow_version project_id project_name tenant_id state }
  code { hash blob signature key_id public_key info }
  task_runs limited_tags lease_expires_at lease } }"""

_TOLD = "was told to stop (SIGTERM)"
_NOT_OURS = {Code.FENCED, Code.NOT_OWNED, Code.NOT_FOUND, Code.ILLEGAL_TRANSITION, Code.ALREADY_CLAIMED}


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run this process is.

    Attributes:
        flow_run_id: The run.
        fence: The fence of its claim.
        token: Token that can touch this run only.
        flow_id: The flow version, if the agent has told.
    """

    flow_run_id: str
    fence: int
    token: str
    flow_id: str | None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Identity:
        """Read the environment.

        Raises:
            TowpathError: `BAD_SETTING` when this process was not started for a run.
        """
        try:
            return cls(env["TOWPATH_RUN_ID"], int(env["TOWPATH_RUN_FENCE"]), env["TOWPATH_RUN_TOKEN"], env.get("TOWPATH_FLOW_ID"))
        except (KeyError, ValueError):
            raise TowpathError(
                Code.BAD_SETTING, "This process is started by an agent, with TOWPATH_RUN_ID, TOWPATH_RUN_FENCE and TOWPATH_RUN_TOKEN set."
            ) from None


class RunProcess:
    """One run in this process.

    Args:
        identity: Which run.
        settings: How to reach the API, and whose code to trust.
        status_fd: Where to say the stage; negative for nowhere.
    """

    def __init__(self, identity: Identity, settings: Settings, *, status_fd: int) -> None:
        self._identity = identity
        self._settings = replace(settings, token=identity.token)
        self._client = Client(settings=self._settings)
        self._cache = CodeCache(settings.home)
        self._status_fd = status_fd
        self._flow_run: FlowRun | None = None
        self._stop_reason: str | None = None
        self._leaving = False
        self._in_user_code = False

    # ---------------------------------------------------------------------------------------------------------------------------- steps

    def run(self) -> int:
        """Do all of it; returns the exit status."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: self._told())
        keep_sigterm_for_this_process()
        begun = self._begin()
        if begun is None:
            return 1
        attach_console()
        run_id, fence = self._identity.flow_run_id, self._identity.fence
        limits = BackendLimits(self._client, flow_run_id=run_id, fence=fence, tags=begun["limited_tags"], flush=lambda: reporter.flush())
        reporter = BackendReporter(
            self._client,
            flow_run_id=run_id,
            fence=fence,
            on_cancel=lambda: self._stop("The run was cancelled."),
            on_lost=self._lost,
            on_running=lambda slug, map_index, runs: self._tell({"task": [slug, map_index, runs]}),
            on_limits=limits.learn,
        )
        self._say(Stage.BEGUN)
        if (begun["run"]["state"] or {}).get("type") == "Cancelling":
            self._stop_reason, self._leaving = "The run was cancelled.", False
        state = self._execute(begun, reporter, limits)
        if self._leaving and not isinstance(state, Finished):
            reporter.flush()
            self._say(Stage.BEGUN, reason=self._stop_reason or _TOLD)
            return 1
        if not isinstance(state, Finished):
            reporter.flow_state(_waiting(state), datetime.now(UTC))
        reporter.flush()
        refused = [why for item, why in reporter.delivery.refused if "slug" not in item and "state" in item]
        if refused:
            print(f"towpath: the run's state could not be stored: {refused[-1]}", file=sys.stderr, flush=True)
            return 1
        self._say(Stage.FINAL, state=state.kind)
        return 0

    def _begin(self) -> dict[str, Any] | None:
        identity = self._identity
        self._say(Stage.BEGINNING)
        batch = {
            "flow_run_id": identity.flow_run_id,
            "fence": identity.fence,
            "holder": f"{socket.gethostname()}, process {os.getpid()}",
            "known_code": self._cache.known(identity.flow_id),
        }
        try:
            answer: dict[str, Any] = self._client.graphql(BEGIN, {"input": batch}, timeout=5.0, patience=LAUNCH_DEADLINE_LOCAL)["begin_run"]
        except TowpathError as e:
            ours = e.code not in _NOT_OURS
            self._say(Stage.STARTING if ours else Stage.REFUSED, reason=f"The run could not be begun: {e.message}")
            print(f"towpath: run {identity.flow_run_id} could not be begun: {e.message} ({e.code})", file=sys.stderr, flush=True)
            return None
        return answer

    def _execute(self, begun: dict[str, Any], reporter: BackendReporter, limits: BackendLimits) -> State:
        """Load and run; whatever goes wrong before the engine takes over is a Failed state with its reason."""
        run = begun["run"]
        try:
            self._in_user_code = True
            _enter_directory(run.get("run_config") or {})
            flow = self._load(begun)
            self._flow_run = self._prepare(flow, run, begun["task_runs"] or [], reporter, limits)
            self._in_user_code = False
            if self._stop_reason is not None:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            self._in_user_code = False
            return self._interrupted(reporter)
        except TowpathError as e:
            return self._ended_early(reporter, Failed(f"{e.message} ({e.code})"))
        except SystemExit as e:
            return self._ended_early(reporter, Failed(f"The flow's code ended the process while it was loaded (exit status {e.code})."))
        except Exception as e:
            import traceback

            traceback.print_exc()
            return self._ended_early(reporter, Failed(f"The flow's code could not be loaded: {type(e).__name__}: {e}"))
        try:
            return self._flow_run.run()
        except TowpathError as e:
            return self._ended_early(reporter, Failed(f"{e.message} ({e.code})"))
        except KeyboardInterrupt:  # the wish to stop came as the engine was ending the run by itself
            if is_final(reporter.last_flow_state or ""):
                return State.from_dict({"type": reporter.last_flow_state})
            return self._interrupted(reporter)

    def _interrupted(self, reporter: BackendReporter) -> State:
        if self._leaving:
            return Running(self._stop_reason)
        return self._ended_early(reporter, Cancelled(self._stop_reason or "The run was cancelled."))

    def _ended_early(self, reporter: BackendReporter, state: State) -> State:
        reporter.flow_state(state, datetime.now(UTC))
        print(f"towpath: {state.message}", file=sys.stderr, flush=True)
        return state

    def _load(self, begun: dict[str, Any]) -> Any:
        run, code = begun["run"], begun["code"]
        if code is None:
            raise TowpathError(Code.FLOW_CODE_MISSING, f"The API has no code for flow {run['flow_name']!r}; register the flow again.")
        known = code["blob"] is None
        blob = self._cache.read(code["hash"]) if known else base64.b64decode(code["blob"])
        if blob is None:
            raise TowpathError(Code.FLOW_CODE_MISSING, "The flow's code has just vanished from this machine's cache; restart the run.")
        if hashlib.sha256(blob).hexdigest() != code["hash"]:
            raise TowpathError(Code.BAD_SIGNATURE, f"The code of flow {run['flow_name']!r} is not what its hash says, so it is not run.")
        keys.TrustStore.load(self._settings).verify(
            code_sha256=code["hash"],
            signature=base64.b64decode(code["signature"]) if code["signature"] else None,
            key_id=code["key_id"],
            tenant_id=run["tenant_id"],
            flow_name=run["flow_name"],
            offered=code.get("public_key"),
        )
        if not known:
            self._cache.write(code["hash"], blob, flow_id=run["flow_id"])
        with context(running_with_backend=True):  # a storage's secrets are those of the API
            flow = load_code(blob)
        if flow.name != run["flow_name"]:
            raise TowpathError(Code.BAD_FLOW, f"The signed code holds another flow than {run['flow_name']!r}; register the flow again.")
        return flow

    def _prepare(
        self, flow: Any, run: dict[str, Any], task_runs: list[dict[str, Any]], reporter: BackendReporter, limits: BackendLimits
    ) -> FlowRun:
        begun = [t for t in task_runs if t.get("state") and t["state"]["type"] != "Pending"]
        states = {(t["slug"], t["map_index"]): State.from_dict(t["state"]) for t in begun}
        ids = {(t["slug"], t["map_index"]): t["id"] for t in task_runs}
        context = {
            **(run["context"] or {}),
            "flow_run_id": run["id"],
            "flow_run_name": run["name"],
            "flow_run_version": run["version"],
            "flow_run_attempt": run["attempt"],
            "flow_id": run["flow_id"],
            "project_id": run["project_id"],
            "project_name": run["project_name"],
            "running_with_backend": True,
        }
        return FlowRun(
            flow,
            parameters=run["parameters"],
            reporter=reporter,
            context=context,
            task_context=lambda slug, index: {"task_run_id": ids[slug, index]} if (slug, index) in ids else {},
            state=_found(run["state"]),
            initial_states=states,
            checkpointing=True,
            default_result=LocalResult(dir=str(self._settings.home / "results"), validate_dir=False),
            start_time=datetime.fromisoformat(run["scheduled_start_time"]),
            max_wait=timedelta(seconds=RETRY_IN_PROCESS),
            cached_states=BackendCache(self._client, run["id"]),
            limits=limits,
        )

    # --------------------------------------------------------------------------------------------------------------------- from outside

    def _told(self) -> None:
        """SIGTERM came. The supervisor has said why before it sent that; from anybody else it does not mean the run."""
        reason = None
        with contextlib.suppress(OSError, ValueError), socket.socket(fileno=os.dup(self._status_fd)) as channel:
            for message in Lines().feed(channel.recv(4096, socket.MSG_DONTWAIT)):
                reason = message.get("cancel")
        self._stop(reason or _TOLD, leaving=reason is None)

    def _stop(self, reason: str, *, leaving: bool = False) -> None:
        """Cancel the run, or leave it; from a signal handler or the delivery's thread."""
        if self._stop_reason is None:
            self._stop_reason, self._leaving = reason, leaving
        if self._flow_run is not None and not self._in_user_code:
            (self._flow_run.leave if self._leaving else self._flow_run.cancel)(reason)
        elif self._in_user_code:
            import threading

            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _lost(self, why: TowpathError) -> None:
        """The run has another owner: end at once, say nothing more to the API."""
        print(f"towpath: this process stops, its run has another owner: {why.message} ({why.code})", file=sys.stderr, flush=True)
        self._say(Stage.REFUSED)
        leave(1)

    def _say(self, stage: Stage, **more: str) -> None:
        self._tell({"stage": str(stage), **more})

    def _tell(self, message: dict[str, Any]) -> None:
        if self._status_fd >= 0:
            try:
                os.write(self._status_fd, pack(message))
            except OSError:  # the supervisor is gone, and the kernel is about to end this process too
                self._status_fd = -1


def _enter_directory(run_config: Mapping[str, Any]) -> None:
    folder = run_config.get("working_dir")
    if not folder:
        return
    try:
        os.chdir(folder)
    except OSError as e:
        sentence = f"The working_dir {folder!r} of the run config cannot be entered on this machine: {e.strerror}."
        raise TowpathError(Code.BAD_RUN_CONFIG, sentence) from e
    sys.path.insert(0, os.getcwd())


def _found(state: Any) -> State | None:
    # the run is ours since begin_run, whatever waited before
    known = State.from_dict(state) if isinstance(state, dict) else None
    return None if isinstance(known, Scheduled) else known


def _waiting(end: State) -> State:
    """What the flow run becomes when only waiting is left: due again at the first retry, or paused."""
    states = [leaf for state in (end.result or {}).values() for leaf in (state.map_states if isinstance(state, Mapped) else [state])]
    due = [s.start_time for s in states if isinstance(s, Scheduled) and s.start_time is not None]
    if due:
        return Scheduled("Waits for a task run that is due later.", start_time=min(due))
    if any(isinstance(s, Paused) for s in states):
        return Paused("Waits until a paused task run is resumed.")
    unready = sum(isinstance(s, Pending) for s in states)
    return Failed(f"The run came to a stop with {unready} task runs that can never begin.")


def leave(status: int) -> NoReturn:
    """End this process now: standard streams are flushed, threads are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def run_forked(status_fd: int) -> int:
    """What a fork of the zygote does."""
    import atexit

    process = RunProcess(Identity.from_env(os.environ), Settings.from_env(), status_fd=status_fd)
    status = process.run()
    atexit._run_exitfuncs()  # user code may rely on them; os._exit does not call them
    leave(status)


def main() -> int:
    """What a fresh interpreter does."""
    try:
        return run_forked(int(os.environ.pop(STATUS_FD, "-1")))
    except TowpathError as e:
        print(f"towpath: {e.message} ({e.code})", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
