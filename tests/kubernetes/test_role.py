"""The Role that `towpath agent kubernetes install` prints, judged by a real API server: enough for the agent, and no verb too much.

The agent's own client makes every kind of call that it makes of a cluster. What is missing is told by the API server's refusals.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from towpath_agent_kubernetes import jobs
from towpath_agent_kubernetes.cluster import Cluster as Client
from towpath_agent_kubernetes.cluster import Event, Job, Pod, said
from towpath_agent_kubernetes.manifests import RULES
from towpath_agent_kubernetes.settings import KubernetesSettings

from tests.kubernetes.cluster import PATIENCE, Cluster
from tests.kubernetes.kubelet import IMAGE, Kubelet
from tests.kubernetes.test_cluster import _pod
from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.cli import main
from towpath_proto.errors import TowpathError

SPACE = "role"
ACCOUNT = {"metadata": {"name": "agent"}}
GROUP = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SPACE}"
RIGHTS = [(rule["apiGroups"][0], resource, verb) for rule in RULES for resource in rule["resources"] for verb in rule["verbs"]]
_REFUSAL = re.compile(r'cannot (\w+) resource "([\w/]+)"')
_REFUSED_WATCH = re.compile(r"403 Forbidden' for url '\S+/(\w+)\?\S*watch=true")
"""The client has no words for a stream that is refused."""


@dataclass
class Judge:
    """An account with a Role that changes, and all that an agent does under it."""

    cluster: Cluster
    kubeconfig: Path
    walks: int = 0
    refused: set[tuple[str, str]] = field(default_factory=set)

    def allow(self, rights: list[tuple[str, str, str]]) -> None:
        """Have the Role say exactly this. Returns when the API server judges by it."""
        rules = [{"apiGroups": [group], "resources": [resource], "verbs": [verb]} for group, resource, verb in rights]
        self.cluster.api("PUT", f"{GROUP}/roles/agent", {**ACCOUNT, "rules": rules})
        self.cluster.wait(lambda: all(self._may(one) == (one in rights) for one in RIGHTS), "the Role is not in force")

    def _may(self, right: tuple[str, str, str]) -> bool:
        group, path, verb = right
        resource, _, sub = path.partition("/")
        asked = {"namespace": SPACE, "verb": verb, "group": group, "resource": resource, "subresource": sub}
        spec = {"user": f"system:serviceaccount:{SPACE}:agent", "resourceAttributes": asked}
        answer = self.cluster.api("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(answer["status"]["allowed"])

    def walk(self) -> set[tuple[str, str]]:
        """Do all that an agent does; the verbs and resources that were refused."""
        self.walks += 1
        self.refused = set()
        client, stop = Client(SPACE, str(self.kubeconfig)), threading.Event()
        plan = jobs.plan(
            ClaimedRun(id=f"r{self.walks}", fence=1, run_token="twr_x", name="n", flow_id="f", flow_name="f"),
            KubernetesSettings(),
            api_url="http://gateway:4200",
            trusted_keys="",
            mark="m",
        )
        followed = []
        touches = ((Job, self._touch_job), (Pod, self._touch_pod), (Event, self._touch_event))
        try:
            self._try(client.connect)
            for kind, touch in touches:
                followed.append(self._follow(client, kind, touch, stop))
            self._try(lambda: client.start(plan, stop))
            self._try(lambda: client.start(plan, stop))  # as after a lost answer
            self._try(lambda: client.job(plan.name))
            self._try(lambda: client.pods({jobs.RUN: "x"}))
            if client.output("said", "flow", 10) != ["said"]:  # it is content with none
                self.refused.add(("get", "pods/log"))
            self._try(lambda: client.delete(plan.name))
        finally:
            stop.set()
            for _, touch in touches:
                touch()
            for thread in followed:
                thread.join(PATIENCE)
            client.close()
        assert not any(thread.is_alive() for thread in followed)
        return self.refused

    def _try(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except (httpx2.HTTPError, TowpathError, CannotStartError) as e:
            self._hear(said(e))

    def _hear(self, words: str) -> None:
        if found := _REFUSED_WATCH.search(words):
            self.refused.add(("watch", found[1]))
        else:
            found = _REFUSAL.search(words)
            self.refused.add((found[1], found[2]) if found else (words, ""))

    def _follow(self, client: Client, kind: Any, touch: Callable[[], Any], stop: threading.Event) -> threading.Thread:
        """Until a change is told, or a refusal; the thread goes on."""
        listed, done = threading.Event(), threading.Event()

        def trouble(words: str) -> None:
            self._hear(words)
            listed.set()
            done.set()

        def changed(what: str, one: dict[str, Any]) -> None:
            done.set()
            if stop.is_set():
                raise RuntimeError("enough")  # what a client that is closed says

        hooks: dict[str, Any] = {
            "before": lambda: None,
            "listed": lambda found, known: listed.set(),
            "changed": changed,
            "trouble": trouble,
        }
        thread = threading.Thread(target=client.follow, args=(kind,), kwargs={**hooks, "stop": stop}, daemon=True)
        thread.start()
        assert listed.wait(PATIENCE)
        touch()
        assert done.wait(PATIENCE)
        return thread

    def _touch_job(self) -> None:
        self._annotate(f"/apis/batch/v1/namespaces/{SPACE}/jobs/job")

    def _touch_pod(self) -> None:
        self._annotate(f"/api/v1/namespaces/{SPACE}/pods/said")

    def _touch_event(self) -> None:
        about = {"kind": "Job", "name": "job", "namespace": SPACE}
        event = {"metadata": {"generateName": "e"}, "involvedObject": about, "type": "Warning", "reason": "Tests", "message": "m"}
        self.cluster.api("POST", f"/api/v1/namespaces/{SPACE}/events", event)

    def _annotate(self, path: str) -> None:
        found = self.cluster.api("GET", path)["metadata"].get("annotations", {})
        count = int(found.get("touched", "0")) + 1
        self.cluster.api("PATCH", path, {"metadata": {"annotations": {"touched": str(count)}}}, merge=True)


@pytest.fixture(scope="module")
def judge(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    cluster.namespace(SPACE)
    cluster.api("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", ACCOUNT)
    cluster.api("POST", f"{GROUP}/roles", {**ACCOUNT, "rules": []})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent"}
    subject = {"kind": "ServiceAccount", "name": "agent", "namespace": SPACE}
    cluster.api("POST", f"{GROUP}/rolebindings", {**ACCOUNT, "subjects": [subject], "roleRef": role})
    spec = _pod()
    spec["containers"][0] |= {"image": IMAGE, "args": ["echo", "said"], "env": [{"name": "A", "value": "b"}]}  # type: ignore[index]
    with contextlib.closing(Kubelet(cluster, tmp_path_factory.mktemp("role")).start()):
        cluster.api("POST", f"/api/v1/namespaces/{SPACE}/pods", {"metadata": {"name": "said"}, "spec": spec})
        job = {"metadata": {"name": "job"}, "spec": {"suspend": True, "template": {"spec": _pod()}}}
        cluster.api("POST", f"/apis/batch/v1/namespaces/{SPACE}/jobs", job)
        pod = f"/api/v1/namespaces/{SPACE}/pods/said"
        cluster.wait(lambda: cluster.api("GET", pod)["status"].get("phase") == "Succeeded", "the pod has not written")
        yield Judge(cluster, cluster.account_kubeconfig(SPACE, "agent"))


def test_the_printed_role_is_enough(judge: Judge) -> None:
    """Nothing that the agent asks is refused."""
    judge.allow(RIGHTS)
    assert judge.walk() == set()


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: f"{right[2]}-{right[1]}")
def test_no_verb_of_the_printed_role_is_too_much(right: tuple[str, str, str], judge: Judge) -> None:
    """Without any one of them the agent is refused just that."""
    judge.allow([one for one in RIGHTS if one != right])
    assert judge.walk() == {(right[2], right[1])}


def test_what_install_prints_is_admitted(cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field is known, and its pod is made in a namespace under "restricted"."""
    space = cluster.namespace("installed")
    template = tmp_path / "job.yaml"
    template.write_text("spec: {suspend: true}")
    assert main(["agent", "kubernetes", "install", "--namespace", space, "--name", "far", "--job-template", str(template)]) == 0
    for made in yaml.safe_load_all(capsys.readouterr().out):
        group = "api/v1" if made["apiVersion"] == "v1" else f"apis/{made['apiVersion']}"
        cluster.api("POST", f"/{group}/namespaces/{space}/{made['kind'].lower()}s?fieldValidation=Strict", made)
    cluster.wait(lambda: cluster.api("GET", f"/api/v1/namespaces/{space}/pods")["items"], "the agent has no pod")
