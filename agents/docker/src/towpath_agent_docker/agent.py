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

import threading
from collections.abc import Mapping
from typing import Any, Self

from towpath.agent.claims import ClaimedRun
from towpath.agent.endings import SHOWN_LINES, ending
from towpath.agent.images import check_image
from towpath.agent.installation import Installation
from towpath.agent.settings import AgentSettings
from towpath.agent.supervised import SupervisedAgent
from towpath.client.settings import Settings
from towpath_agent_docker import containers, policy
from towpath_agent_docker.engine import Engine
from towpath_agent_docker.settings import DockerSettings
from towpath_proto.errors import TowpathError


class DockerAgent(SupervisedAgent):
    """Runs flows as containers of a Docker engine.

    Args:
        settings: Name, labels and the like.
        docker: What only this kind can be told.
        client_settings: How to reach the API; the environment's when absent.
    """

    kind = "docker"
    run_config_types = ("DockerRun", "UniversalRun")

    def __init__(self, settings: AgentSettings, *, docker: DockerSettings | None = None, client_settings: Settings | None = None) -> None:
        self._docker = docker or DockerSettings()
        super().__init__(settings, max_runs=self._docker.max_runs, client_settings=client_settings)
        self._engine = Engine(self._docker.base_url, self._docker.timeout)

    def setup(self) -> None:
        """Connect to the engine, and find the containers of an agent before this one.

        Raises:
            TowpathError: `UNREACHABLE` without an engine.
        """
        version = self._engine.connect()
        self._adopt()
        runs = len(self.book)
        self.log.info("Docker engine %s at %s%s.", version, self._engine.address, f"; live containers: {runs}" if runs else "")
        threading.Thread(target=self._watch, name="towpath-docker-events", daemon=True).start()

    def teardown(self) -> None:
        """Let go of the engine. Containers go on."""
        super().teardown()
        self._engine.close()

    def deploy(self, run: ClaimedRun) -> None:
        """Check the run against the policy, and have its container started."""
        plan = containers.plan(run, self._docker, api_url=self.client_settings.api_url, trusted_keys=self.trusted_keys(), mark=self.mark)
        policy.check_host_config(run.run_config.get("host_config") or {}, self._docker.allowed_host_config)
        check_image(plan.image, self._docker.allowed_registries)
        self.start(run, lambda: self._launch(plan))

    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        """Stop the launch: the container gets SIGTERM and its grace."""
        container = self.book.unwanted(run.key)
        if container is not None:
            self.workers.submit(self._engine.stop, container, at_once=fenced)

    def renew_soon(self) -> None:
        """Have every container ask the API whether its run is to be stopped."""
        for container in self.book.handles():
            self.workers.submit(self._engine.signal, container, "SIGUSR1")

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

    @classmethod
    def install_options(cls) -> list[Any]:
        """Options of `towpath agent docker install` beyond those of `start`."""
        from towpath_agent_docker.service import OPTIONS

        return list(OPTIONS)

    @classmethod
    def installation(cls, wanted: Installation) -> str:
        """A Compose file: the agent, and a proxy between it and the engine."""
        from towpath_agent_docker.service import service

        return service(wanted)

    # ------------------------------------------------------------------------------------------------------------------------- starting

    def _launch(self, plan: containers.Plan) -> str:
        container = self._engine.start(plan, pull=self._docker.pull)
        if self._docker.show_flow_logs:
            threading.Thread(target=self._show, args=(container,), name="towpath-docker-logs", daemon=True).start()
        return container

    def discard(self, handle: str) -> None:
        """Stop the container."""
        self._engine.stop(handle, at_once=True)

    def short(self, handle: str) -> str:
        """As docker shows containers."""
        return handle[:12]

    def _show(self, container: str) -> None:
        for line in self._engine.follow(container):
            print(line, flush=True)

    # --------------------------------------------------------------------------------------------------------------------------- ending

    def _adopt(self) -> None:
        """Know the containers that are there; take care of those that have ended."""
        for found in self._engine.all(self.mark):
            run = ClaimedRun.from_marks(found.labels, containers.LABEL)
            if run is None:
                continue
            if found.running:
                self.adopt(run, found.id)
            else:
                self.workers.submit(self._end, found.id, run)

    def _watch(self) -> None:
        while not self.stopping:
            try:
                for container, labels in self._engine.ends(self.mark, connected=self._adopt, stop=self._stopping):
                    run = ClaimedRun.from_marks(labels, containers.LABEL)
                    if run is not None and not self.stopping:
                        self.workers.submit(self._end, container, run)
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
        self.ended(run, container, verdict, output)
        if not self._docker.keep:
            self._engine.remove(container)
