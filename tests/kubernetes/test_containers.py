"""Flow runs in real containers: a kubelet, containerd and runc carry out what the agent's Jobs say, with Towpath's own image.

What users, cgroups and images do to a run is the real thing here; `node.py` says what of the machine it needs. Where that is lacking, these
tests are left out, and say why.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import engine  # noqa: F401  (a fixture)
from tests.e2e.conftest import Site
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.kubelet import IMAGE
from tests.kubernetes.node import PAUSE, Node, lacking
from tests.kubernetes.place import Place
from tests.kubernetes.registry import Registry

pytestmark = pytest.mark.skipif(lacking() is not None, reason=f"!! NOT TESTED: that flows run in containers of a kubelet: {lacking()}")
FLOWS = """
import json, os, time
import towpath
from towpath import Flow, Parameter, task
from towpath.run_configs import KubernetesRun

def writes(path):
    try:
        open(path, "w").close()
    except OSError as e:
        return e.strerror
    return "written"

@task
def look():
    status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
    found = {name: status[name].strip() for name in ("CapBnd", "CapEff", "NoNewPrivs", "Seccomp")}
    found |= {"user": [os.getuid(), os.getgid()], "root": writes("/opt/here"), "home": writes(os.path.expanduser("~/here"))}
    found |= {"tmp": writes("/tmp/here"), "account": os.path.exists("/var/run/secrets/kubernetes.io"), "processes": os.getppid() < 100}
    towpath.context.logger.info("FOUND %s", json.dumps(found))
    print("seen by whoever reads the container's log", flush=True)

@task
def eat(mb):
    food = []
    for _ in range(mb):
        food.append(os.urandom(1024 * 1024))
    return len(food)

@task
def wait():
    print("waiting", flush=True)
    time.sleep(3600)

@task
def be_deaf():
    print("waiting", flush=True)
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass

with Flow("inside", run_config=KubernetesRun()) as inside:
    look()
with Flow("hungry", run_config=KubernetesRun(memory_limit="250Mi")) as hungry:
    eat(Parameter("mb", default=400))
with Flow("patient", run_config=KubernetesRun()) as patient:
    wait()
with Flow("deaf", run_config=KubernetesRun(env={"TOWPATH_CANCEL_GRACE": "1"})) as deaf:
    be_deaf()
"""
READ_ONLY = {
    "env": {"TOWPATH_HOME": "/tmp/towpath"},
    "job_template": {
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "flow",
                            "securityContext": {"readOnlyRootFilesystem": True},
                            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                        }
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                }
            }
        }
    },
}
"""As agents/kubernetes/README.md shows it."""


@pytest.fixture(scope="module")
def node(cluster: Cluster, engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:  # noqa: F811
    """A node of the cluster that has the image of flows."""
    pause = f'FROM {IMAGE}\nCMD ["sleep", "infinity"]\n'
    subprocess.run(["docker", "build", "-q", "-t", PAUSE, "-"], input=pause.encode(), check=True, stdout=subprocess.DEVNULL)
    folder: Path = tmp_path_factory.mktemp("node")
    found = Node(cluster, folder)
    try:
        found.start()
        subprocess.run(["docker", "save", "-o", folder / "images.tar", IMAGE, PAUSE], check=True)
        found.load(folder / "images.tar")
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def place(node: Node, cluster: Cluster, empty_site: Site) -> Place:
    found = Place(empty_site, cluster, "containers", ("--env", f"TOWPATH_API_URL=http://{node.gateway}:{empty_site.backend.port}"), FLOWS)
    found.prepare()
    found.start_agent()
    return found


def test_a_run_in_a_container_of_its_own(place: Place) -> None:
    """As nobody in particular, without a right, an account or a root that it can write to; its log is read outside, and nothing is left."""
    run_id = place.create("inside", run_config={"type": "KubernetesRun", **READ_ONLY})
    place.ended(run_id, "Success")
    found = json.loads(place.site.logs(run_id).partition("FOUND ")[2].partition("\n")[0])
    assert found == {
        "CapBnd": "0" * 16,
        "CapEff": "0" * 16,
        "NoNewPrivs": "1",
        "Seccomp": "2",
        "user": [10001, 10001],
        "root": "Read-only file system",
        "home": "Read-only file system",
        "tmp": "written",
        "account": False,
        "processes": True,
    }
    place.until("the agent prints its log", lambda: "seen by whoever reads the container's log" in place.agent_log())
    place.removed(run_id)


def test_the_kernel_ends_what_has_too_much_memory(place: Place) -> None:
    """The cgroup's limit is the Job's, and the run says it: by its supervisor, or by the agent where the kernel ends all of a container."""
    run_id = place.create("hungry")
    place.ended(run_id, "Failed")
    assert "was killed by the kernel: out of memory" in place.story(run_id)
    place.removed(run_id)


@pytest.mark.parametrize(
    ("policy", "reasons", "words"),
    [
        ("IfNotPresent", ("ErrImagePull", "ImagePullBackOff"), "connection refused"),
        ("Never", ("ErrImageNeverPull",), "is not present with pull policy of Never"),
    ],
)
def test_an_image_that_cannot_be_had_is_said(policy: str, reasons: tuple[str, ...], words: str, place: Place) -> None:
    """With the words of the kubelet and the runtime."""
    image = "127.0.0.1:1/nobody/nothing:1"
    run_id = place.create("inside", run_config={"type": "KubernetesRun", "image": image, "image_pull_policy": policy})
    for reason in reasons:
        place.says(run_id, f"{reason} (image '{image}')")
    place.says(run_id, words)
    place.site.cli("cancel", run_id)
    place.removed(run_id)


def test_an_image_is_pulled_with_a_secret(place: Place, tmp_path: Path) -> None:
    """From a registry that wants a password: refused without it, and the run says so; carried out with it."""
    subprocess.run(["docker", "save", "-o", tmp_path / "image.tar", IMAGE], check=True)
    with Registry(tmp_path / "image.tar", tmp_path).serving() as registry:
        config = {"type": "KubernetesRun", "image": registry.image, "image_pull_policy": "Always"}
        refused = place.create("inside", run_config=config)
        place.says(refused, f"ErrImagePull (image '{registry.image}')")
        place.says(refused, "401 Unauthorized")
        place.site.cli("cancel", refused)
        place.cluster.api("POST", f"/api/v1/namespaces/{place.namespace}/secrets", registry.pull_secret("registry"))
        allowed = place.create("inside", run_config=config | {"image_pull_secrets": ["registry"]})
        place.ended(allowed, "Success")
    place.removed(refused, allowed)


def test_a_cancelled_run_ends_in_its_container(place: Place, node: Node) -> None:
    """The Job is deleted, the supervisor gets SIGTERM and says Cancelled, and the container is gone."""
    run_id = place.running("patient")
    assert len(node.containers(run_id)) == 1
    place.site.cli("cancel", run_id)
    place.ended(run_id, "Cancelled")
    place.removed(run_id)
    place.until("the container is gone", lambda: not node.containers(run_id))


def test_a_cancelled_run_that_does_not_hear_is_killed(place: Place, node: Node) -> None:
    """After its grace, by the supervisor in the container; it needs not the kubelet's SIGKILL."""
    run_id = place.running("deaf")
    place.site.cli("cancel", run_id)
    place.ended(run_id, "Cancelled")
    place.removed(run_id)
    place.until("the container is gone", lambda: not node.containers(run_id))


def test_a_container_that_somebody_kills(place: Place, node: Node) -> None:
    """Nobody in it can speak any more; the agent says how it ended, with its last lines."""
    run_id = place.running("patient")
    node.kill(run_id)
    place.ended(run_id, "Failed")
    assert "was killed (SIGKILL)" in place.story(run_id)
    assert "waiting" in place.site.logs(run_id)
    place.removed(run_id)


def test_a_drained_node_ends_a_life_and_not_the_run(place: Place, node: Node) -> None:
    """`kubectl drain`: cordoned, evicted with the pod's grace. SIGTERM is a lost process; the run lives on when there is a node again."""
    run_id = place.running("patient", run_config={"type": "KubernetesRun", "env": {"TOWPATH_CANCEL_GRACE": "5"}})
    (pod,) = place.objects("pods", run_id)
    assert pod["spec"]["terminationGracePeriodSeconds"] == 25
    place.cluster.cordon(node.name, True)
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    place.cluster.api("POST", f"/api/v1/namespaces/{place.namespace}/pods/{name}/eviction", eviction)
    place.says(run_id, "was told to stop with its container (SIGTERM)")
    place.until("its container is gone", lambda: not node.containers(run_id))
    place.cluster.cordon(node.name, False)
    place.ended(run_id, "Failed")  # its task had no retry
    place.removed(run_id)


def test_containers_outlive_the_kubelet(place: Place, node: Node) -> None:
    """It is upgraded, or crashes; what runs goes on, and ends as it would have."""
    run_id = place.running("patient")
    (before,) = node.containers(run_id)
    node.restart_kubelet()
    assert node.containers(run_id) == [before]
    place.site.cli("cancel", run_id)
    place.ended(run_id, "Cancelled")
    place.removed(run_id)
    assert place.site.run(run_id)["attempt"] == 1
