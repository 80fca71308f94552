"""Nodes and pods that go: what the cluster takes away is told and runs once more or fails, as the rules say, and never twice at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Site
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.kubelet import Kubelet
from tests.kubernetes.place import ProcessPlace, placed

BURST = 20


@pytest.fixture(scope="module")
def place(cluster: Cluster, empty_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessPlace]:
    with placed(empty_site, cluster, "nodes", tmp_path_factory.mktemp("node")) as found:
        yield found


def test_what_no_node_has_room_for_is_said(place: ProcessPlace) -> None:
    """The scheduler's own words are in the run's log while the pod waits; a cancelled run does not wait on."""
    run_id = place.create("inside", run_config={"type": "KubernetesRun", "memory_request": "1Ti", "memory_limit": "1Ti"})
    place.says(run_id, "FailedScheduling: 0/1 nodes are available: 1 Insufficient memory")
    assert place.site.run(run_id)["state"] == "Submitted"
    place.site.cli("cancel", run_id)
    place.removed(run_id)


def test_a_pod_that_waits_starts_when_a_node_comes(place: ProcessPlace, tmp_path: Path) -> None:
    """An autoscaler brings a node, and the run that waited for it is carried out there."""
    needs = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "the-new-one"}}}}}
    run_id = place.create("inside", run_config={"type": "KubernetesRun", "env": {"COLOR": "green"}, "job_template": needs})
    place.says(run_id, "FailedScheduling: 0/1 nodes are available")
    node = Kubelet(place.cluster, tmp_path, "the-new-one").start()
    try:
        place.ended(run_id, "Success")
        assert "COLOR green" in place.site.logs(run_id)
        place.removed(run_id)
    finally:
        node.lose()


def test_a_pod_evicted_for_want_of_memory_says_so(place: ProcessPlace) -> None:
    """The kubelet's reason is the run's."""
    run_id = place.running("patient")
    place.kubelet.evict(run_id, "The node was low on resource: memory.")
    place.ended(run_id, "Failed")
    assert "Evicted: The node was low on resource: memory" in place.story(run_id)
    place.removed(run_id)


def test_a_drained_pod_is_no_cancellation(place: ProcessPlace) -> None:
    """Evicted through the API, as `kubectl drain` does it: the run says so, and lives on in another pod."""
    run_id = place.running("stubborn")
    (pod,) = place.objects("pods", run_id)
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    place.cluster.api("POST", f"/api/v1/namespaces/{place.namespace}/pods/{name}/eviction", eviction)
    place.says(run_id, "was told to stop with its container (SIGTERM)")
    place.until("its next life runs", lambda: len(elsewhere(place, run_id)) == 2 and place.site.run(run_id)["state"] == "Running")
    place.site.cli("cancel", run_id)
    place.ended(run_id, "Cancelled")
    place.removed(run_id)


def test_runs_whose_node_is_gone_live_on_elsewhere_once(place: ProcessPlace, tmp_path: Path) -> None:
    """Their leases end that life, for nobody on the machine can speak. A task that may be tried again is, on another node; one that may
    not has failed. The first pods, which the cluster collects when it gives up on the node, end nothing of the next life.
    """
    place.kubelet.cordon(True)
    doomed = Kubelet(place.cluster, tmp_path).start()
    fails, lives = place.running("patient"), place.running("stubborn")
    first = {job["metadata"]["name"] for one in (fails, lives) for job in place.objects("jobs", one)}
    assert len(doomed.processes) == len(first) == 2
    place.kubelet.cordon(False)
    doomed.lose()

    place.ended(fails, "Failed")
    place.until(
        "its next life runs", lambda: any(t["state"] == "Running" for t in place.site.run(lives)["task_runs"]) and elsewhere(place, lives)
    )
    place.until("the first Jobs are removed", lambda: not first & {job["metadata"]["name"] for job in place.objects("jobs", lives)})
    place.removed(fails)
    assert place.site.run(lives)["state"] == "Running", place.story(lives)
    assert len(place.objects("jobs", lives)) == len(elsewhere(place, lives)) == 1
    place.site.cli("cancel", lives)
    place.ended(lives, "Cancelled")
    place.removed(lives)


def elsewhere(place: ProcessPlace, run_id: str) -> list[str]:
    """The pods in which a run was carried out on the place's own node."""
    return [name for name in list(place.kubelet.processes) if run_id in name]


def test_twenty_runs_outlive_an_api_server(place: ProcessPlace) -> None:
    """It goes while half of them run and half are still to be started. Each runs once, and none is given back.

    How many pods there were is not asked: a controller that has missed something may make a second one, which finds its run taken.
    """
    early = [place.create("inside") for _ in range(BURST // 2)]
    place.until("one has ended", lambda: any(place.site.run(one)["state"] == "Success" for one in early))
    place.cluster.stop_api()
    late = [place.create("inside") for _ in range(BURST // 2)]
    place.until("all are claimed", lambda: all(place.site.run(one)["state"] != "Scheduled" for one in late))
    place.cluster.start_api()
    for run_id in (*early, *late):
        place.ended(run_id, "Success")
        found = place.site.run(run_id)
        assert (found["times_resurrected"], found["attempt"]) == (0, 1), place.story(run_id)
        assert place.site.logs(run_id).count("COLOR blue") == 1
    place.removed(*early, *late)


@pytest.mark.parametrize("deleted", [False, True], ids=["refused", "taken back"])
def test_a_second_pod_of_a_job_ends_nothing_of_the_first(deleted: bool, place: ProcessPlace) -> None:
    """A controller that has missed something makes one: the API refuses it, or the controller deletes it again, and the run goes on."""
    run_id = place.running("patient")
    (pod,) = place.objects("pods", run_id)
    labels = {name: value for name, value in pod["metadata"]["labels"].items() if name.startswith("towpath.io/")}
    second = f"{pod['metadata']['name']}-again"
    spec = {name: value for name, value in pod["spec"].items() if name != "nodeName"}
    if deleted:
        spec["nodeSelector"] = {"kubernetes.io/hostname": "nowhere"}
    pods = f"/api/v1/namespaces/{place.namespace}/pods"
    place.cluster.api(
        "POST", pods, {"metadata": {"name": second, "labels": labels, "annotations": pod["metadata"]["annotations"]}, "spec": spec}
    )
    if not deleted:
        place.until(
            "the second one ends", lambda: place.cluster.api("GET", f"{pods}/{second}")["status"]["phase"] in ("Failed", "Succeeded")
        )
    place.cluster.api("DELETE", f"{pods}/{second}")
    place.until("the agent has seen that", lambda: f"of flow run {run_id} ended beside another one" in place.agent_log())
    place.kubelet.go_on(run_id)
    place.ended(run_id, "Success")
    place.removed(run_id)


def test_watches_that_are_too_old_miss_nothing(place: ProcessPlace) -> None:
    """etcd forgets what the agent's watches would go on from, and meanwhile runs end: a list makes up for it."""
    runs = [place.running("patient") for _ in range(2)]
    place.cluster.stop_api()
    for run_id in runs:
        place.kubelet.kill(run_id)
    place.cluster.start_api()
    place.cluster.forget_history()
    for run_id in runs:
        place.ended(run_id, "Failed")
        assert "was killed (SIGKILL)" in place.story(run_id)
    place.removed(*runs)
