"""The local agent: runs flows as processes of this machine.

It starts no process itself. It hands each claim to the runner of its directory (see `towpath.runner`), which forks and supervises the
run, and which outlives the agent: an agent that is started again finds the same runner and its runs.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Self

from towpath.agent.base import Agent, CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.installation import Installation
from towpath.agent.settings import AgentSettings
from towpath.client.settings import Settings
from towpath.runner import place
from towpath.runner.launch import Launch
from towpath.runner.link import RunnerLink
from towpath_agent_local.output import OutputTail
from towpath_agent_local.settings import LocalSettings
from towpath_proto.errors import TowpathError
from towpath_proto.timers import LAUNCH_DEADLINE_LOCAL


class LocalAgent(Agent):
    """Runs flows as processes of this machine.

    Args:
        settings: Name, labels and the like.
        local: What only this kind can be told.
        client_settings: How to reach the API; the environment's when absent.
    """

    kind = "local"
    run_config_types = ("LocalRun", "UniversalRun")
    launch_deadline = LAUNCH_DEADLINE_LOCAL

    def __init__(self, settings: AgentSettings, *, local: LocalSettings | None = None, client_settings: Settings | None = None) -> None:
        super().__init__(settings, client_settings=client_settings)
        self._local = local or LocalSettings()
        self.directory = self._local.directory or place.default_directory(self.client_settings.home, self.client_settings.api_url)
        self._alive: dict[tuple[str, int], str | None] = {}  # with the run that each was created by
        self._guard = threading.Lock()
        self._tail: OutputTail | None = None
        self._link = RunnerLink(
            self.directory, self.client_settings, on_message=self._on_message, on_connect=self._on_connect, on_lost=self._on_lost
        )

    def setup(self) -> None:
        """Find or start the runner now, so that the first run does not wait for it."""
        greeting = self._link.connect()
        if self._local.show_flow_logs:
            self._tail = OutputTail(self.directory / place.OUTPUT)
        runs = len(greeting["runs"])
        self.log.info("Runner process %s in %s%s.", greeting["pid"], self.directory, f"; its live runs: {runs}" if runs else "")

    def teardown(self) -> None:
        """Leave the runner to itself."""
        self._link.close()
        if self._tail is not None:
            self._tail.close()

    def capacity(self) -> int:
        """Places that are free. A run and its first child count as one, for the run may be waiting for it."""
        return self._local.max_runs - len(self.childless())

    def childless(self) -> list[str]:
        """The live runs without a live child here."""
        with self._guard:
            parents = set(self._alive.values())
            return [run for run, _ in self._alive if run not in parents]

    def deploy(self, run: ClaimedRun) -> None:
        """Hand the run to the runner."""
        config = run.run_config
        env = {**run.trace, **self._local.env, **{k: v for k, v in (config.get("env") or {}).items() if v is not None}}
        launch = Launch(
            flow_run_id=run.id,
            fence=run.fence,
            run_token=run.run_token,
            name=run.name,
            flow_id=run.flow_id,
            env=env,
            deadline=self.launch_deadline,
        )
        with self._guard:
            self._alive[run.key] = run.parent
        try:
            answer = self._link.launch(launch)
        except TowpathError as e:
            self._gone(run.key)
            raise CannotStartError(e.message) from e
        if answer["op"] == "refused":
            self._gone(run.key)
            raise CannotStartError(answer["reason"])

    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        """Have the runner stop it."""
        self._link.cancel(run.id, run.fence, reason=reason, fenced=fenced)

    def renew_soon(self) -> None:
        """Have the runner renew its leases now."""
        self._link.renew_soon()

    # ----------------------------------------------------------------------------------------------------------------- the command line

    @classmethod
    def command_options(cls) -> list[Any]:
        """Options of `towpath agent local start`."""
        from towpath_agent_local.options import OPTIONS

        return list(OPTIONS)

    @classmethod
    def from_command(cls, settings: AgentSettings, client_settings: Settings, options: Mapping[str, Any]) -> Self:
        """An agent as the command line describes it."""
        from towpath_agent_local.options import read

        return cls(settings, local=read(options), client_settings=client_settings)

    @classmethod
    def install_options(cls) -> list[Any]:
        """Options of `towpath agent local install` beyond those of `start`."""
        from towpath_agent_local.unit import OPTIONS

        return list(OPTIONS)

    @classmethod
    def installation(cls, wanted: Installation) -> str:
        """A systemd unit."""
        from towpath_agent_local.unit import unit

        return unit(wanted)

    # ------------------------------------------------------------------------------------------------------------- what the runner says

    def _on_connect(self, greeting: dict[str, Any]) -> None:
        alive = {(str(r["flow_run_id"]), int(r["fence"])): r["stage"] for r in greeting["runs"]}
        with self._guard:
            self._alive = {key: self._alive.get(key) for key in alive}
        for run in self.launching.all():
            if alive.get(run.key, "starting") not in ("starting", "beginning"):
                self.run_begun(*run.key)

    def _on_message(self, message: dict[str, Any]) -> None:
        key = (str(message.get("flow_run_id")), int(message.get("fence") or 0))
        if message["op"] == "stage" and message["stage"] in ("begun", "final", "refused"):
            self.run_begun(*key)
        elif message["op"] == "ended":
            self._gone(key)
            if message["ended"] == "unbegun":
                self.run_not_begun(*key, reason=message["reason"])
            else:
                self.run_begun(*key)
            self.look_again()

    def _gone(self, key: tuple[str, int]) -> None:
        with self._guard:
            self._alive.pop(key, None)

    def _on_lost(self) -> None:
        if not self.stopping:
            self.log.warning("The runner process of %s has ended; the next run starts another.", self.directory)
            with self._guard:
                self._alive.clear()
            for run in self.launching.all():
                self.run_not_begun(run.id, run.fence, "the runner process of this machine ended before the run began")
            self.look_again()
