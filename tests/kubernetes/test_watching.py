"""What the agent is told of a real API server: it misses nothing, also when a watch is too old to go on."""

from __future__ import annotations

import queue
import threading
from typing import Any

from towpath_agent_kubernetes.cluster import Cluster as Followed
from towpath_agent_kubernetes.cluster import Job

from tests.kubernetes.cluster import PATIENCE, Cluster
from tests.kubernetes.test_cluster import _job


class Held(threading.Event):
    """An agent's `stop`, whose pauses last until they are let go on: between them is the time when the watch is away."""

    def __init__(self) -> None:
        super().__init__()
        self.paused, self.go_on = threading.Event(), threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.paused.set()
        assert self.go_on.wait(PATIENCE)
        return self.is_set()


def test_a_list_makes_up_for_versions_that_are_forgotten(cluster: Cluster) -> None:
    """410 Gone: what came and what went while the watch was away is told by a second list, and the watch goes on from there."""
    space = cluster.namespace("forgotten")
    jobs = f"/apis/batch/v1/namespaces/{space}/jobs"
    cluster.api("POST", jobs, _job("before"))
    followed, stop = Followed(space, str(cluster.kubeconfig)), Held()
    told: queue.Queue[tuple[str, Any]] = queue.Queue()
    hooks = {
        "before": lambda: None,
        "listed": lambda found, _: told.put(("LIST", {one["metadata"]["name"] for one in found})),
        "changed": lambda what, one: told.put((what, one["metadata"]["name"])),
        "trouble": lambda words: told.put(("TROUBLE", words)),
    }
    thread = threading.Thread(target=followed.follow, args=(Job,), kwargs={**hooks, "stop": stop}, daemon=True)
    thread.start()

    def hears(what: tuple[str, Any]) -> list[tuple[str, Any]]:
        heard = []
        while not heard or heard[-1] != what:
            heard.append(told.get(timeout=PATIENCE))
        return heard

    hears(("LIST", {"before"}))
    cluster.stop_api()
    assert stop.paused.wait(PATIENCE)
    cluster.start_api()
    cluster.api("DELETE", f"{jobs}/before?propagationPolicy=Background")
    cluster.api("POST", jobs, _job("meanwhile"))
    cluster.forget_history()
    stop.go_on.set()
    assert not [words for what, words in hears(("LIST", {"meanwhile"})) if what == "TROUBLE"], "too old is nothing to complain of"
    cluster.api("POST", jobs, _job("after"))
    hears(("ADDED", "after"))
    stop.set()
    followed.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
