"""What the chart's objects say to each other: who reaches whom, what budgets and scaling are about, what a bus of three servers needs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART, SETS, helm, objects, one, pod_specs, render, values_of
from tests.helm.network import COMPONENT, Peer, allowed, meant, pods

OURS = {"kubernetes.io/metadata.name": "towpath"}
NEIGHBOUR = Peer("a neighbour", {"app": "x"}, OURS)
STRANGER = Peer("a stranger", {"app": "x"}, {"kubernetes.io/metadata.name": "other"})
INGRESS = Peer("the ingress controller", {"app": "ingress"}, {"kubernetes.io/metadata.name": "ingress"})
MONITOR = Peer("the monitor", {"app": "prometheus"}, {"kubernetes.io/metadata.name": "monitoring"})
OUTSIDERS = (NEIGHBOUR, STRANGER, INGRESS, MONITOR)
# it looks like a part of the release, from another namespace
IMPOSTOR = {"app.kubernetes.io/name": "towpath", "app.kubernetes.io/instance": "t", COMPONENT: "graphql"}
ECS = ("--set", "agents.ecs.enabled=true,agents.ecs.apiKeySecret=ecs-key,agents.ecs.region=eu-north-1")


@pytest.mark.parametrize("name", ["", "external", "wide"])
def test_over_all_pairs_of_pods_the_network_lets_through_what_they_are_told_to_call_and_nothing_else(name: str, home: Path) -> None:
    found = render(name, home, *(ECS if name == "wide" else ()))
    peers = pods(found, OURS)
    expected = meant(found, peers)
    assert {("gateway", "graphql", "http"), ("gateway", "reads", "http"), ("scheduler", "gateway", "http")} <= expected
    impostor = Peer("an impostor", IMPOSTOR, STRANGER.namespace)
    for target in peers.values():
        for port in target.ports:
            http = port == "http"
            if target.name == "gateway" and name != "wide":  # networkPolicy.gatewayFrom is empty
                expected |= {(source.name, "gateway", port) for source in (*peers.values(), *OUTSIDERS, impostor)}
            elif name == "wide":
                expected |= {(INGRESS.name, "gateway", port)} if target.name == "gateway" else set()
                expected |= {(MONITOR.name, target.name, port)} if http and "agent" not in target.name else set()
    let_through = {
        (source.name, target.name, port)
        for source, target in itertools.product((*peers.values(), *OUTSIDERS, impostor), peers.values())
        for port in target.ports
        if allowed(found, source, target, port)
    }
    assert let_through == expected


@pytest.mark.parametrize("name", SETS)
def test_budgets_services_and_scaling_are_about_one_workload_each(name: str, home: Path) -> None:
    found = render(name, home)
    workloads = [each for each in found if each["kind"] in ("Deployment", "StatefulSet")]

    def selected(labels: dict[str, str]) -> dict[str, Any]:
        (made,) = (each for each in workloads if labels.items() <= each["spec"]["template"]["metadata"]["labels"].items())
        return dict(made)

    for each in found:
        if each["kind"] == "PodDisruptionBudget":
            selected(each["spec"]["selector"]["matchLabels"])
            assert each["spec"]["maxUnavailable"] == 1, "a node can always be drained, of one pod of a kind at a time"
        elif each["kind"] == "Service":
            ports = {
                port["name"] for c in selected(each["spec"]["selector"])["spec"]["template"]["spec"]["containers"] for port in c["ports"]
            }
            assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
    for workload in workloads:
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert selected(workload["spec"]["selector"]["matchLabels"]) == workload, "two workloads would take each other's pods"


def test_scaling_has_the_replicas_to_itself_and_requests_to_measure_by(home: Path) -> None:
    found = render("wide", home)
    (scaler,) = (each["spec"] for each in found if each["kind"] == "HorizontalPodAutoscaler")
    target = one(found, scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"], "an upgrade would undo what the scaler did"
    assert 1 < scaler["minReplicas"] < scaler["maxReplicas"]
    assert all(c["resources"]["requests"]["cpu"] for c in target["spec"]["template"]["spec"]["containers"])


@pytest.mark.parametrize("name", SETS)
def test_every_secret_that_is_named_is_made_or_yours(name: str, home: Path) -> None:
    found = render(name, home)
    made = {each["metadata"]["name"]: set(each["data"]) for each in found if each["kind"] == "Secret"}
    for maker, spec in pod_specs(found).items():
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            for each in container.get("env", ()):
                wanted = each.get("valueFrom", {}).get("secretKeyRef")
                if wanted and wanted["name"] not in ("ours", "agent-key"):
                    assert wanted["key"] in made[wanted["name"]], f"{maker}: {wanted}"


@pytest.mark.parametrize("kind", ["kubernetes", "ecs"])
def test_an_agent_can_be_installed_by_itself(kind: str, home: Path) -> None:
    chart = str(CHART / "charts" / "agents" / "charts" / f"towpath-agent-{kind}")
    given = ("--set", "apiUrl=https://towpath.example.org,apiKeySecret=key,name=far,imagePullSecrets={pull},scheduling.nodeSelector.x=y")
    assert "0 chart(s) failed" in helm("lint", "--strict", chart, *given, home=home).stdout
    alone = objects(helm("template", "t", chart, "--namespace", "flows", *given, home=home).stdout)
    deployment = one(alone, "Deployment", "t-towpath-agent-far")
    spec = deployment["spec"]["template"]["spec"]
    env = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert env["TOWPATH_API_URL"] == "https://towpath.example.org"
    assert spec["containers"][0]["image"] == f"towpath-agent-{kind}:0.1.0"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["nodeSelector"] == {"x": "y"}
    refused = helm("template", "t", chart, "--set", "apiKeySecret=key", home=home, check=False)
    assert f"agents.{kind}.apiUrl" in refused.stderr


def test_an_agent_that_is_a_part_has_the_images_of_the_whole(home: Path) -> None:
    spec = one(render("wide", home, *ECS), "Deployment", "t-towpath-agent-ecs")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "registry.example.org/towpath/towpath-agent-ecs:1.2.3"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["automountServiceAccountToken"] is False
    assert "--region=eu-north-1" in spec["containers"][0]["args"]


def test_a_packaged_chart_is_the_one_in_the_folder(home: Path, tmp_path: Path) -> None:
    """Also what is linked into it: metadata, roles, the templates that agents share."""
    helm("package", str(CHART), "--destination", str(tmp_path), home=home)
    (package,) = tmp_path.iterdir()
    given = (*values_of("wide"), "--set", "secrets.existing=ours", *ECS)
    of_folder, of_package = (helm("template", "t", chart, *given, home=home).stdout for chart in (str(CHART), str(package)))
    assert objects(of_package) == objects(of_folder)
