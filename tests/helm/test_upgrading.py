"""From the version before this one to this one and back, on a real API server: what differs between them is what upgrades differ in."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.helm.chart import CHART, helm, render, values_of
from tests.helm.test_installing import STRICT, image, listed, migrate, secret
from tests.kubernetes.cluster import TOOLS, Cluster

PREVIOUS = Path(__file__).with_name("previous") / "towpath-0.1.0.tgz"
"""The chart as it was at version 0.1.0 (`helm package`)."""
MONITORS = "/apis/monitoring.coreos.com/v1/namespaces/default/servicemonitors"
NAMESPACED = {
    "ConfigMap": "api/v1",
    "Secret": "api/v1",
    "Service": "api/v1",
    "ServiceAccount": "api/v1",
    "Deployment": "apis/apps/v1",
    "StatefulSet": "apis/apps/v1",
    "Job": "apis/batch/v1",
    "PodDisruptionBudget": "apis/policy/v1",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2",
    "NetworkPolicy": "apis/networking.k8s.io/v1",
    "Ingress": "apis/networking.k8s.io/v1",
    "Role": "apis/rbac.authorization.k8s.io/v1",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1",
    "ServiceMonitor": "apis/monitoring.coreos.com/v1",
}


def chart_of(cluster: Cluster, namespace: str, plural: str) -> set[str]:
    return {each["metadata"]["labels"]["helm.sh/chart"] for each in listed(cluster, namespace, plural)}


def test_the_previous_version_becomes_this_one_and_can_come_back(cluster: Cluster, home: Path) -> None:
    """With the values that the previous one was given. Pods change when the schema has, and secrets and data never."""
    namespace = cluster.namespace("helm-previous")
    place = ("--namespace", namespace)
    values = (*values_of("wide"), "--set", "image.tag=0.1.0")
    helm("install", "t", str(PREVIOUS), *place, *values, *STRICT, kubeconfig=cluster.kubeconfig, home=home)
    before, claims = secret(cluster, namespace), stateful(cluster, namespace)
    assert chart_of(cluster, namespace, "deployments") == {"towpath-0.1.0"}

    registry = "registry.example.org/towpath/towpath-gateway"
    new = ["upgrade", "t", str(CHART), *place, "--reset-then-reuse-values", "--set", "image.tag=0.2.0", *STRICT]
    with ThreadPoolExecutor(1) as pool:
        upgrade = pool.submit(helm, *new, kubeconfig=cluster.kubeconfig, home=home)
        migrate(cluster, namespace, upgrade, 0, f"{registry}:0.1.0")
        upgrade.result()
    assert chart_of(cluster, namespace, "deployments") == {"towpath-0.2.0"}
    assert image(cluster, namespace) == f"{registry}:0.2.0"
    agent = cluster.api("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/t-towpath-agent-kubernetes")
    assert agent["metadata"]["generation"] == 2, "the agent is the one of before, with another image"
    assert (secret(cluster, namespace), stateful(cluster, namespace)) == (before, claims)

    helm("rollback", "t", "1", *place, *STRICT, kubeconfig=cluster.kubeconfig, home=home)
    assert chart_of(cluster, namespace, "deployments") == {"towpath-0.1.0"}
    assert image(cluster, namespace) == f"{registry}:0.1.0"
    assert (secret(cluster, namespace), stateful(cluster, namespace)) == (before, claims)


def stateful(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The identities and the volumes of what keeps data."""
    found = listed(cluster, namespace, "statefulsets")
    return {each["metadata"]["name"]: (each["metadata"]["uid"], each["spec"]["volumeClaimTemplates"]) for each in found}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        values_of("external"),
        values_of("small"),
        (*values_of("wide"), "--set", "agents.ecs.enabled=true,agents.ecs.apiKeySecret=k,serviceMonitor.enabled=true"),
    ],
    ids=["default", "external", "small", "everything"],
)
def test_no_object_has_a_field_that_its_schema_does_not_know(arguments: tuple[str, ...], cluster: Cluster, home: Path) -> None:
    """Strictly validated by the API server, ServiceMonitors by the definition that the Prometheus operator was released with."""
    serve_monitors(cluster)
    for each in render("", home, *arguments):
        plural = each["kind"].lower().replace("policy", "policie").replace("ingress", "ingresse") + "s"
        namespace = each["metadata"].setdefault("namespace", "default")
        path = f"/{NAMESPACED[each['kind']]}/namespaces/{namespace}/{plural}?dryRun=All&fieldValidation=Strict"
        cluster.api("POST", path, each)


def test_the_definition_of_a_service_monitor_is_one_that_judges(cluster: Cluster) -> None:
    serve_monitors(cluster)
    bad = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "bad"}}
    bad |= {"spec": {"selector": {}, "endpoints": [{"port": "http", "interval": "soon", "timeout": "1s"}]}}
    with pytest.raises(requests.HTTPError) as refusal:
        cluster.api("POST", f"{MONITORS}?dryRun=All&fieldValidation=Strict", bad)
    assert "timeout" in str(refusal.value)


def serve_monitors(cluster: Cluster) -> None:
    """Have the API server know ServiceMonitors, if it does not yet."""
    definition = yaml.safe_load((TOOLS / "servicemonitors.yaml").read_text())
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    if definition["metadata"]["name"] not in {each["metadata"]["name"] for each in cluster.api("GET", path)["items"]}:
        cluster.api("POST", path, definition)

    def served() -> bool:
        with contextlib.suppress(requests.HTTPError):
            return bool(cluster.api("GET", MONITORS))
        return False

    cluster.wait(served, "ServiceMonitors are not served")
