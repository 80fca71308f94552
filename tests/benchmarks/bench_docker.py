"""The Docker agent: what it adds to `docker run` of the same image, side by side, and what it costs when nothing happens.

It needs a Docker engine and the image of flows (TOWPATH_BENCH_IMAGE, else towpath:latest or towpath:test); without them it says so and
measures nothing of Docker.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import threading
import time
from typing import Any

import docker
from towpath_agent_docker.agent import DockerAgent
from towpath_agent_docker.settings import DockerSettings

from tests.benchmarks.idle_agents import idle
from tests.benchmarks.measure import Measure, percentile, spread
from tests.benchmarks.stage import Stage
from towpath.agent.claims import ClaimedRun
from towpath.agent.settings import AgentSettings
from towpath.client.settings import Settings

LIMIT = 420
ROUNDS = 12
FLOW = """
    from towpath import Flow, task
    from towpath.run_configs import DockerRun

    @task
    def nothing():
        pass

    with Flow("bench-docker", run_config=DockerRun()) as flow:
        nothing()
"""


def run() -> list[Measure]:
    """Measure."""
    with contextlib.ExitStack() as things:
        try:
            engine = things.enter_context(contextlib.closing(docker.from_env(timeout=60)))
            image = _image(engine)
        except docker.errors.DockerException as e:
            print(f"!! the Docker agent was NOT measured: no engine answers ({e})", flush=True)
            return []
        if image is None:
            print("!! the Docker agent was NOT measured: there is no image of flows; build one (make images)", flush=True)
            return []
        stage = things.enter_context(Stage())
        return [_starts(stage, engine, image), *idle(stage, "local", memory=60), *idle(stage, "docker", memory=60)]


def _image(engine: Any) -> str | None:
    for name in (os.environ.get("TOWPATH_BENCH_IMAGE"), "towpath:latest", "towpath:test"):
        if name is not None:
            with contextlib.suppress(docker.errors.ImageNotFound):
                engine.images.get(name)
                return name
    return None


def _starts(stage: Stage, engine: Any, image: str) -> Measure:
    """Both ways in turn, so that what else the machine does hits both alike."""
    settings = DockerSettings(image=image, pull="never", networks=("host",))
    agent = Timed(AgentSettings(name="bench"), docker=settings, client_settings=Settings.from_env(stage.env))
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        return _compared(stage, engine, image, agent)
    finally:
        agent.stop()
        thread.join(20)


def _compared(stage: Stage, engine: Any, image: str, agent: Timed) -> Measure:
    flow_id = stage.register(FLOW)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS + 2):
        began = time.time()
        run_id = stage.client.create_flow_run(flow_id)
        stage.wait_stored(run_id)
        ours.append((_started(engine, began, f"io.towpath.flow-run-id={run_id}") - agent.claimed[run_id]) * 1000)
        began = time.time()
        command = ["docker", "run", "--rm", "-d", "--network", "host", "--label", f"bench={run_id}", image, "true"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        theirs.append((_started(engine, began, f"bench={run_id}") - began) * 1000)
    ours, theirs = ours[2:], theirs[2:]
    return Measure(
        name="claim to container started, over docker run",
        value=statistics.median(ours) - statistics.median(theirs),
        unit="ms",
        target=50,
        remark=f"claim to start {percentile(ours, 0.5):.0f} ({spread(ours, 0)}), docker run to start {percentile(theirs, 0.5):.0f} "
        f"({spread(theirs, 0)}), in turn; image present",
    )


def _started(engine: Any, since: float, label: str) -> float:
    """When the engine says that the container with this label started."""
    window = {"since": int(since), "until": int(time.time()) + 1, "decode": True}
    events = list(engine.events(**window, filters={"type": "container", "event": "start", "label": label}))
    return float(events[-1]["timeNano"]) / 1e9


class Timed(DockerAgent):
    """Notes when a claim has arrived."""

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__(*settings, **more)
        self.claimed: dict[str, float] = {}

    def deploy(self, run: ClaimedRun) -> None:
        """Note it, and go on."""
        self.claimed[run.id] = time.time()
        super().deploy(run)
