"""`dask_kubernetes.operator.KubeCluster` made by `DaskExecutor`: the package's own operator, against a real API server.

A service account with the rights that the guide names makes the cluster; what the operator makes of it are pods, and a node of the tests
carries them out as processes. So a cluster comes up, and a flow runs on it.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.dask.conftest import PATIENCE, PATIENT, PYTHON, ROOT, Run
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.kubelet import IMAGE, Kubelet

CLASS = "dask_kubernetes.operator.KubeCluster"
GROUP = "/apis/kubernetes.dask.org/v1"
KINDS = ("daskclusters", "daskworkergroups", "daskautoscalers")


class Node(Kubelet):
    """A node whose pods have Dask's commands, and are ready when they run."""

    extra: dict[str, str]
    """Variables of every pod."""

    def _carry_out(self, pod: dict[str, Any], gone: Any) -> None:
        pod = copy.deepcopy(pod)
        (container,) = pod["spec"]["containers"]
        for one in container.setdefault("env", []):
            container["args"] = [word.replace(f"$({one['name']})", one.get("value", "")) for word in container["args"]]
        super()._carry_out(pod, gone)

    def _environment(self, pod: dict[str, Any], gone: Any) -> dict[str, str] | None:
        found = super()._environment(pod, gone)
        return None if found is None else {**found, **self.extra}

    def _say(self, pod: dict[str, Any], phase: str, state: dict[str, Any], **more: Any) -> None:
        ready = "True" if "running" in state else "False"
        conditions = [{"type": kind, "status": ready} for kind in ("Initialized", "PodScheduled", "ContainersReady", "Ready")]
        super()._say(pod, phase, state, conditions=conditions, **more)


@dataclass
class Place:
    """A namespace, and who makes clusters in it."""

    cluster: Cluster
    node: Node
    namespace: str
    env: dict[str, str]

    def spec(self, name: str, place: str) -> dict[str, Any]:
        """A cluster of one worker, as the package would make it, but on ports of this machine that are free."""
        program = (
            "import json; from dask_kubernetes.operator import make_cluster_spec; "
            f"print(json.dumps(make_cluster_spec({name!r}, image={IMAGE!r}, n_workers=1, env={{'PLACE': {place!r}}})))"
        )
        made = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, check=True)
        spec: dict[str, Any] = json.loads(made.stdout)
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", 0))
            port, dashboard = first.getsockname()[1], second.getsockname()[1]
        scheduler = spec["spec"]["scheduler"]
        (container,) = scheduler["spec"]["containers"]
        container["args"] = [
            "dask-scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--dashboard-address",
            f"127.0.0.1:{dashboard}",
        ]
        for one in scheduler["service"]["ports"]:
            one["port"] = port if one["name"] == "tcp-comm" else dashboard
        (worker,) = spec["spec"]["worker"]["spec"]["containers"]
        worker["args"] = ["dask-worker", "--name", "$(DASK_WORKER_NAME)", "--no-dashboard", "--host", "127.0.0.1"]
        address = f"tcp://{name}-scheduler.{self.namespace}.svc.cluster.local:{port}"
        worker["env"] = [*worker["env"], {"name": "DASK_SCHEDULER_ADDRESS", "value": address}]
        return spec

    def left(self) -> dict[str, list[str]]:
        """What there is in the namespace of clusters."""
        paths = {kind: f"{GROUP}/namespaces/{self.namespace}/{kind}" for kind in KINDS}
        paths["deployments"] = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"
        paths |= {kind: f"/api/v1/namespaces/{self.namespace}/{kind}" for kind in ("pods", "services")}
        found = {kind: [item["metadata"]["name"] for item in self.cluster.api("GET", path)["items"]] for kind, path in paths.items()}
        return {kind: names for kind, names in found.items() if names}

    def nothing_is_left(self) -> None:
        """The operator and the cluster's controllers have removed all of it."""
        assert "daskclusters" not in self.left()
        self.cluster.wait(lambda: not self.left(), "something of the cluster is left")


def _rules() -> list[dict[str, Any]]:
    """The rights that the guide tells people to give to the account of such runs."""
    text = (ROOT / "sdk" / "README.md").read_text()
    block = text.partition("<!-- rights of runs that make a KubeCluster -->\n```yaml\n")[2].partition("```")[0]
    found: list[dict[str, Any]] = yaml.safe_load(block)
    return found


def _definitions() -> list[dict[str, Any]]:
    folder = next(
        PYTHON.parent.parent.glob("lib/python3*/site-packages/dask_kubernetes/operator/deployment/helm/dask-kubernetes-operator/crds")
    )
    return [one for file in sorted(folder.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


@pytest.fixture(scope="module")
def operator(cluster: Cluster, names: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package's own operator, with the definitions that it brings."""
    for one in _definitions():
        cluster.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", one)
    for kind in KINDS:
        cluster.wait(lambda kind=kind: _served(cluster, kind), f"{kind} are not served")
    log = tmp_path_factory.mktemp("operator") / "log"
    command = [PYTHON.parent / "kopf", "run", "-m", "dask_kubernetes.operator.controller", "--all-namespaces", "--verbose"]
    with log.open("wb") as out:
        env = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PYTHONPATH": names}
        process = subprocess.Popen(command, env=env, cwd=log.parent, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        cluster.wait(lambda: process.poll() is not None or "Starting the watch-stream for daskclusters" in log.read_text(), "no operator")
        assert process.poll() is None, log.read_text()[-3000:]
        yield
    finally:
        process.terminate()
        process.wait(60)


def _served(cluster: Cluster, kind: str) -> bool:
    try:
        cluster.api("GET", f"{GROUP}/{kind}")
    except requests.HTTPError:
        return False
    return True


@pytest.fixture
def place(cluster: Cluster, commands: str, names: str, tmp_path: Path) -> Iterator[Place]:
    """A namespace with a node, and an account for runs that may do what the guide says."""
    namespace = f"dask-{uuid.uuid4().hex[:8]}"
    cluster.namespace(namespace, **{"pod-security.kubernetes.io/enforce": "privileged"})
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    cluster.api("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "runs"}})
    cluster.api("POST", f"{base}/roles", {"metadata": {"name": "runs"}, "rules": _rules()})
    who = {"kind": "ServiceAccount", "name": "runs", "namespace": namespace}
    what = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runs"}
    cluster.api("POST", f"{base}/rolebindings", {"metadata": {"name": "runs"}, "subjects": [who], "roleRef": what})
    folder = tmp_path / "node"
    folder.mkdir()
    node = Node(cluster, folder)
    node.extra = {"PATH": commands, "PYTHONPATH": names, **PATIENT}
    node.start()
    env = {"KUBECONFIG": str(cluster.account_kubeconfig(namespace, "runs")), "PYTHONPATH": names}
    over = threading.Event()
    reminding = threading.Thread(target=_remind, args=(cluster, namespace, over))
    reminding.start()
    try:
        yield Place(cluster, node, namespace, env)
    finally:
        over.set()
        reminding.join()
        node.lose()


def _remind(cluster: Cluster, namespace: str, over: threading.Event) -> None:
    """Have the operator look again at the services of clusters that it left Pending.

    It says Running when it sees the scheduler's service, and Pending when it has made everything; where the first comes before the second,
    no pod and no service changes any more, and whoever made the cluster waits for Running in vain.
    """
    while not over.wait(1.0):
        for one in cluster.api("GET", f"{GROUP}/namespaces/{namespace}/daskclusters")["items"]:
            if one.get("status", {}).get("phase") == "Pending":
                path = f"/api/v1/namespaces/{namespace}/services/{one['metadata']['name']}-scheduler/status"
                now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                reminder = {"type": "Reminded", "status": "True", "reason": "Tests", "message": "", "lastTransitionTime": now}
                with contextlib.suppress(requests.HTTPError):  # it is being deleted
                    cluster.api("PATCH", path, {"status": {"conditions": [reminder]}}, merge=True)


def _arguments(place: Place, name: str = "pod") -> dict[str, Any]:
    return {
        "custom_cluster_spec": place.spec("flow", name),
        "namespace": place.namespace,
        "quiet": True,
        "resource_timeout": PATIENCE,
    }


def test_a_flow_runs_on_a_cluster_of_the_operator(operator: None, place: Place, run: Run) -> None:
    """Tasks run in the worker's pod; at the end the cluster is deleted, and its operator's objects with it."""
    ended = run(place.env, cluster_class=CLASS, cluster_kwargs=_arguments(place)).ended()
    assert (ended.kind, ended.results) == ("Success", [[x * x, "pod"] for x in range(4)]), ended.output
    names = sorted(name.partition("-worker-")[0].partition("-scheduler-")[0] for name in place.node.processes)
    assert names == ["flow", "flow-default"]
    place.nothing_is_left()


def test_a_cluster_that_grows_and_shrinks(operator: None, place: Place, run: Run) -> None:
    """`adapt_kwargs` are an autoscaler of the operator's, which goes with the cluster."""
    executor = {"cluster_class": CLASS, "cluster_kwargs": _arguments(place), "adapt_kwargs": {"minimum": 1, "maximum": 2}}
    ended = run(place.env, **executor).ended()
    assert (ended.kind, ended.results) == ("Success", [[x * x, "pod"] for x in range(4)]), ended.output
    place.nothing_is_left()


def test_a_run_that_is_cancelled_while_its_pods_wait(operator: None, place: Place, run: Run) -> None:
    """The scheduler's pod finds no image: nobody waits for it, and the cluster is deleted."""
    arguments = _arguments(place)
    arguments["custom_cluster_spec"]["spec"]["scheduler"]["spec"]["containers"][0]["image"] = "nobody/nothing:1"
    running = run(place.env, cluster_class=CLASS, cluster_kwargs=arguments)
    # also the worker's: of a cluster that goes before the operator has seen to its workers, an empty group of workers stays
    place.cluster.wait(lambda: len(place.left().get("pods", [])) == 2, "scheduler and worker have no pods")
    running.cancel()
    ended = running.ended()
    assert ended.kind == "Cancelled", ended.output
    place.nothing_is_left()


def test_a_run_that_is_cancelled_while_its_tasks_run(operator: None, place: Place, run: Run) -> None:
    """They are interrupted or given up, and the cluster is deleted."""
    running = run(place.env, cluster_class=CLASS, cluster_kwargs=_arguments(place, "hold"))
    place.cluster.wait(lambda: running.said("HOLDING"), "no task runs", PATIENCE)
    running.cancel()
    ended = running.ended()
    assert ended.kind == "Cancelled", ended.output
    place.nothing_is_left()


def test_without_rights(operator: None, place: Place, run: Run) -> None:
    """What the API server says is what the run says."""
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{place.namespace}"
    place.cluster.api("DELETE", f"{base}/rolebindings/runs")
    for _ in range(3):
        ended = run(place.env, cluster_class=CLASS, cluster_kwargs=_arguments(place)).ended()
        assert ended.kind == "Failed", ended.output
        # a server that refuses may close the connection while its answer is still being read
        if "ReadError" not in ended.message:
            break
    assert "403" in ended.message or "forbidden" in ended.message, ended.output


def test_the_name_that_flows_of_prefect_1_have(run: Run) -> None:
    """The class of that name is gone; the sentence says which one there is."""
    ended = run({}, cluster_class="dask_kubernetes.KubeCluster").ended()
    assert ended.kind == "Failed", ended.output
    assert "today it is 'dask_kubernetes.operator.KubeCluster', with other arguments" in ended.message
