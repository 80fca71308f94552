"""The Docker agent: runs flows as containers.

Failure cases:
* The engine is away: launches are given back with the reason, containers that ended meanwhile are found when it is back.
* The agent dies: containers go on, their own supervisors renew their leases. The next agent of the same name finds them by their labels,
  renews the leases of those that have not begun, and takes care of those that have ended.
* A container ends without a word (out of memory, killed, no Towpath in its image): the API is asked whether the run had begun. It is given
  back, or reported Failed with what the engine knows and the container's last lines.
* A run got another owner: its container is stopped and nothing is reported.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Self

from towpath.agent import documents
from towpath.agent.base import CALL_TIMEOUT, Agent, CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.settings import AgentSettings
from towpath.client.client import Client
from towpath.client.keys import TrustStore
from towpath.client.settings import Settings
from towpath.runner.supervision import REPORT
from towpath_agent_docker import containers, policy
from towpath_agent_docker.endings import SHOWN_LINES, Duty, Ending, ending
from towpath_agent_docker.engine import Engine
from towpath_agent_docker.settings import DockerSettings
from towpath_proto.errors import TowpathError
from towpath_proto.timers import CANCEL_GRACE

WORKERS = 8
"""Containers that are started or looked after at once; an image that is being pulled takes one."""


class DockerAgent(Agent):
    """Runs flows as containers of a Docker engine.

    Args:
        settings: Name, labels and the like.
        docker: What only this kind can be told.
        client_settings: How to reach the API; the environment's when absent.
    """

    kind = "docker"
    run_config_types = ("DockerRun", "UniversalRun")

    def __init__(self, settings: AgentSettings, *, docker: DockerSettings | None = None, client_settings: Settings | None = None) -> None:
        super().__init__(settings, client_settings=client_settings)
        self._docker = docker or DockerSettings()
        self._engine = Engine(self._docker.base_url, self._docker.timeout)
        self._mark = containers.scope(self.client_settings.api_url, settings.name)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="towpath-docker")
        self._containers: dict[tuple[str, int], str | None] = {}  # of live runs; None while there is none yet
        self._unwanted: set[tuple[str, int]] = set()
        self._guard = threading.Lock()
        self._reports = Client(settings=self.client_settings)

    def setup(self) -> None:
        """Connect to the engine, and find the containers of an agent before this one.

        Raises:
            TowpathError: `UNREACHABLE` without an engine.
        """
        version = self._engine.connect()
        self._adopt()
        with self._guard:
            runs = len(self._containers)
        self.log.info("Docker engine %s at %s%s.", version, self._engine.address, f"; live containers: {runs}" if runs else "")
        threading.Thread(target=self._watch, name="towpath-docker-events", daemon=True).start()

    def teardown(self) -> None:
        """Let go of the engine. Containers go on."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._engine.close()
        self._reports.close()

    def capacity(self) -> int:
        """Places that are free."""
        with self._guard:
            return self._docker.max_runs - len(self._containers)

    def deploy(self, run: ClaimedRun) -> None:
        """Check the run against the policy, and have its container started."""
        plan = containers.plan(
            run,
            self._docker,
            api_url=self.client_settings.api_url,
            trusted_keys=" ".join(key.text for key in TrustStore.load(self.client_settings).keys.values()),
            mark=self._mark,
        )
        policy.check_host_config(run.run_config.get("host_config") or {}, self._docker.allowed_host_config)
        policy.check_image(plan.image, self._docker.allowed_registries)
        with self._guard:
            self._containers[run.key] = None
        self._workers.submit(self._start, run, plan)

    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        """Stop the launch: the container gets SIGTERM and its grace."""
        with self._guard:
            container = self._containers.get(run.key)
            self._unwanted.add(run.key)
        if container is not None:
            self._workers.submit(self._engine.stop, container, 0 if fenced else CANCEL_GRACE)

    def renew_soon(self) -> None:
        """Have every container ask the API whether its run is to be stopped."""
        with self._guard:
            found = [container for container in self._containers.values() if container is not None]
        for container in found:
            self._workers.submit(self._engine.signal, container, "SIGUSR1")

    # ----------------------------------------------------------------------------------------------------------------- the command line

    @classmethod
    def command_options(cls) -> list[Any]:
        """Options of `towpath agent docker start`."""
        from towpath_agent_docker.options import OPTIONS

        return list(OPTIONS)

    @classmethod
    def from_command(cls, settings: AgentSettings, client_settings: Settings, options: Mapping[str, Any]) -> Self:
        """An agent as the command line describes it."""
        from towpath_agent_docker.options import read

        return cls(settings, docker=read(options), client_settings=client_settings)

    # ------------------------------------------------------------------------------------------------------------------------- starting

    def _start(self, run: ClaimedRun, plan: containers.Plan) -> None:
        try:
            container = self._engine.start(plan, pull=self._docker.pull)
        except CannotStartError as e:
            self._gone(run.key)
            self.run_not_begun(run.id, run.fence, str(e))
            return
        except Exception as e:
            self.log.exception("The container of flow run %s could not be started.", run.id)
            self._gone(run.key)
            self.run_not_begun(run.id, run.fence, f"{type(e).__name__}: {e}")
            return
        self.log.info("Flow run %s is container %s.", run.name, container[:12])
        with self._guard:
            unwanted = run.key in self._unwanted
            if run.key in self._containers:  # else it has ended already
                self._containers[run.key] = container
        if unwanted:
            self._engine.stop(container, 0)
        elif self._docker.show_flow_logs:
            threading.Thread(target=self._show, args=(container,), name="towpath-docker-logs", daemon=True).start()

    def _show(self, container: str) -> None:
        for line in self._engine.follow(container):
            print(line, flush=True)

    # --------------------------------------------------------------------------------------------------------------------------- ending

    def _adopt(self) -> None:
        """Know the containers that are there; take care of those that have ended."""
        for found in self._engine.all(self._mark):
            run = containers.claimed(found.labels)
            if run is None:
                continue
            if not found.running:
                self._workers.submit(self._end, found.id, run)
                continue
            with self._guard:
                known = run.key in self._containers
                self._containers[run.key] = found.id
            if not known and self.launching.add(run):
                # whether it has begun its run the first renewal will tell; until then its lease is this agent's
                self.launching.mark_deployed(run)

    def _watch(self) -> None:
        while not self.stopping:
            try:
                for container, labels in self._engine.ends(self._mark, connected=self._adopt, stop=self._stopping):
                    run = containers.claimed(labels)
                    if run is not None and not self.stopping:
                        self._workers.submit(self._end, container, run)
            except TowpathError as e:
                self.log.warning("%s The agent keeps trying.", e.message)
            except RuntimeError:  # the workers have been shut down
                return
            self._stopping.wait(1.0)

    def _end(self, container: str, run: ClaimedRun) -> None:
        ended = self._engine.ended(container)
        if ended is None:
            return
        output = self._engine.output(container, SHOWN_LINES)
        verdict = ending(ended.status, oom=ended.oom, error=ended.error, memory_limit=ended.memory_limit, output=output)
        with self._guard:
            unwanted = run.key in self._unwanted
        if verdict.duty is not Duty.NOTHING and not unwanted:
            self.log.warning("The container %s of flow run %s %s.", container[:12], run.name, verdict.reason)
            self._settle(run, verdict, output)
        self.run_begun(run.id, run.fence)  # whatever it was, nothing of it is launching any more
        self._gone(run.key)
        if not self._docker.keep:
            self._engine.remove(container)
        self.look_again()

    def _gone(self, key: tuple[str, int]) -> None:
        with self._guard:
            self._containers.pop(key, None)
            self._unwanted.discard(key)

    def _settle(self, run: ClaimedRun, verdict: Ending, output: list[str]) -> None:
        """Give the run back if it has not begun, report it Failed if it has; nothing when it is not this claim's any more."""
        answer = self._ask(documents.RENEW, {"input": {"leases": [{"flow_run_id": run.id, "fence": run.fence}]}})
        phase = answer["renew_leases"]["results"][0].get("phase") if answer else None
        if phase == "running" and verdict.duty is Duty.FIND_OUT:
            self._report(run, verdict.reason, output)
        elif phase == "launching":
            self.launching.add(run)  # a container that was found by its labels may not be in the book
            self.run_not_begun(run.id, run.fence, f"its container {verdict.reason}" if verdict.duty is Duty.FIND_OUT else verdict.reason)

    def _report(self, run: ClaimedRun, reason: str, output: list[str]) -> None:
        at = datetime.now(UTC).isoformat()
        lines = [{"timestamp": at, "level": "ERROR", "name": "towpath.agent.docker", "message": line} for line in output]
        batch = {
            "flow_run_id": run.id,
            "fence": run.fence,
            "reporter": "supervisor",
            "sequence": 1,  # of the only report of a supervisor: the container's own, if it came before this, stands
            "states": [{"timestamp": at, "state": {"type": "Failed", "message": reason}}],
            "logs": lines,
        }
        self._ask(REPORT, {"input": batch})

    def _ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """An answer of the API, waited for while the API is away as long as the lease may last; empty when it refuses."""
        with contextlib.suppress(TowpathError):
            return self._reports.graphql(document, variables, timeout=CALL_TIMEOUT, patience=60.0)
        return {}
