"""The chart on a real API server: admitted under Pod Security's level "restricted", upgraded, removed. No container runs there."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART, SETS, helm, values_of
from tests.kubernetes.cluster import Cluster

STRICT = ("--timeout", "300s")


def install(cluster: Cluster, home: Path, namespace: str, *more: str) -> None:
    helm("install", "t", str(CHART), "--namespace", namespace, *STRICT, *more, kubeconfig=cluster.kubeconfig, home=home)


def listed(cluster: Cluster, namespace: str, plural: str) -> list[dict[str, Any]]:
    group = "api/v1" if plural == "pods" else "apis/apps/v1"
    return list(cluster.api("GET", f"/{group}/namespaces/{namespace}/{plural}")["items"])


def secret(cluster: Cluster, namespace: str) -> dict[str, Any]:
    return dict(cluster.api("GET", f"/api/v1/namespaces/{namespace}/secrets/t-towpath-secrets")["data"])


def image(cluster: Cluster, namespace: str) -> str:
    deployment = cluster.api("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/t-towpath-gateway")
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.mark.parametrize("name", SETS)
def test_everything_is_admitted_and_every_pod_too(name: str, cluster: Cluster, home: Path) -> None:
    namespace = cluster.namespace(f"helm-{name or 'default'}")
    install(cluster, home, namespace, *values_of(name))
    expected = {
        each["metadata"]["name"]: each["spec"]["replicas"]
        for plural in ("deployments", "statefulsets")
        for each in listed(cluster, namespace, plural)
    }

    def pods() -> dict[str, int]:
        names = [pod["metadata"]["name"] for pod in listed(cluster, namespace, "pods")]
        return {owner: sum(pod.startswith(f"{owner}-") for pod in names) for owner in expected}

    cluster.wait(lambda: pods() == expected, f"the controllers have not made all pods: {expected}")


@pytest.mark.parametrize("kind", ["kubernetes", "ecs"])
def test_an_agent_by_itself_is_admitted(kind: str, cluster: Cluster, home: Path) -> None:
    namespace = cluster.namespace(f"helm-agent-{kind}")
    chart = str(CHART / "charts" / "agents" / "charts" / f"towpath-agent-{kind}")
    given = ("--set", "apiUrl=https://towpath.example.org,apiKeySecret=key", *STRICT)
    helm("install", "t", chart, "--namespace", namespace, *given, kubeconfig=cluster.kubeconfig, home=home)
    cluster.wait(lambda: listed(cluster, namespace, "pods"), "the controllers have not made its pod")


@pytest.mark.parametrize("succeeds", [True, False])
def test_an_upgrade_waits_for_its_migration_and_keeps_secrets(succeeds: bool, cluster: Cluster, home: Path) -> None:
    namespace = cluster.namespace(f"helm-upgrade-{succeeds}".lower())
    install(cluster, home, namespace)
    before = secret(cluster, namespace)
    assert len(before) == 6

    arguments = ["upgrade", "t", str(CHART), "--namespace", namespace, "--set", "image.tag=0.2.0", *STRICT]
    with ThreadPoolExecutor(1) as pool:
        upgrade = pool.submit(helm, *arguments, kubeconfig=cluster.kubeconfig, home=home, check=False)
        migrate(cluster, namespace, upgrade, 0 if succeeds else 1, "towpath-gateway:0.1.0")
        done = upgrade.result()

    assert (done.returncode == 0) == succeeds, done.stderr
    assert image(cluster, namespace) == ("towpath-gateway:0.2.0" if succeeds else "towpath-gateway:0.1.0")
    assert secret(cluster, namespace) == before

    helm("uninstall", "t", "--namespace", namespace, kubeconfig=cluster.kubeconfig, home=home)
    cluster.wait(lambda: not listed(cluster, namespace, "deployments"), "services are still there")
    assert secret(cluster, namespace) == before, "what opens the secrets in the database went with the release"


def migrate(cluster: Cluster, namespace: str, upgrade: Future[Any], exit_code: int, before: str) -> None:
    """Be the kubelet of the migration: end each of its pods with this exit code, until the upgrade has what it wants.

    Until then the gateway has the image `before`.
    """
    ended: set[str] = set()

    def settled() -> bool:
        for pod in listed(cluster, namespace, "pods"):
            name = pod["metadata"]["name"]
            if name.startswith("t-towpath-migrate-") and name not in ended:
                assert image(cluster, namespace) == before, "services changed before the schema"
                state = {"terminated": {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:00Z"}}
                container = {"name": "migrate", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": state}
                phase = "Failed" if exit_code else "Succeeded"
                cluster.set_status(namespace, name, {"phase": phase, "containerStatuses": [container]})
                ended.add(name)
        return upgrade.done()

    cluster.wait(settled, "the upgrade does not end")
    assert ended, "there was no migration"
