"""Flow runs as Jobs of a real API server: what happens to them, and what people are told.

Admission, RBAC, quotas, Jobs, garbage and watches are the real ones. What is in a pod is carried out by `kubelet.py`, as processes of this
machine: see there what that proves and what not.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from towpath_agent_kubernetes.manifests import RULES

from tests.e2e.conftest import Site
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.kubelet import IMAGE, Kubelet

FLOWS = """
import os, time
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
    time.sleep(5)
    return len(food)

@task
def wait():
    print("waiting", flush=True)
    time.sleep(600)

with Flow("inside", run_config=KubernetesRun(env={"COLOR": "blue"})) as inside:
    look()
with Flow("hungry", run_config=KubernetesRun(memory_limit="250Mi")) as hungry:
    eat(Parameter("mb", default=400))
with Flow("patient", run_config=KubernetesRun()) as patient:
    wait()
"""
NAMESPACE = "flows"
ACCOUNT = "towpath-agent"


@dataclass
class Place:
    """A backend, a namespace of a cluster, and an agent between them that may do no more than its Role says."""

    site: Site
    cluster: Cluster
    kubelet: Kubelet
    flows: dict[str, str] = field(default_factory=dict)
    agent: subprocess.Popen[bytes] | None = None

    def start_agent(self) -> None:
        kubeconfig = self.cluster.account_kubeconfig(NAMESPACE, ACCOUNT)
        options = ["--kubeconfig", str(kubeconfig), "--namespace", NAMESPACE, "--image", IMAGE, "--trouble-grace", "1"]
        self.agent = self.site.agent("kubernetes", *options, kind="kubernetes")

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()
        self.site.agents.remove(self.agent)

    def create(self, flow: str, **more: Any) -> str:
        if not self.flows:
            self.flows = self.site.register("flows", FLOWS)
        with self.site.client as client:
            return client.create_flow_run(self.flows[flow], **more)

    def running(self, flow: str, until: Callable[..., Any]) -> str:
        run_id = self.create(flow)
        until("its task runs", lambda: any(t["state"] == "Running" for t in self.site.run(run_id)["task_runs"]), 60)
        return run_id

    def story(self, run_id: str) -> str:
        return json.dumps(self.site.run(run_id)) + self.site.logs(run_id)

    def objects(self, what: str, run_id: str) -> list[dict[str, Any]]:
        """The Jobs, pods or secrets of a run."""
        group = "/apis/batch/v1" if what == "jobs" else "/api/v1"
        path = f"{group}/namespaces/{NAMESPACE}/{what}?labelSelector=towpath.io/flow-run-id={run_id}"
        found: list[dict[str, Any]] = self.cluster.api("GET", path)["items"]
        return found

    def nothing_left(self, run_id: str) -> bool:
        return not any(self.objects(what, run_id) for what in ("jobs", "pods", "secrets"))


@pytest.fixture(scope="module")
def place(cluster: Cluster, empty_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    cluster.namespace(NAMESPACE)
    group = "/apis/rbac.authorization.k8s.io/v1"
    metadata = {"name": ACCOUNT}
    cluster.api("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": metadata})
    cluster.api("POST", f"{group}/namespaces/{NAMESPACE}/roles", {"metadata": metadata, "rules": list(RULES)})
    binding = {
        "metadata": metadata,
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
    }
    cluster.api("POST", f"{group}/namespaces/{NAMESPACE}/rolebindings", binding)
    kubelet = Kubelet(cluster, Path(tmp_path_factory.mktemp("node"))).start()
    found = Place(empty_site, cluster, kubelet)
    found.start_agent()
    yield found
    kubelet.close()


def test_a_run_in_a_job_of_its_own(place: Place, until: Callable[..., Any]) -> None:
    """Accepted by an API server that enforces "restricted", with the printed Role; run to its end; and nothing is left of it."""
    run_id = place.create("inside")
    place.site.ended(run_id, state="Success", timeout=60)
    assert "COLOR blue" in place.site.logs(run_id)
    until("Job, pod and secret are removed", lambda: place.nothing_left(run_id))


def test_the_agent_cannot_read_the_secrets_that_it_writes(place: Place) -> None:
    """Its account may make secrets, and neither read them nor execute anything in a pod."""
    token = place.cluster.account_kubeconfig(NAMESPACE, ACCOUNT).read_text().partition("token: ")[2].split()[0]
    for method, path in (("GET", "secrets"), ("POST", "pods/x/exec"), ("DELETE", "pods/x"), ("POST", "pods")):
        url = f"{place.cluster.url}/api/v1/namespaces/{NAMESPACE}/{path}"
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, url, headers=headers, verify=str(place.cluster.folder / "ca.crt"), timeout=10, json={})
        assert answer.status_code == 403, (method, path)


def test_out_of_memory_is_said(place: Place, until: Callable[..., Any]) -> None:
    """A run that has more than its limit fails with that reason as soon as it is ended."""
    run_id = place.create("hungry")
    place.site.ended(run_id, state="Failed", timeout=60)
    assert "was killed by the kernel: out of memory (its limit is 250 MiB)" in place.story(run_id)
    until("its Job is removed", lambda: place.nothing_left(run_id))


def test_a_cancelled_run_ends_in_its_pod(place: Place, until: Callable[..., Any]) -> None:
    """The Job is deleted, the pod gets SIGTERM, and its supervisor says Cancelled; nobody waits for a beat."""
    run_id = place.running("patient", until)
    place.site.cli("cancel", run_id)
    place.site.ended(run_id, state="Cancelled", timeout=15)
    until("its Job is removed", lambda: place.nothing_left(run_id))


def test_a_killed_container_is_reported_at_once(place: Place, until: Callable[..., Any]) -> None:
    """Nobody in the pod can speak any more, so the agent does, with the container's last lines."""
    run_id = place.running("patient", until)
    place.kubelet.kill(run_id)
    place.site.ended(run_id, state="Failed", timeout=20)
    assert "was killed (SIGKILL)" in place.story(run_id)
    assert "waiting" in place.site.logs(run_id)


def test_what_cannot_be_started_says_why(place: Place, until: Callable[..., Any]) -> None:
    """An image that is not there, fields that are refused, what the API server refuses: the run is given back with the reason."""
    reaching = {"spec": {"template": {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}], "containers": []}}}}
    for config, words in (
        ({"image": "nobody/nothing:1"}, "its pod cannot start its container 'flow': ErrImagePull (image 'nobody/nothing:1')"),
        ({"job_template": reaching}, "hostPath, which this agent does not allow"),
        ({"service_account_name": "cluster-admin"}, "its service account is 'cluster-admin'"),
        ({"cpu_request": "2", "cpu_limit": "1"}, "the cluster refuses its Job"),
    ):
        run_id = place.create("inside", run_config={"type": "KubernetesRun", **config})
        until(f"reason: {words}", lambda run_id=run_id, words=words: words in place.story(run_id).replace('\\"', '"'), 30)
        place.site.cli("cancel", run_id)
        until("its Job is removed", lambda run_id=run_id: place.nothing_left(run_id))


def test_a_quota_is_said(place: Place, until: Callable[..., Any]) -> None:
    """Of Jobs: the Job is refused. Of pods: the Job is there and its pod is refused; both are the run's reason."""
    quotas = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas"
    for hard, words in (({"count/jobs.batch": "0"}, "the cluster refuses its Job"), ({"pods": "0"}, "its pod was refused by the cluster")):
        place.cluster.api("POST", quotas, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
        until("the quota is known", lambda: place.cluster.api("GET", f"{quotas}/none").get("status", {}).get("hard"))
        try:
            run_id = place.create("inside")
            until(words, lambda run_id=run_id, words=words: words in place.story(run_id), 30)
            assert "exceeded quota: none" in place.story(run_id)
            place.site.cli("cancel", run_id)
            until("its Job is removed", lambda run_id=run_id: place.nothing_left(run_id))
        finally:
            place.cluster.api("DELETE", f"{quotas}/none")


def test_a_job_that_somebody_deletes(place: Place, until: Callable[..., Any]) -> None:
    """kubectl delete job: the pod is told to stop, the run ends Cancelled, and nothing waits for a Job that is gone."""
    run_id = place.running("patient", until)
    (job,) = place.objects("jobs", run_id)
    path = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{job['metadata']['name']}?propagationPolicy=Background"
    place.cluster.api("DELETE", path)
    place.site.ended(run_id, state="Cancelled", timeout=30)
    until("pod and secret are removed", lambda: place.nothing_left(run_id))


def test_jobs_outlive_their_agent(place: Place, until: Callable[..., Any]) -> None:
    """kill -9 of the agent ends no run; the next agent of that name takes care of what goes on and of what ended meanwhile."""
    goes_on, ends = place.running("patient", until), place.running("patient", until)
    place.kill_agent()
    assert place.objects("jobs", goes_on)
    place.kubelet.kill(ends)
    place.start_agent()
    place.site.ended(ends, state="Failed", timeout=20)
    assert place.site.run(goes_on)["state"] == "Running"
    place.kubelet.kill(goes_on)
    place.site.ended(goes_on, state="Failed", timeout=20)
    for run_id in (goes_on, ends):
        until("its Job is removed", lambda run_id=run_id: place.nothing_left(run_id))


def test_the_api_server_is_away_for_a_while(place: Place, until: Callable[..., Any]) -> None:
    """The agent lives on: what ended meanwhile is reported, what was claimed meanwhile runs once."""
    ends = place.running("patient", until)
    place.cluster.stop_api()
    claimed = place.create("inside")
    until("it is claimed", lambda: place.site.run(claimed)["state"] != "Scheduled")
    place.kubelet.kill(ends)
    place.cluster.start_api()
    place.site.ended(claimed, state="Success", timeout=60)
    place.site.ended(ends, state="Failed", timeout=30)
    assert place.site.run(claimed)["times_resurrected"] == 0
    until("its Job is removed", lambda: place.nothing_left(claimed))
    assert place.agent is not None
    assert place.agent.poll() is None
