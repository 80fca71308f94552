"""The control plane that the other tests here stand on is one that judges."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.kubernetes.cluster import Cluster


def _pod(**context: object) -> dict[str, object]:
    safe = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {"restartPolicy": "Never", "containers": [{"name": "flow", "image": "towpath:latest", "securityContext": safe | context}]}


def _job(name: str, **context: object) -> dict[str, object]:
    template = {"spec": _pod(**context)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}}


def test_a_job_gets_a_pod_whose_end_ends_it(cluster: Cluster) -> None:
    """The controllers work: a pod appears, its status decides the Job's."""
    space = cluster.namespace("plane")
    cluster.api("POST", f"/apis/batch/v1/namespaces/{space}/jobs", _job("one"))
    cluster.wait(lambda: cluster.api("GET", f"/api/v1/namespaces/{space}/pods")["items"], "the Job has no pod")
    pod = cluster.api("GET", f"/api/v1/namespaces/{space}/pods")["items"][0]["metadata"]["name"]
    ended = {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}
    container = {"name": "flow", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
    cluster.set_status(space, pod, {"phase": "Failed", "containerStatuses": [container]})

    def failed() -> bool:
        status = cluster.api("GET", f"/apis/batch/v1/namespaces/{space}/jobs/one")["status"]
        return any(c["type"] == "Failed" and c["status"] == "True" for c in status.get("conditions", ()))

    cluster.wait(failed, "the Job did not fail")


def test_admission_refuses_what_pod_security_forbids(cluster: Cluster) -> None:
    """A privileged pod is refused in a restricted namespace."""
    space = cluster.namespace("strict")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}, "spec": _pod(allowPrivilegeEscalation=True)}
    with pytest.raises(requests.HTTPError, match="violates PodSecurity"):
        cluster.api("POST", f"/api/v1/namespaces/{space}/pods", pod)


def test_an_account_may_do_nothing_by_itself(cluster: Cluster) -> None:
    """RBAC is on: the default service account cannot even list."""
    space = cluster.namespace("small")
    token = cluster.account_kubeconfig(space, "default").read_text().partition("token: ")[2].split()[0]
    pods, headers = f"{cluster.url}/api/v1/namespaces/{space}/pods", {"Authorization": f"Bearer {token}"}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(pods, headers=headers, verify=str(cluster.folder / "ca.crt"), timeout=10)
    assert answer.status_code == 403


def test_what_is_known_outlives_the_api_server(cluster: Cluster) -> None:
    """The API server can be ended and started anew on the same data."""
    space = cluster.namespace("again")
    cluster.stop_api()
    cluster.start_api()
    assert cluster.api("GET", f"/api/v1/namespaces/{space}")["metadata"]["name"] == space


def test_a_program_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """Nobody waits for what has ended, and the reason is in what fails."""
    broken = Cluster(tmp_path)
    (tmp_path / "etcd").write_text("this should be a folder")
    try:
        with pytest.raises(AssertionError, match=r"etcd has ended with status \d+:\n--- the end of etcd's log\n(.|\n)*not a directory"):
            broken.start()
    finally:
        broken.stop()
