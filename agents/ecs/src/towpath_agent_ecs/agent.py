"""The ECS agent: runs flows as tasks of Amazon ECS, on EC2 or Fargate.

Failure cases:
* No room, throttled, or AWS away: the launch is tried again with a growing pause, and given back with the reason before its deadline.
* A call's answer is lost: the call is made again with the same clientToken, which AWS answers with the same task.
* The agent dies: tasks go on, their own supervisors renew their leases. The next agent of the same name finds them by `startedBy` and their
  tags, renews the leases of those that have not begun, and takes care of those that stopped within the last hour (ECS forgets older ones).
* A task stops without a word (image not to be had, out of memory, Spot interruption): the API is asked whether the run had begun. It is
  given back, or reported Failed with what ECS knows.
* A run got another owner: its task is stopped and nothing is reported.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import yaml

from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.endings import Ending
from towpath.agent.images import check_image, wanted_image
from towpath.agent.inside import environment
from towpath.agent.installation import Installation
from towpath.agent.settings import AgentSettings
from towpath.agent.supervised import SupervisedAgent
from towpath.client.settings import Settings
from towpath.client.transport import backoff
from towpath_agent_ecs import policy, tasks
from towpath_agent_ecs.aws import AWS, BATCH, NotNowError
from towpath_agent_ecs.endings import GONE, stopped
from towpath_agent_ecs.settings import FARGATE, ECSSettings
from towpath_proto.errors import Code, TowpathError
from towpath_proto.timers import LAUNCH_DEADLINE_CONTAINER

PATIENCE = LAUNCH_DEADLINE_CONTAINER / 2
"""Seconds for which a launch is tried again; the rest of its deadline is for the image and the start."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0


@dataclass(slots=True)
class _Launch:
    run: ClaimedRun
    since: float
    attempt: int = 0  # of calls that AWS takes for different ones
    tries: int = 0
    due: float = 0.0


@dataclass(slots=True)
class _Watched:
    run: ClaimedRun
    missing: int = field(default=0)


class ECSAgent(SupervisedAgent):
    """Runs flows as tasks of Amazon ECS.

    Args:
        settings: Name, labels and the like.
        ecs: What only this kind can be told.
        client_settings: How to reach the API; the environment's when absent.
    """

    kind = "ecs"
    run_config_types = ("ECSRun", "UniversalRun")
    thing = "task"

    def __init__(self, settings: AgentSettings, *, ecs: ECSSettings | None = None, client_settings: Settings | None = None) -> None:
        self._ecs = ecs or ECSSettings()
        super().__init__(settings, max_runs=self._ecs.max_runs, client_settings=client_settings)
        self._aws = AWS(self._ecs.region)
        self._started_by = tasks.started_by(self.mark)
        self._guard = threading.Lock()
        self._waiting: list[_Launch] = []
        self._watched: dict[str, _Watched] = {}  # by ARN
        self._stirred = threading.Event()
        self._adopted = False

    def setup(self) -> None:
        """Ask AWS for the tasks of an agent before this one.

        Raises:
            TowpathError: `BAD_SETTING` when AWS refuses that for good. One that cannot answer now is asked again later.
        """
        try:
            self._adopt()
        except CannotStartError as e:
            raise TowpathError(Code.BAD_SETTING, f"{e}. Check the credentials, --region and --cluster {self._ecs.cluster}.") from e
        except NotNowError as e:
            self.log.warning("%s. The agent keeps trying.", e)
        live = len(self.book)
        self.log.info("ECS cluster %s at %s%s.", self._ecs.cluster, self._aws.address, f"; live tasks: {live}" if live else "")
        threading.Thread(target=self._watch, name="towpath-ecs-watch", daemon=True).start()

    def stop(self) -> None:
        """End `run` soon."""
        super().stop()
        self._stirred.set()

    def teardown(self) -> None:
        """Give back what waits for room; let go of AWS. Tasks go on."""
        super().teardown()
        with self._guard:
            waiting, self._waiting = self._waiting, []
        for launch in waiting:
            if self.launching.take(launch.run.id, launch.run.fence) is not None:
                self._release(launch.run, "the agent was stopped while AWS had no room for its task")
        self._aws.close()

    def deploy(self, run: ClaimedRun) -> None:
        """Check the run against the policy, and have its task started."""
        policy.check_run_config(run.run_config, self._ecs.allowed)
        self._submit(_Launch(run, time.monotonic()))

    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        """Stop the launch: its task gets SIGTERM, and SIGKILL after its stopTimeout."""
        task = self.book.unwanted(run.key)
        if task is not None:
            self.workers.submit(self._stop, task, reason)
        with self._guard:
            waiting = [launch for launch in self._waiting if launch.run.key == run.key]
            self._waiting = [launch for launch in self._waiting if launch.run.key != run.key]
        if waiting:
            self.book.gone(run.key)

    # ----------------------------------------------------------------------------------------------------------------- the command line

    @classmethod
    def command_options(cls) -> list[Any]:
        """Options of `towpath agent ecs start`."""
        from towpath_agent_ecs.options import OPTIONS

        return list(OPTIONS)

    @classmethod
    def from_command(cls, settings: AgentSettings, client_settings: Settings, options: Mapping[str, Any]) -> Self:
        """An agent as the command line describes it."""
        from towpath_agent_ecs.options import read

        return cls(settings, ecs=read(options), client_settings=client_settings)

    @classmethod
    def install_options(cls) -> list[Any]:
        """Options of `towpath agent ecs install` beyond those of `start`."""
        from towpath_agent_ecs.service import OPTIONS

        return list(OPTIONS)

    @classmethod
    def installation(cls, wanted: Installation) -> str:
        """JSON: a task definition, a service and the least IAM policy for the agent."""
        from towpath_agent_ecs.service import service

        return service(wanted, kind=cls.kind)

    # ------------------------------------------------------------------------------------------------------------------------- starting

    def _submit(self, launch: _Launch) -> None:
        self.start(launch.run, lambda: self._launch(launch))

    def _launch(self, launch: _Launch) -> str | None:
        try:
            task = self._aws.start(self._request(launch.run), tasks.client_token(launch.run, launch.attempt))
        except NotNowError as e:
            self._try_again(launch, e)
            return None
        self._watch_over(task, launch.run)
        return task

    def discard(self, handle: str) -> None:
        """Stop the task."""
        self._stop(handle, "The run was cancelled, or is another agent's")

    def short(self, handle: str) -> str:
        """The task's id, without the rest of its ARN."""
        return handle.rpartition("/")[2]

    def _request(self, run: ClaimedRun) -> dict[str, Any]:
        config, kind = {**run.run_config, "image": wanted_image(run)}, tasks.launch_type(run.run_config, self._ecs)
        if config.get("task_definition_arn"):
            described = self._aws.described(str(config["task_definition_arn"]))
        else:
            made = tasks.definition(config, self._given(config), self._ecs, kind)
            for image in tasks.images(made):
                check_image(image, self._ecs.allowed_registries)
            described = self._aws.registered(made)
        asked = tasks.run_task_kwargs(config, self._ecs)
        network = None
        if described.get("networkMode") == "awsvpc" and not asked.get("networkConfiguration"):
            network = self._aws.default_network(public=kind == FARGATE)
        return tasks.request(
            run,
            self._ecs,
            described,
            environment=environment(run, api_url=self.client_settings.api_url, trusted_keys=self.trusted_keys(), env=self._ecs.env),
            network=network,
            started_by=self._started_by,
        )

    def _given(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """The run config's own task definition; empty for none."""
        path = config.get("task_definition_path")
        if not path:
            return config.get("task_definition") or {}
        try:
            text = self._aws.fetch(path) if path.startswith("s3://") else Path(path.partition("://")[2] or path).read_text(encoding="utf-8")
            found = yaml.safe_load(text)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
            raise CannotStartError(f"its task definition {path!r} cannot be read: {type(e).__name__}") from e
        if not isinstance(found, dict):
            raise CannotStartError(f"its task definition {path!r} holds no object")
        policy.check_definition(found, self._ecs.allowed)
        return found

    def _try_again(self, launch: _Launch, error: NotNowError) -> None:
        run, now = launch.run, time.monotonic()
        launch.due = now + backoff(launch.tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        launch.tries += 1
        launch.attempt += error.refused
        if self.book.is_unwanted(run.key):
            self.book.gone(run.key)
        elif self.stopping or launch.due > launch.since + PATIENCE:
            self.not_started(run, f"{error} (tried {launch.tries} times)")
        else:
            self.log.warning("%s. Flow run %s is tried again in %.0f s.", error, run.name or run.id, launch.due - now)
            with self._guard:
                self._waiting.append(launch)
            self._stirred.set()

    # ------------------------------------------------------------------------------------------------------------------ looking, ending

    def _adopt(self) -> None:
        for task in self._aws.tasks(self._ecs.cluster, self._started_by):
            run = tasks.claimed(task.get("tags") or [])
            if run is None:
                continue
            if task.get("lastStatus") == "STOPPED":
                self.workers.submit(self.ended, run, task["taskArn"], stopped(task), [])
            else:
                self._watch_over(task["taskArn"], run)
                self.adopt(run, task["taskArn"])
        self._adopted = True

    def _watch_over(self, task: str, run: ClaimedRun) -> None:
        with self._guard:
            self._watched.setdefault(task, _Watched(run))
        self._stirred.set()

    def _watch(self) -> None:
        """Start again what is due, and look at live tasks. Nothing is asked of AWS while no task lives."""
        look_at = time.monotonic()
        while not self.stopping:
            self._stirred.clear()
            now = time.monotonic()
            with self._guard:
                due = [launch for launch in self._waiting if launch.due <= now]
                self._waiting = [launch for launch in self._waiting if launch.due > now]
                moments = [launch.due for launch in self._waiting]
                live = bool(self._watched) or not self._adopted
            try:
                for launch in due:
                    self._submit(launch)
                if live and now >= look_at:
                    self._look()
                    look_at = time.monotonic() + self._ecs.interval
            except RuntimeError:  # the workers have been shut down
                return
            if live:
                moments.append(look_at)
            self._stirred.wait(max(0.0, min(moments) - time.monotonic()) if moments else None)

    def _look(self) -> None:
        """Ask for all live tasks, a hundred at a time."""
        try:
            if not self._adopted:
                self._adopt()
            by_cluster: dict[str, list[str]] = defaultdict(list)
            with self._guard:
                for task in self._watched:
                    by_cluster[self._cluster_of(task)].append(task)
            for cluster, arns in by_cluster.items():
                for at in range(0, len(arns), BATCH):
                    self._judge_tasks(*self._aws.describe(cluster, arns[at : at + BATCH]))
        except (NotNowError, CannotStartError) as e:
            self.log.warning("%s. Tasks are looked at again in %g s.", e, self._ecs.interval)

    def _judge_tasks(self, found: list[dict[str, Any]], missing: list[str]) -> None:
        for task in found:
            if task.get("lastStatus") == "STOPPED":
                self._take_leave(task["taskArn"], stopped(task))
        for arn in missing:
            with self._guard:
                watched = self._watched.get(arn)
                if watched is not None:
                    watched.missing += 1
            if watched is not None and watched.missing >= 2:  # a new one may not be known everywhere yet
                self._take_leave(arn, GONE)

    def _take_leave(self, arn: str, verdict: Ending) -> None:
        with self._guard:
            watched = self._watched.pop(arn, None)
        if watched is not None:
            self.workers.submit(self.ended, watched.run, arn, verdict, [])

    def _stop(self, task: str, reason: str) -> None:
        try:
            self._aws.stop(self._cluster_of(task), task, f"Towpath: {reason}")
        except (NotNowError, CannotStartError) as e:  # its supervisor may not begin the run, and ends by itself
            self.log.warning("Task %s could not be stopped: %s.", self.short(task), e)

    def _cluster_of(self, arn: str) -> str:
        parts = arn.rpartition(":")[2].split("/")
        return parts[1] if len(parts) == 3 else self._ecs.cluster


class FargateAgent(ECSAgent):
    """The ECS agent for those who know it by its old name: tasks on Fargate only."""

    kind = "fargate"

    def __init__(self, settings: AgentSettings, *, ecs: ECSSettings | None = None, client_settings: Settings | None = None) -> None:
        super().__init__(settings, ecs=replace(ecs or ECSSettings(), launch_type=FARGATE), client_settings=client_settings)

    @classmethod
    def command_options(cls) -> list[Any]:
        """Options of `towpath agent fargate start`: there is no launch type to choose."""
        return [option for option in super().command_options() if option.name != "launch_type"]
