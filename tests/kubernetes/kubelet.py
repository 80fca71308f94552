"""A kubelet for tests: it carries out the pods of a real API server as processes of this machine.

What it does is what a kubelet does, as far as the agent can see: it renews its node's lease, takes the pods that the scheduler gives it,
refuses images that are not there, waits for secrets, starts the container `flow` with its command and its environment, says how the pod
is, ends it with SIGTERM and its grace when it is deleted, kills it when it has more memory than its limit, evicts, serves its log. What
it does not: images, namespaces of the kernel, cgroups,
users. So it proves what the cluster and the agent say to each other, and that what is in a Job runs a flow; not that a container would.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import psutil
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lightkube import Client, KubeConfig
from towpath_agent_kubernetes.cluster import Pod

from tests.kubernetes.cluster import Cluster

SIZE = {"cpu": "8", "memory": "16Gi", "pods": "110"}
IMAGE = "towpath:test"
"""The only image that is there."""
BEAT = 5.0
"""Seconds between two renewals of the node's lease, which the cluster misses after 50."""
SECRET_GRACE = 20.0
"""Seconds that a secret may be late before the pod says so: an agent makes it after its Job."""
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class Kubelet:
    """One node.

    Args:
        cluster: The control plane.
        folder: For logs and homes.
        name: The node's; None for one that nobody else has.

    Attributes:
        processes: What runs or ran, by the pod's name.
    """

    def __init__(self, cluster: Cluster, folder: Path, name: str | None = None) -> None:
        self.name = name or f"node-{uuid.uuid4().hex[:8]}"
        self._cluster = cluster
        self._folder = folder
        self._stop = threading.Event()
        self._known: set[str] = set()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._deleted: dict[str, threading.Event] = {}
        self._evicted: dict[str, str] = {}
        self._server = _serve(folder, self._writes)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, daemon=True),
            threading.Thread(target=self._watch, daemon=True),
            threading.Thread(target=self._beat, daemon=True),
        ]

    def start(self) -> Kubelet:
        """Make the node known, and take its pods. Returns when the cluster would give it some."""
        self._cluster.api("POST", "/api/v1/nodes", {"metadata": {"name": self.name, "labels": {"kubernetes.io/hostname": self.name}}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_address[1]}},
            "conditions": [_ready()],
            "capacity": SIZE,
            "allocatable": SIZE,
        }
        self._cluster.api("PATCH", f"/api/v1/nodes/{self.name}/status", {"status": status}, merge=True)
        lease = {
            "metadata": {"name": self.name},
            "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)},
        }
        self._cluster.wait(lambda: self._try("POST", _LEASES, lease), "the node gets no lease")
        for thread in self._threads:
            thread.start()
        self._cluster.wait(
            lambda: not self._cluster.api("GET", f"/api/v1/nodes/{self.name}")["spec"].get("taints"), "nobody wants the node"
        )
        return self

    def cordon(self, on: bool) -> None:
        """Keep new pods away, or let them come again."""
        self._cluster.cordon(self.name, on)

    def lose(self) -> None:
        """The machine is gone with all that ran on it; somebody takes the node out of the cluster."""
        self.close()
        self._cluster.api("DELETE", f"/api/v1/nodes/{self.name}")

    def close(self) -> None:
        """End all that it runs, and say no more."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        for process in list(self.processes.values()):
            self._kill(process)
            process.wait()

    def _writes(self, pod: str) -> bool:
        """Whether a pod's container may write more."""
        process = self.processes.get(pod)
        return process is not None and process.poll() is None and not self._stop.is_set()

    def kill(self, run_id: str) -> None:
        """End a run's container with SIGKILL, as whoever has the node can."""
        for name, process in list(self.processes.items()):
            if run_id in name and process.poll() is None:
                self._kill(process)

    def go_on(self, run_id: str) -> None:
        """Let a run of the flow "patient" end."""
        for name in list(self.processes):
            if run_id in name:
                (self._folder / f"home-{name}" / "go-on").touch()

    def evict(self, run_id: str, message: str) -> None:
        """End a run's pod, as a kubelet does whose node runs out of something."""
        self._evicted |= {name: message for name in self.processes if run_id in name}
        self.kill(run_id)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            self._try("PATCH", f"{_LEASES}/{self.name}", {"spec": {"renewTime": _now(micro=True)}})
            # after an outage the cluster may have thought that it was gone
            self._try("PATCH", f"/api/v1/nodes/{self.name}/status", {"status": {"conditions": [_ready()]}})

    def _watch(self) -> None:
        while not self._stop.is_set():
            client = Client(KubeConfig.from_file(self._cluster.kubeconfig))
            with contextlib.suppress(httpx2.HTTPError, RuntimeError), client:
                for what, pod in client.watch(Pod, namespace="*", fields={"spec.nodeName": self.name}, server_timeout=60):
                    if self._stop.is_set():
                        return
                    self._see(what, pod)
            self._stop.wait(0.2)

    def _see(self, what: str, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        gone = self._deleted.setdefault(metadata["uid"], threading.Event())
        if what == "DELETED" or metadata.get("deletionTimestamp"):
            gone.set()
        if metadata["uid"] not in self._known and what != "DELETED":
            self._known.add(metadata["uid"])
            threading.Thread(target=self._carry_out, args=(pod, gone), daemon=True).start()

    def _carry_out(self, pod: dict[str, Any], gone: threading.Event) -> None:
        container = pod["spec"]["containers"][0]
        if container["image"] != IMAGE:
            self._waits(pod, "ErrImagePull", f"{container['image']}: not found")
        elif (env := self._environment(pod, gone)) is not None:
            self._run(pod, container, env, gone)
        gone.wait()
        while not self._stop.is_set() and self._there(pod):
            self._try("DELETE", _path(pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}})
            self._stop.wait(0.2)

    def _there(self, pod: dict[str, Any]) -> bool:
        try:
            return bool(self._cluster.api("GET", _path(pod))["metadata"]["uid"] == pod["metadata"]["uid"])
        except requests.RequestException as e:
            return not _missing(e)

    def _environment(self, pod: dict[str, Any], gone: threading.Event) -> dict[str, str] | None:
        """The container's variables; None when it was deleted before its secret was there."""
        name, secrets = pod["metadata"]["name"], f"/api/v1/namespaces/{pod['metadata']['namespace']}/secrets"
        env: dict[str, str] = {}
        late = time.monotonic() + SECRET_GRACE
        for one in pod["spec"]["containers"][0]["env"]:
            reference = (one.get("valueFrom") or {}).get("secretKeyRef")
            while reference is not None:
                try:
                    found = self._cluster.api("GET", f"{secrets}/{reference['name']}")
                except requests.RequestException as e:
                    if _missing(e) and time.monotonic() > late:
                        self._waits(pod, "CreateContainerConfigError", str(e))
                    if gone.wait(0.2):
                        return None
                else:
                    env[one["name"]] = base64.b64decode(found["data"][reference["key"]]).decode()
                    break
            if reference is None:
                env[one["name"]] = one.get("value", "")
        home = self._folder / f"home-{name}"
        home.mkdir(exist_ok=True)
        return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(home), "TOWPATH_HOME": str(home / ".towpath"), **env}

    def _run(self, pod: dict[str, Any], container: dict[str, Any], env: dict[str, str], gone: threading.Event) -> None:
        name = pod["metadata"]["name"]
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                container["args"], env=env, cwd=env["HOME"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.processes[name] = process
        self._say(pod, "Running", {"running": {"startedAt": _now()}})
        limit = _bytes(((container.get("resources") or {}).get("limits") or {}).get("memory"))
        kill_at, oom = None, False
        while process.poll() is None and not self._stop.is_set():
            if gone.is_set() and kill_at is None:
                kill_at = time.monotonic() + pod["spec"]["terminationGracePeriodSeconds"]
                process.terminate()
            over = limit is not None and _memory(process.pid) > limit
            if over or (kill_at is not None and time.monotonic() > kill_at):
                oom = over
                self._kill(process)
                process.wait()
            time.sleep(0.05)
        if self._stop.is_set():
            return
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        reason = "OOMKilled" if oom else "Completed" if status == 0 else "Error"
        terminated = {"exitCode": status, "reason": reason, "startedAt": _now(), "finishedAt": _now()}
        evicted = {"reason": "Evicted", "message": self._evicted[name]} if name in self._evicted else {}
        self._say(pod, "Succeeded" if status == 0 else "Failed", {"terminated": terminated}, **evicted)

    def _waits(self, pod: dict[str, Any], reason: str, message: str) -> None:
        self._say(pod, "Pending", {"waiting": {"reason": reason, "message": message}})

    def _say(self, pod: dict[str, Any], phase: str, state: dict[str, Any], **more: str) -> None:
        container = pod["spec"]["containers"][0]
        one = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "restartCount": 0,
            "ready": "running" in state,
            "state": {"waiting": None, "running": None, "terminated": None, **state},
        }
        status = {"phase": phase, "containerStatuses": [one], **more}
        while not self._stop.is_set():
            try:
                self._cluster.set_status(pod["metadata"]["namespace"], pod["metadata"]["name"], status)
            except requests.RequestException as e:
                if _missing(e):  # the pod is gone
                    return
                self._stop.wait(0.2)
            else:
                return

    def _try(self, method: str, path: str, body: Any) -> bool:
        with contextlib.suppress(requests.RequestException):
            self._cluster.api(method, path, body, merge=method == "PATCH")
            return True
        return False

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _ready() -> dict[str, str]:
    return {"type": "Ready", "status": "True", "reason": "Tests", "lastHeartbeatTime": _now()}


def _missing(error: requests.RequestException) -> bool:
    return error.response is not None and error.response.status_code == 404


def _path(pod: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _memory(pid: int) -> int:
    def each() -> Iterator[int]:
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(pid)
            for process in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    yield process.memory_info().rss

    return sum(each())


def _bytes(text: str | None) -> int | None:
    return None if text is None else int(text[:-2]) * _BYTES[text[-2:]]


def _now(*, micro: bool = False) -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")


def _serve(folder: Path, writes: Callable[[str], bool]) -> ThreadingHTTPServer:
    """The API server asks the node for logs: `/containerLogs/NAMESPACE/POD/CONTAINER`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            pod = path.split("/")[3]
            self.send_response(200)
            self.send_header("content-type", "text/plain")
            self.end_headers()
            with contextlib.suppress(FileNotFoundError, ConnectionError), (folder / f"{pod}.log").open("rb") as file:
                more = True
                while more:
                    more = "follow=true" in query and writes(pod)
                    self.wfile.write(file.read())
                    time.sleep(0.05 if more else 0)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
    certificate, secret = folder / "node.crt", folder / "node.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server
