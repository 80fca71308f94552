"""`Agent`: finds the runs that it may run, claims them, and has them started. What "started" means is for the kinds to say.

Failure cases:
* The API is away: the agent says so once, tries again with a growing pause, and says once that it is back. Its launching leases are renewed
  as soon as possible; the reap gate of the API keeps them meanwhile.
* A hint is lost, or there is no subscription at all: it looks every five seconds, and exactly when the next run falls due.
* A run cannot be started here: it is given back with the reason. The API pauses before it offers it again and counts it as a life.
* The agent is stopped: it claims nothing more, gives back what it has claimed and not yet started, and leaves running runs alone.
* A claim that the API says is not ours any more (or is to be stopped) is cancelled wherever it got to.

Three threads: the main one claims and deploys; the *doorbell* listens to `agent_work`; the *keeper* renews the leases of launching runs and
gives runs back. A run is deployed once per claim: the book of launching runs refuses a second entry.
"""

from __future__ import annotations

import abc
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from towpath.agent import documents
from towpath.agent.claims import ClaimedRun, Launching
from towpath.agent.installation import Installation
from towpath.agent.settings import AgentSettings
from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath.client.transport import backoff
from towpath_proto.errors import Code, TowpathError
from towpath_proto.timers import BEAT, LAUNCH_DEADLINE_CONTAINER

CALL_TIMEOUT = 8.0
"""Seconds for one call: below the lease, so that a hung API leaves time for another try."""
MOST_PARENTS = 200
"""Runs that a claim may name to get a child of each."""


class CannotStartError(Exception):
    """`deploy` raises it when a run cannot be started here; its text is the reason that people read."""


class Agent(abc.ABC):
    """An agent of one kind.

    Args:
        settings: Name, labels and the like.
        client_settings: How to reach the API; the environment's when absent.
    """

    kind: ClassVar[str]
    """The kind's name, as in `towpath agent <kind> start`."""
    run_config_types: ClassVar[tuple[str, ...]] = ("UniversalRun",)
    """Types of run config that it can start."""
    launch_deadline: ClassVar[float] = LAUNCH_DEADLINE_CONTAINER
    """Seconds within which a claimed run must have begun."""

    def __init__(self, settings: AgentSettings, *, client_settings: Settings | None = None) -> None:
        self.settings = settings
        self.client_settings = client_settings or Settings.from_env()
        self.log = logging.getLogger(f"towpath.agent.{self.kind}")
        self.launching = Launching()
        self.agent_id: str | None = None
        self._client = Client(settings=self.client_settings)
        self._keeper_client = Client(settings=self.client_settings)
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._keeper_bell = threading.Event()
        self._to_release: queue.SimpleQueue[tuple[ClaimedRun, str]] = queue.SimpleQueue()
        self._listening = False
        self._renew_now = False
        self._trouble: str | None = None
        self._claimed = 0

    # ------------------------------------------------------------------------------------------------------------------ for the kinds

    @abc.abstractmethod
    def deploy(self, run: ClaimedRun) -> None:
        """Ask for the run's process, once. Return soon: it need not have begun yet.

        Raises:
            CannotStartError: It cannot be started here; it is given back with this reason.
        """

    @abc.abstractmethod
    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        """Stop a launching run's process if there is one. With `fenced` the run has another owner: nothing must be reported."""

    def setup(self) -> None:  # noqa: B027  (a kind may need nothing)
        """Get ready, before the first claim."""

    def teardown(self) -> None:  # noqa: B027
        """Let go of what `setup` took. Running runs are left alone."""

    def capacity(self) -> int:
        """How many more runs may be claimed now."""
        return 20

    def childless(self) -> list[str]:
        """Flow runs of this agent that may wait for a child: without room it claims one child of each all the same."""
        return []

    def renew_soon(self) -> None:  # noqa: B027
        """Some run is to be stopped: have the supervisors of running runs renew their leases now, since the answer tells them."""

    # ------------------------------------------------------------------------------------------------- what the kinds tell the base class

    def run_begun(self, flow_run_id: str, fence: int) -> None:
        """The run's process has begun it: another holds its lease now."""
        self.launching.take(flow_run_id, fence)

    def run_not_begun(self, flow_run_id: str, fence: int, reason: str) -> None:
        """The run's process ended before it began the run: give it back."""
        run = self.launching.take(flow_run_id, fence)
        if run is not None:
            # by the keeper: this may be a thread that has to go on reading
            self._to_release.put((run, reason))
            self._keeper_bell.set()

    def look_again(self) -> None:
        """Something changed (a place became free): claim without waiting for the sweep."""
        self._bell.set()

    # ----------------------------------------------------------------------------------------------------------------- the command line

    @classmethod
    def command_options(cls) -> list[Any]:
        """Further options of `towpath agent <kind> start`, as `click.Option`s."""
        return []

    @classmethod
    def install_options(cls) -> list[Any]:
        """Options of `towpath agent <kind> install` beyond those of `start`, as `click.Option`s."""
        return []

    @classmethod
    def installation(cls, wanted: Installation) -> str:
        """The text of what keeps such an agent running: a unit, a service, manifests. It never holds the API key."""
        raise TowpathError(Code.BAD_SETTING, f"The {cls.kind} agent has no installation to print; run `towpath agent {cls.kind} start`.")

    @classmethod
    def from_command(cls, settings: AgentSettings, client_settings: Settings, options: Mapping[str, Any]) -> Self:
        """An agent as the command line describes it; `options` are the values of `command_options`."""
        return cls(settings, client_settings=client_settings)

    # ----------------------------------------------------------------------------------------------------------------------------- life

    def run(self) -> None:
        """Work until `stop` is called, from any thread or a signal handler."""
        threads = [
            threading.Thread(target=self._listen, name="towpath-agent-doorbell", daemon=True),
            threading.Thread(target=self._keep, name="towpath-agent-keeper", daemon=True),
        ]
        page = self._open_page()
        self.setup()
        try:
            if not self._register():
                return
            for thread in threads:
                thread.start()
            self._work()
        finally:
            self.stop()
            for run in self.launching.undeployed():
                if self.launching.take(run.id, run.fence) is not None:
                    self._release(run, "the agent was stopped")
            for thread in threads:
                if thread.is_alive():
                    thread.join(timeout=2)
            self.teardown()
            if page is not None:
                page.close()
            self._client.close()
            self._keeper_client.close()
            self.log.info("Agent %s has stopped; runs that it started go on.", self.settings.name)

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping.set()
        self._bell.set()
        self._keeper_bell.set()

    @property
    def stopping(self) -> bool:
        """Whether the agent is being stopped."""
        return self._stopping.is_set()

    def health(self) -> dict[str, Any]:
        """What its health page shows."""
        return {
            "status": "ok" if self._trouble is None else "degraded",
            "kind": self.kind,
            "name": self.settings.name,
            "agent_id": self.agent_id,
            "labels": list(self.settings.labels),
            "api_url": self.client_settings.api_url,
            "launching": len(self.launching),
            "claimed": self._claimed,
            "listening": self._listening,
            "trouble": self._trouble,
        }

    def _open_page(self) -> Any:
        if self.settings.address is None:
            return None
        from towpath.agent.page import HealthPage

        return HealthPage(self.settings.address, self.health)

    # ------------------------------------------------------------------------------------------------------------------------ main thread

    def _register(self) -> bool:
        """Make this agent known; False when it was stopped before it succeeded."""
        value = {
            "type": self.kind,
            "name": self.settings.name,
            "labels": list(self.settings.labels),
            "address": f"http://{self.settings.address}" if self.settings.address else None,
        }
        answer = self._until_it_answers(documents.REGISTER, {"input": {k: v for k, v in value.items() if v is not None}})
        if answer is None:
            return False
        self.agent_id = answer["register_agent"]["id"]
        served = ", ".join(self.settings.labels) or "none, so it runs flow runs without labels"
        self.log.info("Agent %s registered at %s (labels: %s).", self.settings.name, self.client_settings.api_url, served)
        return True

    def _until_it_answers(self, document: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        attempt = 0
        while not self._stopping.is_set():
            try:
                answer = self._client.graphql(document, variables, timeout=CALL_TIMEOUT, patience=0)
            except TowpathError as e:
                if e.code not in _PASSING:
                    raise
                self._say_trouble(e)
                self._stopping.wait(backoff(attempt, first=0.5, longest=10.0))
                attempt += 1
            else:
                self._say_well()
                return answer
        return None

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            wait = self._claim()
            if wait > 0:
                self._bell.wait(wait)

    def _claim(self) -> float:
        """Claim and deploy; returns how long to wait before the next claim."""
        room = min(20, self.capacity())
        value = {
            "agent_id": self.agent_id,
            "labels": list(self.settings.labels),
            "run_config_types": list(self.run_config_types),
            "limit": max(0, room),
            "children_of": self.childless()[:MOST_PARENTS] if room <= 0 else [],
            "launch_deadline": int(self.launch_deadline),
        }
        asked = time.monotonic()
        try:
            answer = self._until_it_answers(documents.CLAIM, {"input": value})
        except TowpathError as e:
            if e.code == Code.NOT_FOUND:  # the agent was deleted while it lived: make it known again
                return 0.0 if self._register() else self.settings.sweep
            self.log.error("The API refuses this agent's claims: %s (%s)", e.message, e.code)
            return self.settings.sweep
        if answer is None:
            return 0.0
        claim = answer["claim_flow_runs"]
        for row in claim["runs"]:
            self._deploy(ClaimedRun.from_answer(row))
        if room > 0 and len(claim["runs"]) >= room:
            return 0.0
        return _wait(claim, sweep=self.settings.sweep, since=time.monotonic() - asked)

    def _deploy(self, run: ClaimedRun) -> None:
        if not self.launching.add(run):
            return
        self._claimed += 1
        if self._stopping.is_set():
            return  # given back by `run`
        self.log.info("Starting flow run %s (%s) of %s.", run.name, run.id, run.flow_name)
        self.launching.mark_deployed(run)
        try:
            self.deploy(run)
        except CannotStartError as e:
            self.run_not_begun(run.id, run.fence, str(e))
        except Exception as e:
            self.log.exception("Flow run %s (%s) could not be started.", run.name, run.id)
            self.run_not_begun(run.id, run.fence, f"{type(e).__name__}: {e}")

    def _release(self, run: ClaimedRun, reason: str) -> None:
        self.log.warning("Giving back flow run %s (%s): %s", run.name, run.id, reason)
        value = {"flow_run_id": run.id, "fence": run.fence, "reason": reason}
        try:
            self._keeper_client.graphql(documents.RELEASE, {"input": value}, timeout=CALL_TIMEOUT, patience=2.0)
        except TowpathError as e:
            # its lease runs out and the API offers it again by itself
            self.log.warning("Flow run %s could not be given back: %s (%s)", run.id, e.message, e.code)

    # --------------------------------------------------------------------------------------------------------------------- other threads

    def _listen(self) -> None:
        """Ring the bell when the API has work for this agent."""

        def connected() -> None:
            self._listening = True
            self._bell.set()  # hints before now may have been missed

        def disconnected(_: Exception) -> None:
            self._listening = False

        while not self._stopping.is_set():
            try:
                for event in self._client.subscribe(
                    documents.WORK, {"id": self.agent_id}, stop=self._stopping, on_connect=connected, on_disconnect=disconnected
                ):
                    self._hear(event.get("agent_work") or {})
            except TowpathError as e:
                self._listening = False
                self.log.warning("No hints from the API (%s); looking for work every %g s instead.", e.message, self.settings.sweep)
            self._stopping.wait(30)

    def _hear(self, hint: dict[str, Any]) -> None:
        if hint.get("reason") == "cancel":
            # a hint is not the truth: the answer to a renewal is
            self._renew_now = True
            self._keeper_bell.set()
            self.renew_soon()
        else:
            self._bell.set()

    def _keep(self) -> None:
        """Give back what could not be started; renew the leases of launching runs, all in one call."""
        renew_at = time.monotonic() + BEAT
        while not self._stopping.is_set():
            self._keeper_bell.wait(max(0.0, renew_at - time.monotonic()))
            self._keeper_bell.clear()
            while not self._to_release.empty():
                self._release(*self._to_release.get())
            if self._renew_now or time.monotonic() >= renew_at:
                self._renew_now = False
                renew_at = time.monotonic() + BEAT
                runs = self.launching.all()
                if runs:
                    self._renew(runs)

    def _renew(self, runs: list[ClaimedRun]) -> None:
        leases = [{"flow_run_id": run.id, "fence": run.fence} for run in runs]
        try:
            answer = self._keeper_client.graphql(documents.RENEW, {"input": {"leases": leases}}, timeout=CALL_TIMEOUT / 2, patience=2.0)
        except TowpathError as e:
            self.log.debug("Leases could not be renewed: %s (%s)", e.message, e.code)
            return
        results = {row["flow_run_id"]: row for row in answer["renew_leases"]["results"]}
        for run in runs:
            self._judge(run, results.get(run.id) or {})

    def _judge(self, run: ClaimedRun, result: dict[str, Any]) -> None:
        if result.get("phase") == "running":
            # a process that this agent cannot hear has begun it; the next renewal is that process's
            self.run_begun(run.id, run.fence)
        gone = result.get("status") in ("FENCED", "FINISHED", "NOT_FOUND")
        if (gone or result.get("cancel")) and self.launching.take(run.id, run.fence) is not None:
            reason = "The run is not this agent's any more" if gone else "The run was cancelled"
            self.log.info("Stopping the launch of flow run %s: %s.", run.id, reason)
            try:
                self.cancel(run, reason, fenced=gone)
            except Exception:
                self.log.exception("The launch of flow run %s could not be stopped.", run.id)

    # --------------------------------------------------------------------------------------------------------------------------- trouble

    def _say_trouble(self, error: TowpathError) -> None:
        news, self._trouble = self._trouble is None, f"{error.message} ({error.code})"
        if news:  # said after the health page knows it
            self.log.warning("%s The agent keeps trying.", error.message)

    def _say_well(self) -> None:
        news, self._trouble = self._trouble is not None, None
        if news:
            self.log.info("The API at %s answers again.", self.client_settings.api_url)


_PASSING = {Code.UNREACHABLE, Code.UNAVAILABLE, Code.TIMEOUT, Code.INTERNAL, Code.API_ERROR, Code.LIMIT_EXCEEDED}


def _wait(claim: dict[str, Any], *, sweep: float, since: float, parse: Callable[[str], datetime] = datetime.fromisoformat) -> float:
    """Seconds until the next claim: until the next run is due on the database's clock, and at most one sweep."""
    if claim.get("next_due") is None:
        return sweep
    ahead = (parse(claim["next_due"]) - parse(claim["now"])).total_seconds()
    # a run that is due and yet was not given to us is another agent's, or waits for a lock: no tight loop
    return min(sweep, max(ahead - since, 0.001)) if ahead > 0 else 0.25
