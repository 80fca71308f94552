"""A control plane of Kubernetes on loopback: etcd, API server, controller manager and scheduler, with certificates of their own.

No kubelet: nothing runs in a pod by itself. What a kubelet would write of a pod, tests write by `set_status`, or `kubelet.py` does.
`make k8s-tools` builds the programs.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.kubernetes import certificates

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("TOWPATH_K8S_TOOLS", ROOT / ".cache" / "k8s-tools")) / "bin"
CONTROLLERS = (
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "endpointslice-controller",
    "disruption-controller",
    "node-lifecycle-controller",
    "taint-eviction-controller",
    "pod-garbage-collector-controller",
)
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
PATIENCE = 300.0
"""Seconds for anything at all to happen: long, for the machine may be slow and busy. Who waits sees at once when a program has ended."""
_ANSWER = 90.0
"""Seconds for one answer of the API server."""


class Cluster:
    """A running control plane.

    Args:
        folder: Where its data, certificates and logs go.

    Attributes:
        url: The API server's address.
        kubeconfig: The file of an administrator.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "admin.kubeconfig"
        # taken until the end, also while a server of ours that shares one is away: nobody else gets it
        self._taken = [_take() for _ in range(3)]
        self._etcd, self._peer, self._port = (taken.getsockname()[1] for taken in self._taken)
        self.url = f"https://127.0.0.1:{self._port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        certificates.write_all(folder)
        user = {"client-certificate": str(folder / "admin.crt"), "client-key": str(folder / "admin.key")}
        self.write_kubeconfig(self.kubeconfig, user, "default")
        self._session = requests.Session()
        self._session.trust_env = False  # else the environment may name other authorities, and a proxy
        self._session.verify, self._session.cert = str(folder / "ca.crt"), (str(folder / "admin.crt"), str(folder / "admin.key"))

    def start(self, *, scheduler: bool = True) -> None:
        """Start all of it, or all but the scheduler; returns when the API server is ready and its controllers have begun."""
        f = self.folder
        self._run(
            "etcd",
            f"--data-dir={f}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{self._peer}",
            f"--initial-cluster=default=http://127.0.0.1:{self._peer}",
            "--socket-reuse-port=true",
            "--unsafe-no-fsync",
        )
        self.wait(lambda: self._answers(f"http://127.0.0.1:{self._etcd}/health"), "etcd is not healthy")
        self.start_api()
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={f}/accounts.key",
            f"--root-ca-file={f}/ca.crt",
            "--leader-elect=false",
            "--secure-port=0",
            f"--controllers={','.join(CONTROLLERS)}",
        )
        if scheduler:
            self._run("kube-scheduler", f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0")
        self._wait_for_account("default")  # the controllers have begun

    def start_api(self) -> None:
        """Start the API server, on its port and data of before, and wait until it is ready."""
        f = self.folder
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            "--permit-port-sharing=true",
            "--endpoint-reconciler-type=none",
            "--external-hostname=127.0.0.1",
            f"--tls-cert-file={f}/server.crt",
            f"--tls-private-key-file={f}/server.key",
            f"--client-ca-file={f}/ca.crt",
            f"--kubelet-client-certificate={f}/admin.crt",
            f"--kubelet-client-key={f}/admin.key",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={f}/accounts.key",
            f"--service-account-signing-key-file={f}/accounts.key",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
        )
        self.wait(lambda: self._answers(f"{self.url}/readyz"), "the API server is not ready")

    def stop_api(self) -> None:
        """End the API server; what it knows stays."""
        self._end("kube-apiserver")

    def stop(self) -> None:
        """End everything."""
        for name in reversed(list(self._processes)):
            self._end(name)
        self._session.close()
        for taken in self._taken:
            taken.close()

    def wait(self, condition: Callable[[], Any], complaint: str, patience: float = PATIENCE) -> None:
        """Wait until a condition holds that no signal tells of.

        Raises:
            AssertionError: It does not come to hold in `patience` seconds, or a program has ended; with the ends of the logs.
        """
        deadline = time.monotonic() + patience
        while True:
            for name, process in self._processes.items():
                assert process.poll() is None, f"{name} has ended with status {process.returncode}:\n{self._tail(name)}"
            if condition():
                return
            if time.monotonic() > deadline:
                raise AssertionError(
                    "\n".join([f"not within {patience:g} s: {complaint}", *(self._tail(name) for name in self._processes)])
                )
            time.sleep(0.05)

    def forget_history(self) -> None:
        """Have etcd and the API server, which is started anew, forget all versions but the newest: no watch of before can go on."""
        head = self._session.post(f"http://127.0.0.1:{self._etcd}/v3/kv/range", json={"key": "AA=="}, timeout=_ANSWER).json()
        compaction = {"revision": head["header"]["revision"], "physical": True}
        self._session.post(f"http://127.0.0.1:{self._etcd}/v3/kv/compaction", json=compaction, timeout=_ANSWER).raise_for_status()
        self.stop_api()
        self.start_api()

    def api(self, method: str, path: str, body: Any = None, *, merge: bool = False) -> Any:
        """What the API server answers an administrator, read from JSON.

        Raises:
            requests.HTTPError: It refuses; the answer's text is in the message.
        """
        kind = "application/strategic-merge-patch+json" if merge else "application/json"
        answer = self._session.request(method, self.url + path, json=body, headers={"Content-Type": kind}, timeout=_ANSWER)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text}", response=answer)
        return answer.json()

    def namespace(self, name: str, **labels: str) -> str:
        """Make a namespace under the restricted Pod Security Standard, and wait for its default service account."""
        enforced = {"pod-security.kubernetes.io/enforce": "restricted", **labels}
        self.api("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": enforced}})
        self._wait_for_account(name)
        return name

    def cordon(self, node: str, on: bool) -> None:
        """Keep new pods away from a node, or let them come again. Returns when the scheduler is told so."""
        path = f"/api/v1/nodes/{node}"
        self.api("PATCH", path, {"spec": {"unschedulable": on}}, merge=True)
        self.wait(lambda: bool(self.api("GET", path)["spec"].get("taints")) == on, "the node's taint does not follow")

    def set_status(self, namespace: str, pod: str, status: dict[str, Any]) -> None:
        """Write a pod's status as a kubelet would: `{"phase": …, "containerStatuses": […]}`."""
        self.api("PATCH", f"/api/v1/namespaces/{namespace}/pods/{pod}/status", {"status": status}, merge=True)

    def account_kubeconfig(self, namespace: str, account: str) -> Path:
        """A kubeconfig with a token of this service account, which must be there."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token = self.api("POST", path, {"spec": {"expirationSeconds": 7200}})["status"]["token"]
        file = self.folder / f"{namespace}-{account}.kubeconfig"
        self.write_kubeconfig(file, {"token": token}, namespace)
        return file

    def write_kubeconfig(self, path: Path, user: dict[str, str], namespace: str) -> None:
        """A kubeconfig of somebody, as the file format has it."""
        cluster = {"server": self.url, "certificate-authority": str(self.folder / "ca.crt")}
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": user}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests", "namespace": namespace}}],
        }
        path.write_text(yaml.safe_dump(text))
        path.chmod(0o600)

    # ---------------------------------------------------------------------------------------------------------------------- processes

    def _run(self, name: str, *arguments: str) -> None:
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen([TOOLS / name, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _end(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.kill()  # it would wait for its watches to end; what it knows is etcd's
            process.wait(20)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _tail(self, name: str) -> str:
        return f"--- the end of {name}'s log\n{self._log(name).read_text(errors='replace')[-3000:]}"

    def _answers(self, url: str) -> bool:
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            return self._session.get(url, timeout=_ANSWER).ok
        return False

    def _wait_for_account(self, namespace: str) -> None:
        account = f"{self.url}/api/v1/namespaces/{namespace}/serviceaccounts/default"
        self.wait(lambda: self._answers(account), f"the namespace {namespace} has no service account")


@contextlib.contextmanager
def running(folder: Path, *, scheduler: bool = True) -> Iterator[Cluster]:
    """A control plane as long as the block."""
    cluster = Cluster(folder)
    try:
        cluster.start(scheduler=scheduler)
        yield cluster
    finally:
        cluster.stop()


def _take() -> socket.socket:
    """A port that only servers get which share it, as ours are told to."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    taken.bind(("127.0.0.1", 0))
    return taken
