"""What NetworkPolicies let through, evaluated as Kubernetes defines them; and what pods are told to call, by variables and arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_ADDRESS = re.compile(r"([a-z]+)://(?:[^@/\s]*@)?(t-towpath-[a-z0-9.-]+)(?::(\d+))?")
_PORTS = {"postgresql": 5432}
COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True)
class Peer:
    """A pod, of the release or not.

    Attributes:
        name: For people.
        labels: Its own.
        namespace: The labels of its namespace.
        ports: The numbers of its containers' ports by name.
        called: Services and ports that it is told to call.
    """

    name: str
    labels: Mapping[str, str]
    namespace: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)
    called: frozenset[tuple[str, int]] = frozenset()


def pods(found: Iterable[dict[str, Any]], namespace: Mapping[str, str]) -> dict[str, Peer]:
    """The pods that a rendered chart makes, one of each component."""
    made = {}
    for each in found:
        if each["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = each["spec"]["template"]
            labels = template["metadata"]["labels"]
            containers = [*template["spec"]["containers"], *template["spec"].get("initContainers", ())]
            ports = {port["name"]: port["containerPort"] for container in containers for port in container.get("ports", ())}
            called = frozenset(call for container in containers for call in _calls(container))
            made[labels[COMPONENT]] = Peer(labels[COMPONENT], labels, namespace, ports, called)
    return made


def meant(found: Iterable[dict[str, Any]], peers: Mapping[str, Peer]) -> set[tuple[str, str, str]]:
    """Who is told to call whom: caller, component, name of the port. A Service that fits no pod of its own is an error."""
    services = {each["metadata"]["name"]: each["spec"] for each in found if each["kind"] == "Service"}
    calls = set()
    for caller in peers.values():
        for service, number in caller.called:
            spec = services[service]
            (port,) = (each for each in spec["ports"] if each["port"] == number)
            (target,) = (peer for peer in peers.values() if spec["selector"].items() <= peer.labels.items())
            assert port["targetPort"] in target.ports, f"{service}: its pods have no port {port['targetPort']}"
            calls.add((caller.name, target.name, port["targetPort"]))
    return calls


def allowed(found: Iterable[dict[str, Any]], source: Peer, target: Peer, port: str) -> bool:
    """Whether the policies of the release's namespace let `source` reach this port of `target`."""
    policies = [each["spec"] for each in found if each["kind"] == "NetworkPolicy"]
    selecting = [spec for spec in policies if "Ingress" in spec["policyTypes"] and _fits(spec["podSelector"], target.labels)]
    rules = [rule for spec in selecting for rule in spec.get("ingress") or ()]
    return not selecting or any(_from(rule, source, target) and _port(rule, target, port) for rule in rules)


def _from(rule: dict[str, Any], source: Peer, target: Peer) -> bool:
    peers = rule.get("from") or ()
    return not peers or any(_is(peer, source, target) for peer in peers)


def _is(peer: dict[str, Any], source: Peer, target: Peer) -> bool:
    assert {"podSelector", "namespaceSelector"} >= peer.keys() > set(), f"not evaluated here: {peer}"
    if "namespaceSelector" in peer:
        if not _fits(peer["namespaceSelector"], source.namespace):
            return False
    elif source.namespace != target.namespace:
        return False
    return _fits(peer.get("podSelector", {}), source.labels)


def _fits(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    assert not selector.keys() - {"matchLabels"}, f"not evaluated here: {selector}"
    return bool((selector.get("matchLabels") or {}).items() <= labels.items())


def _port(rule: dict[str, Any], target: Peer, port: str) -> bool:
    ports = rule.get("ports") or ()
    return not ports or any(each["port"] in (port, target.ports[port]) for each in ports)


def _calls(container: dict[str, Any]) -> Iterator[tuple[str, int]]:
    texts = [*(each.get("value") or "" for each in container.get("env", ())), *container.get("args", ())]
    for text in texts:
        for scheme, host, port in _ADDRESS.findall(text):
            yield host.rpartition(".")[2], int(port or _PORTS[scheme])
