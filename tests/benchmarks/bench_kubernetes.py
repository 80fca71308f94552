"""From a claimed run to a Job that the API server has accepted, with its secret: one after the other, and five hundred at once; then an
agent that waits, beside all those Jobs.

A real control plane (`make k8s-tools`) on this machine; without one nothing is measured, and that is said. No kubelet: nothing runs.
"""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

from towpath_agent_kubernetes.agent import KubernetesAgent
from towpath_agent_kubernetes.settings import KubernetesSettings

from tests.benchmarks.idle_agents import idle
from tests.benchmarks.measure import Measure, percentile, spread
from tests.benchmarks.stage import Stage
from tests.kubernetes.cluster import TOOLS, Cluster, running
from towpath.agent.claims import ClaimedRun
from towpath.agent.settings import AgentSettings
from towpath.client.settings import Settings

ONE_BY_ONE = 200
LIMIT = 420
BURST = 500
_RUN = ClaimedRun(id="", fence=1, run_token="twr_x", name="run", flow_id="f1", flow_name="flow", run_config={"memory_limit": "1Gi"})


class _Timed:
    """An agent whose Jobs are timed: from `deploy` to the answer for the secret, which comes after the Job's."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        settings = KubernetesSettings(kubeconfig=str(cluster.kubeconfig), namespace="bench", max_runs=10_000)
        api = Settings.from_env({"TOWPATH_API_URL": "http://127.0.0.1:1", "TOWPATH_HOME": str(home)})
        self.agent = KubernetesAgent(AgentSettings(name="bench"), kubernetes=settings, client_settings=api)
        self.took: list[float] = []
        self._begun: dict[str, float] = {}
        self._one = threading.Semaphore(0)
        start = self.agent._cluster.start

        def timed(plan: object, stop: threading.Event) -> None:
            start(plan, stop)  # type: ignore[arg-type]
            self.took.append((time.monotonic() - self._begun[plan.name]) * 1000)  # type: ignore[attr-defined]
            self._one.release()

        self.agent._cluster.start = timed  # type: ignore[method-assign, assignment]

    def deploy(self) -> None:
        run = replace(_RUN, id=str(uuid.uuid4()))
        self._begun[f"towpath-{run.id}-1"] = time.monotonic()
        self.agent.deploy(run)

    def wait(self) -> None:
        assert self._one.acquire(timeout=60)


def run() -> list[Measure]:
    """Measure."""
    if not (TOOLS / "kube-apiserver").exists():
        print(f"!! no kube-apiserver in {TOOLS}: the Kubernetes agent is NOT measured (make k8s-tools)", flush=True)
        return []
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder, running(Path(folder), scheduler=False) as cluster:
        cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": "bench"}})
        timed = _Timed(cluster, Path(folder))
        for _ in range(ONE_BY_ONE + 10):
            timed.deploy()
            timed.wait()
        single = timed.took[10:]  # the first ones open connections
        floor = []
        for number in range(50):
            began = time.monotonic()
            cluster.api("POST", "/api/v1/namespaces/bench/configmaps", {"metadata": {"name": f"floor-{number}"}})
            floor.append((time.monotonic() - began) * 1000)
        began = time.monotonic()
        for _ in range(BURST):
            timed.deploy()
        for _ in range(BURST):
            timed.wait()
        burst = time.monotonic() - began
        timed.agent.teardown()
        with Stage() as stage:
            waiting = idle(stage, "kubernetes", "--kubeconfig", str(cluster.kubeconfig), "--namespace", "bench", memory=100)
    return [
        Measure(
            name="Kubernetes agent: claimed → Job accepted, p95",
            value=percentile(single, 0.95),
            unit="ms",
            target=50,
            floor=2 * percentile(floor, 0.5),
            floor_is="two objects made by a bare HTTP client, p50",
            remark=f"p50 {percentile(single, 0.5):.1f}; {spread(single)}; Job and secret",
        ),
        Measure(
            name=f"Kubernetes agent: {BURST} claimed runs → all Jobs accepted",
            value=burst,
            unit="s",
            target=10,
            remark="Jobs and secrets, no client throttling; the Job controller works on the same cores",
        ),
        *waiting,
    ]
