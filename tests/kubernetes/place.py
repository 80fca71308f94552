"""Where the tests of the agent take place: a backend, a namespace of a cluster with a node, and an agent between them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath_agent_kubernetes.manifests import RULES

from tests.e2e.conftest import Site
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.kubelet import IMAGE, Kubelet
from towpath_proto.states import is_final

FLOWS = """
import os, time
from datetime import timedelta
import towpath
from towpath import Flow, Parameter, task
from towpath.run_configs import KubernetesRun

@task
def look():
    towpath.context.logger.info("COLOR %s", os.environ.get("COLOR"))

@task
def eat(mb):
    food = []
    for _ in range(mb):
        food.append(os.urandom(1024 * 1024))
    time.sleep(600)
    return len(food)

@task
def wait():
    print("waiting", os.environ.get("COLOR"), flush=True)
    while not os.path.exists(os.path.expanduser("~/go-on")):
        time.sleep(0.1)
    print("went on", os.environ.get("COLOR"), flush=True)

@task(max_retries=1, retry_delay=timedelta(0))
def insist():
    print("waiting", flush=True)
    time.sleep(600)

with Flow("inside", run_config=KubernetesRun(env={"COLOR": "blue"})) as inside:
    look()
with Flow("hungry", run_config=KubernetesRun(memory_limit="250Mi")) as hungry:
    eat(Parameter("mb", default=400))
with Flow("patient", run_config=KubernetesRun()) as patient:
    wait()
with Flow("stubborn", run_config=KubernetesRun()) as stubborn:
    insist()
"""
ACCOUNT = "towpath-agent"


@dataclass
class Place:
    """A backend, a namespace of a cluster, and an agent between them that may do no more than its Role says.

    Attributes:
        options: Further ones of the agent.
        source: The script of its flows.
    """

    site: Site
    cluster: Cluster
    namespace: str
    options: tuple[str, ...] = ()
    source: str = FLOWS
    flows: dict[str, str] = field(default_factory=dict)
    agent: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the namespace, and in it the agent's account with the printed Role."""
        self.cluster.namespace(self.namespace)
        group = "/apis/rbac.authorization.k8s.io/v1"
        metadata = {"name": ACCOUNT}
        self.cluster.api("POST", f"/api/v1/namespaces/{self.namespace}/serviceaccounts", {"metadata": metadata})
        self.cluster.api("POST", f"{group}/namespaces/{self.namespace}/roles", {"metadata": metadata, "rules": list(RULES)})
        binding = {
            "metadata": metadata,
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
        }
        self.cluster.api("POST", f"{group}/namespaces/{self.namespace}/rolebindings", binding)

    def start_agent(self) -> None:
        kubeconfig = self.cluster.account_kubeconfig(self.namespace, ACCOUNT)
        options = ["--kubeconfig", str(kubeconfig), "--namespace", self.namespace, "--image", IMAGE, "--show-flow-logs"]
        self.agent = self.site.agent("kubernetes", *options, *self.options, kind="kubernetes")

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()
        self.site.agents.remove(self.agent)

    def create(self, flow: str, **more: Any) -> str:
        if not self.flows:
            self.flows = self.site.register("flows", self.source)
        with self.site.client as client:
            return client.create_flow_run(self.flows[flow], **more)

    def running(self, flow: str, **more: Any) -> str:
        """Create a run, and wait until its task runs."""
        run_id = self.create(flow, **more)
        self.until("its task runs", lambda: any(t["state"] == "Running" for t in self.site.run(run_id)["task_runs"]))
        return run_id

    def agent_log(self) -> str:
        return (self.site.folder / "kubernetes.log").read_text()

    def ended(self, run_id: str, state: str) -> dict[str, Any]:
        """The run once it has ended, in this state."""
        self.until(f"run {run_id} ends", lambda: is_final(self.site.run(run_id)["state"]))
        return self.site.ended(run_id, state=state)

    def says(self, run_id: str, words: str) -> None:
        """Wait until the run's states or its log have these words."""
        self.until(words, lambda: words in self.story(run_id))

    def until(self, what: str, probe: Callable[[], Any]) -> None:
        """Wait until `probe` is true; what fails shows the agent's log, too."""
        try:
            self.cluster.wait(probe, what)
        except AssertionError as e:
            raise AssertionError(f"{e}\n--- the agent's log\n{self.agent_log()[-3000:]}") from e

    def story(self, run_id: str) -> str:
        """All that is known of a run, as people would read it."""
        return json.dumps(self.site.run(run_id)).replace('\\"', '"') + self.site.logs(run_id)

    def objects(self, what: str, run_id: str) -> list[dict[str, Any]]:
        """The Jobs, pods or secrets of a run."""
        group = "/apis/batch/v1" if what == "jobs" else "/api/v1"
        path = f"{group}/namespaces/{self.namespace}/{what}?labelSelector=towpath.io/flow-run-id={run_id}"
        found: list[dict[str, Any]] = self.cluster.api("GET", path)["items"]
        return found

    def removed(self, *run_ids: str) -> None:
        """Wait until the Jobs, pods and secrets of these runs are gone."""
        whats = ("jobs", "pods", "secrets")
        self.until("Job, pod and secret are removed", lambda: not any(self.objects(what, one) for one in run_ids for what in whats))


@dataclass
class ProcessPlace(Place):
    """A place with one node whose pods are processes of this machine."""

    kubelet: Kubelet = field(kw_only=True)


@contextlib.contextmanager
def placed(site: Site, cluster: Cluster, namespace: str, folder: Path) -> Iterator[ProcessPlace]:
    """A place with a node of the tests, whose logs and homes are in a folder."""
    found = ProcessPlace(site, cluster, namespace, ("--trouble-grace", "1"), kubelet=Kubelet(cluster, folder))
    found.prepare()
    found.kubelet.start()
    try:
        found.start_agent()
        yield found
    finally:
        found.kubelet.lose()
