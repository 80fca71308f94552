"""Flow runs as Jobs of a real API server: what happens to them, and what people are told.

Admission, RBAC, quotas, scheduling, Jobs, garbage and watches are the real ones. What is in a pod is carried out by `kubelet.py`, as
processes of this machine: see there what that proves and what not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.e2e.conftest import Site
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.place import ACCOUNT, ProcessPlace, placed


@pytest.fixture(scope="module")
def place(cluster: Cluster, empty_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessPlace]:
    with placed(empty_site, cluster, "flows", tmp_path_factory.mktemp("node")) as found:
        yield found


def test_a_run_in_a_job_of_its_own(place: ProcessPlace) -> None:
    """Accepted by an API server that enforces "restricted", with the printed Role; run to its end; and nothing is left of it."""
    run_id = place.create("inside")
    place.ended(run_id, "Success")
    assert "COLOR blue" in place.site.logs(run_id)
    place.removed(run_id)


def test_the_agent_cannot_read_the_secrets_that_it_writes(place: ProcessPlace) -> None:
    """Its account may make secrets, and neither read them nor execute anything in a pod."""
    token = place.cluster.account_kubeconfig(place.namespace, ACCOUNT).read_text().partition("token: ")[2].split()[0]
    for method, path in (("GET", "secrets"), ("POST", "pods/x/exec"), ("DELETE", "pods/x"), ("POST", "pods")):
        url = f"{place.cluster.url}/api/v1/namespaces/{place.namespace}/{path}"
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, url, headers=headers, verify=str(place.cluster.folder / "ca.crt"), json={})
        assert answer.status_code == 403, (method, path)


def test_out_of_memory_is_said(place: ProcessPlace) -> None:
    """A run that has more than its limit fails with that reason as soon as it is ended."""
    run_id = place.create("hungry")
    place.ended(run_id, "Failed")
    assert "was killed by the kernel: out of memory (its limit is 250 MiB)" in place.story(run_id)
    place.removed(run_id)


def test_a_cancelled_run_ends_in_its_pod(place: ProcessPlace) -> None:
    """The Job is deleted, the pod gets SIGTERM, and its supervisor says Cancelled; nobody waits for a beat."""
    run_id = place.running("patient")
    place.site.cli("cancel", run_id)
    place.ended(run_id, "Cancelled")
    place.removed(run_id)


def test_a_killed_container_is_reported_at_once(place: ProcessPlace) -> None:
    """Nobody in the pod can speak any more, so the agent does, with the container's last lines."""
    run_id = place.running("patient")
    place.kubelet.kill(run_id)
    place.ended(run_id, "Failed")
    assert "was killed (SIGKILL)" in place.story(run_id)
    assert "waiting" in place.site.logs(run_id)


def test_what_runs_print_is_printed_by_the_agent(place: ProcessPlace) -> None:
    """Each line once, also when the API server, through which it comes, goes away in between."""
    run_id = place.running("patient", run_config={"type": "KubernetesRun", "env": {"COLOR": "violet"}})
    place.until("the first line is printed", lambda: "waiting violet" in place.agent_log())
    place.cluster.stop_api()
    place.kubelet.go_on(run_id)
    place.until("the run ends", lambda: place.site.run(run_id)["state"] == "Success")
    place.cluster.start_api()
    place.until("the last line is printed", lambda: "went on violet" in place.agent_log())
    place.removed(run_id)
    assert place.agent_log().count("waiting violet") == place.agent_log().count("went on violet") == 1


def test_what_cannot_be_started_says_why(place: ProcessPlace) -> None:
    """An image that is not there, fields that are refused, what the API server refuses: the run is given back with the reason."""
    reaching = {"spec": {"template": {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}], "containers": []}}}}
    for config, words in (
        ({"image": "nobody/nothing:1"}, "its pod cannot start its container 'flow': ErrImagePull (image 'nobody/nothing:1')"),
        ({"job_template": reaching}, "hostPath, which this agent does not allow"),
        ({"service_account_name": "cluster-admin"}, "its service account is 'cluster-admin'"),
        ({"cpu_request": "2", "cpu_limit": "1"}, "the cluster refuses its Job"),
    ):
        run_id = place.create("inside", run_config={"type": "KubernetesRun", **config})
        place.says(run_id, words)
        place.site.cli("cancel", run_id)
        place.removed(run_id)


def test_a_quota_is_said(place: ProcessPlace) -> None:
    """Of Jobs: the Job is refused. Of pods: the Job is there and its pod is refused; both are the run's reason."""
    quotas = f"/api/v1/namespaces/{place.namespace}/resourcequotas"
    for hard, words in (({"count/jobs.batch": "0"}, "the cluster refuses its Job"), ({"pods": "0"}, "its pod was refused by the cluster")):
        place.cluster.api("POST", quotas, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
        place.until("the quota is known", lambda: place.cluster.api("GET", f"{quotas}/none").get("status", {}).get("hard"))
        try:
            run_id = place.create("inside")
            place.says(run_id, words)
            assert "exceeded quota: none" in place.story(run_id)
            place.site.cli("cancel", run_id)
            place.removed(run_id)
        finally:
            place.cluster.api("DELETE", f"{quotas}/none")


def test_a_job_that_somebody_deletes(place: ProcessPlace) -> None:
    """kubectl delete job: the pod is told to stop and says so, nobody takes that for a cancellation, and nothing waits for what is gone."""
    run_id = place.running("patient")
    (job,) = place.objects("jobs", run_id)
    path = f"/apis/batch/v1/namespaces/{place.namespace}/jobs/{job['metadata']['name']}?propagationPolicy=Background"
    place.cluster.api("DELETE", path)
    place.ended(run_id, "Failed")  # its task had no retry
    assert "was told to stop with its container (SIGTERM)" in place.story(run_id)
    place.removed(run_id)


def test_jobs_outlive_their_agent(place: ProcessPlace) -> None:
    """kill -9 of the agent ends no run; the next agent of that name takes care of what goes on and of what ended meanwhile."""
    goes_on, ends = place.running("patient"), place.running("patient")
    place.kill_agent()
    assert place.objects("jobs", goes_on)
    place.kubelet.kill(ends)
    place.start_agent()
    place.ended(ends, "Failed")
    assert place.site.run(goes_on)["state"] == "Running"
    place.kubelet.kill(goes_on)
    place.ended(goes_on, "Failed")
    place.removed(goes_on, ends)


def test_the_api_server_is_away_for_a_while(place: ProcessPlace) -> None:
    """The agent lives on: what ended meanwhile is reported, what was claimed meanwhile runs once."""
    ends = place.running("patient")
    place.cluster.stop_api()
    claimed = place.create("inside")
    place.until("it is claimed", lambda: place.site.run(claimed)["state"] != "Scheduled")
    place.kubelet.kill(ends)
    place.cluster.start_api()
    place.ended(claimed, "Success")
    place.ended(ends, "Failed")
    assert place.site.run(claimed)["times_resurrected"] == 0
    place.removed(claimed)
    assert place.agent is not None
    assert place.agent.poll() is None
