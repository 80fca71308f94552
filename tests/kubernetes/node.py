"""A real node: Debian's containerd, runc and CNI plugins, and a kubelet of the cluster's version. What is in a pod runs in a container.

All of it is in namespaces of its own for processes and mounts: what it leaves in `/run`, `/var/lib` and `/var/log` is in memory, and ends
with its first process, as do containerd and every container. Its cgroups have one parent; its pods have one bridge and a network that goes
nowhere but to this machine, whose loopback they reach at the bridge's address. So nothing of it stays, and nothing else here is touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml

from tests.kubernetes import certificates
from tests.kubernetes.cluster import TOOLS, Cluster
from towpath_server.testing import free_port

PAUSE = "towpath-pause:test"
"""What holds a pod's namespaces; `load` brings it with the other images."""
PLUGINS = Path("/usr/lib/cni")
CGROUPS = Path("/sys/fs/cgroup")
_NETWORK = "10.213.{}"
"""What its addresses begin with; another node here, of somebody else's tests, has another one."""
_PROGRAMS = ("containerd", "ctr", "runc", "ip", "iptables", "setpriv", "unshare", "nsenter")
_NAMESPACES = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
# The first process of the namespaces: all ends with it. What a kubelet sets for the whole kernel it sets here in files that lie over it.
_BOOT = """
for each in /run /var/lib /var/log; do mount -t tmpfs tmpfs $each || exit; done
cd /proc/sys
for each in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  cp $each /run/${each##*/} && mount --bind /run/${each##*/} $each || exit
done
containerd --config "$1" & wait $!
"""
_CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{folder}/cni"
"""


def lacking() -> str | None:
    """Why this machine cannot be a node; None when it can."""
    if os.geteuid() != 0:
        return "only root can start containers here"
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        return f"there is no {missing[0]} here; install containerd, runc, iproute2 and iptables"
    if not (PLUGINS / "bridge").exists():
        return f"there are no network plugins in {PLUGINS}; install containernetworking-plugins"
    unified = CGROUPS / "cgroup.controllers"
    if not ("memory" in unified.read_text().split() if unified.exists() else os.access(CGROUPS / "memory", os.W_OK)):
        return f"no memory controller of cgroups can be used in {CGROUPS}"
    return None


class Node:
    """One node.

    Args:
        cluster: The control plane.
        folder: For all that it has on disk.

    Attributes:
        name: The node's.
        gateway: This machine's address, as its pods see it.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        drawn = uuid.uuid4()
        self.name = f"node-{drawn.hex[:8]}"
        self._network = _NETWORK.format(drawn.bytes[0])
        self.gateway = f"{self._network}.1"
        self._cluster = cluster
        self._folder = folder
        self._bridge = f"tw{self.name[-8:]}"
        self._cgroup = f"towpath-{self.name}"
        self._port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> Node:
        """Start it. Returns when the cluster would give it pods."""
        self._connect()
        self._make_cgroups()
        self._configure()
        self._run("containerd", *_NAMESPACES, "bash", "-c", _BOOT, "boot", str(self._folder / "containerd.toml"))
        self._cluster.wait(lambda: self._lives() and self._control("version") is not None, "containerd does not answer")
        self._run_kubelet()
        self._cluster.wait(lambda: self._lives() and self._wanted(), "nobody wants the node")
        return self

    def restart_kubelet(self) -> None:
        """kill -9 of the kubelet, and another one. What runs goes on."""
        self._end("kubelet")
        self._run_kubelet()

    def load(self, archive: Path) -> None:
        """Give it the images of `docker save`."""
        assert self._control("images", "import", str(archive)) is not None, self.logs()

    def containers(self, run_id: str) -> list[str]:
        """The containers of a run's flow that have not ended."""
        of_run = f'labels."io.kubernetes.pod.name"~="{run_id}",labels."io.kubernetes.container.name"==flow'
        found, tasks = self._control("containers", "ls", "-q", of_run), self._control("tasks", "ls")
        assert found is not None, self.logs()
        assert tasks is not None, self.logs()
        run = {line.split()[0] for line in tasks.splitlines() if line.endswith("RUNNING")}
        return [one for one in found.split() if one in run]

    def kill(self, run_id: str) -> None:
        """End a run's container with SIGKILL, as whoever has the node can."""
        for one in self.containers(run_id):
            self._control("tasks", "kill", "--signal", "SIGKILL", one)

    def close(self) -> None:
        """End it with all that runs on it, and take away what it needed of this machine."""
        for name in reversed(list(self._processes)):
            self._end(name)
        with contextlib.suppress(requests.RequestException):
            self._cluster.api("DELETE", f"/api/v1/nodes/{self.name}")
        subprocess.run(["iptables", "-w", "-t", "nat", "-D", *self._rule], check=False)
        subprocess.run(["ip", "link", "delete", self._bridge], check=False)
        for one in _hierarchies():
            for folder, _, _ in os.walk(one / self._cgroup, topdown=False):
                os.rmdir(folder)

    def logs(self) -> str:
        """The ends of the logs of its programs."""
        return "\n".join(f"--- the end of {name}'s log\n{self._log(name).read_text(errors='replace')[-4000:]}" for name in self._processes)

    def _wanted(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            found = self._cluster.api("GET", f"/api/v1/nodes/{self.name}")
            ready = any(one["type"] == "Ready" and one["status"] == "True" for one in found["status"].get("conditions", ()))
            return ready and not found["spec"].get("taints")
        return False

    def _lives(self) -> bool:
        """True; fails when one of its programs has ended."""
        for name, process in self._processes.items():
            assert process.poll() is None, f"{name} has ended with status {process.returncode}:\n{self.logs()}"
        return True

    # ------------------------------------------------------------------------------------------------------------------------ processes

    def _run(self, name: str, *words: str) -> None:
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _run_kubelet(self) -> None:
        f, (first,) = self._folder, psutil.Process(self._processes["containerd"].pid).children()
        options = [f"--config={f}/kubelet.yaml", f"--kubeconfig={f}/kubelet.kubeconfig", f"--hostname-override={self.name}"]
        options += [f"--root-dir={f}/kubelet", f"--cert-dir={f}/pki", f"--node-ip={self.gateway}"]
        self._run("kubelet", "nsenter", f"--target={first.pid}", "--mount", "--pid", str(TOOLS / "kubelet"), *options)

    def _end(self, name: str) -> None:
        """End what a program that enters namespaces has started there, and so that program. The first process of them takes all along."""
        process = self._processes.pop(name)
        if process.poll() is None:
            for each in psutil.Process(process.pid).children() or [process]:
                each.kill()
        process.wait()

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _control(self, *words: str) -> str | None:
        """What `ctr` says; None when it fails."""
        control = ["ctr", f"--address={self._folder}/containerd.sock", "--namespace=k8s.io", *words]
        done = subprocess.run(control, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout if done.returncode == 0 else None

    def _connect(self) -> None:
        """A bridge whose address leads to this machine's loopback."""
        _do("ip", "link", "add", self._bridge, "type", "bridge")
        _do("ip", "address", "add", f"{self.gateway}/24", "dev", self._bridge)
        _do("ip", "link", "set", self._bridge, "up")
        Path(f"/proc/sys/net/ipv4/conf/{self._bridge}/route_localnet").write_text("1")
        _do("iptables", "-w", "-t", "nat", "-A", *self._rule)

    def _make_cgroups(self) -> None:
        for one in _hierarchies():
            if one == CGROUPS:  # in cgroups 2 a child has what its parent hands on
                (one / "cgroup.subtree_control").write_text("+cpu +cpuset +memory +pids")
            (one / self._cgroup).mkdir()

    @property
    def _rule(self) -> list[str]:
        return ["PREROUTING", "-i", self._bridge, "-d", self.gateway, "-p", "tcp", "-j", "DNAT", "--to-destination", "127.0.0.1"]

    # ------------------------------------------------------------------------------------------------------------------ configuration

    def _configure(self) -> None:
        f = self._folder
        (f / "containerd.toml").write_text(_CONTAINERD.format(folder=f, plugins=PLUGINS, pause=PAUSE))
        network = {
            "cniVersion": "1.0.0",
            "name": self._bridge,
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": self._bridge,
                    "ipam": {"type": "host-local", "ranges": [[{"subnet": f"{self._network}.0/24", "gateway": self.gateway}]]},
                }
            ],
        }
        (f / "cni").mkdir()
        (f / "cni" / "pods.conflist").write_text(json.dumps(network))
        certificates.issue(self._cluster.folder, f / "kubelet", f"system:node:{self.name}", "system:nodes")
        user = {"client-certificate": str(f / "kubelet.crt"), "client-key": str(f / "kubelet.key")}
        self._cluster.write_kubeconfig(f / "kubelet.kubeconfig", user, "default")
        (f / "kubelet.yaml").write_text(yaml.safe_dump(self._settings()))

    def _settings(self) -> dict[str, Any]:
        f = self._folder
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.gateway,
            "port": self._port,
            "healthzPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(self._cluster.folder / "ca.crt")},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": f"unix://{f}/containerd.sock",
            "podLogsDir": str(f / "pods"),
            "volumePluginDir": str(f / "volume-plugins"),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self._cgroup}",
            "cgroupsPerQOS": True,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "localStorageCapacityIsolation": False,
            "resolvConf": "",
            "clusterDNS": [self.gateway],
            "imageGCHighThresholdPercent": 100,
            "evictionHard": dict.fromkeys(("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"), "0%"),
            "nodeStatusUpdateFrequency": "5s",
        }


def _hierarchies() -> list[Path]:
    """Where its cgroups have their parent: one place in cgroups 2, one for each controller in cgroups 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [one for one in CGROUPS.iterdir() if one.is_dir() and not one.is_symlink()]


def _do(*words: str) -> None:
    subprocess.run(words, check=True)
