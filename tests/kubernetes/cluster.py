"""A control plane of Kubernetes on loopback: etcd, kube-apiserver and kube-controller-manager, with certificates of their own.

No kubelet and no scheduler: nothing runs in a pod by itself. What a kubelet would write of a pod,
tests write by `set_status`.
`make k8s-tools` builds the programs.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
)
PATIENCE = 60.0


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
        self._etcd, self._peer, self._port = (_free() for _ in range(3))
        self.url = f"https://127.0.0.1:{self._port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._certificates()
        self._session = requests.Session()
        self._session.trust_env = False  # else the environment may name other authorities, and a proxy
        self._session.verify, self._session.cert = str(folder / "ca.crt"), (str(folder / "admin.crt"), str(folder / "admin.key"))

    def start(self) -> None:
        """Start all of it; returns when the API server is ready and its controllers have begun."""
        f = self.folder
        self._run(
            "etcd",
            f"--data-dir={f}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{self._peer}",
            f"--initial-cluster=default=http://127.0.0.1:{self._peer}",
            "--unsafe-no-fsync",
        )
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

    def start_api(self) -> None:
        """Start the API server, on its port and data of before, and wait until it is ready."""
        f = self.folder
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            "--endpoint-reconciler-type=none",
            "--external-hostname=127.0.0.1",
            f"--tls-cert-file={f}/server.crt",
            f"--tls-private-key-file={f}/server.key",
            f"--client-ca-file={f}/ca.crt",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={f}/accounts.key",
            f"--service-account-signing-key-file={f}/accounts.key",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
        )
        until(lambda: self._ready(), "the API server is not ready", self._log("kube-apiserver"))

    def stop_api(self) -> None:
        """End the API server; what it knows stays."""
        self._end("kube-apiserver")

    def stop(self) -> None:
        """End everything."""
        for name in reversed(list(self._processes)):
            self._end(name)
        self._session.close()

    def api(self, method: str, path: str, body: Any = None, *, merge: bool = False) -> Any:
        """What the API server answers an administrator, read from JSON.

        Raises:
            requests.HTTPError: It refuses; the answer's text is in the message.
        """
        kind = "application/strategic-merge-patch+json" if merge else "application/json"
        answer = self._session.request(method, self.url + path, json=body, headers={"Content-Type": kind}, timeout=20)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text}", response=answer)
        return answer.json()

    def namespace(self, name: str, **labels: str) -> str:
        """Make a namespace under the restricted Pod Security Standard, and wait for its default service account."""
        enforced = {"pod-security.kubernetes.io/enforce": "restricted", **labels}
        self.api("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": enforced}})
        until(
            lambda: self._session.get(f"{self.url}/api/v1/namespaces/{name}/serviceaccounts/default").ok, f"{name} has no service account"
        )
        return name

    def set_status(self, namespace: str, pod: str, status: dict[str, Any]) -> None:
        """Write a pod's status as a kubelet would: `{"phase": …, "containerStatuses": […]}`."""
        self.api("PATCH", f"/api/v1/namespaces/{namespace}/pods/{pod}/status", {"status": status}, merge=True)

    def account_kubeconfig(self, namespace: str, account: str) -> Path:
        """A kubeconfig with a token of this service account, which must be there."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token = self.api("POST", path, {"spec": {"expirationSeconds": 7200}})["status"]["token"]
        file = self.folder / f"{namespace}-{account}.kubeconfig"
        self._write_kubeconfig(file, {"token": token}, namespace)
        return file

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

    def _ready(self) -> bool:
        process = self._processes["kube-apiserver"]
        assert process.poll() is None, self._log("kube-apiserver").read_text()[-3000:]
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            return self._session.get(f"{self.url}/readyz", timeout=5).ok
        return False

    # ------------------------------------------------------------------------------------------------------------------- certificates

    def _certificates(self) -> None:
        ca_key = _key(self.folder / "ca.key")
        ca = _certificate("towpath-tests", ca_key, "towpath-tests", ca_key, authority=True)
        (self.folder / "ca.crt").write_bytes(ca)
        for name, who, group in (("server", "kube-apiserver", None), ("admin", "admin", "system:masters")):
            key = _key(self.folder / f"{name}.key")
            made = _certificate(who, key, "towpath-tests", ca_key, group=group)
            (self.folder / f"{name}.crt").write_bytes(made)
        _key(self.folder / "accounts.key")
        user = {"client-certificate": str(self.folder / "admin.crt"), "client-key": str(self.folder / "admin.key")}
        self._write_kubeconfig(self.kubeconfig, user, "default")

    def _write_kubeconfig(self, path: Path, user: dict[str, str], namespace: str) -> None:
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


def until(condition: Any, complaint: str, log: Path | None = None, patience: float = PATIENCE) -> None:
    """Wait until a condition holds that no signal tells of."""
    deadline = time.monotonic() + patience
    while not condition():
        said = f"\n{log.read_text()[-3000:]}" if log is not None and time.monotonic() > deadline else ""
        assert time.monotonic() < deadline, complaint + said
        time.sleep(0.05)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A control plane as long as the block."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _free() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.TraditionalOpenSSL  # the API server reads no other one of accounts
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    path.chmod(0o600)
    return key


def _certificate(
    who: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *,
    group: str | None = None,
    authority: bool = False,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.NameAttribute(NameOID.COMMON_NAME, who), *([x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else [])]
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if authority:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
    else:
        made = made.add_extension(alternative, critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
