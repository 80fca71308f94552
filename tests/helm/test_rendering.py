"""What the chart makes of values, and which values it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from towpath_agent_kubernetes.manifests import RULES

from tests.helm.chart import CHART, ROOT, SETS, helm, one, pod_specs, render, values_of
from towpath_read_engine.metadata_files import load

SERVICES = ("gateway", "graphql", "reads", "scheduler", "zombie-killer", "lazarus")
SECRETS_OF = {
    "gateway": {"TOWPATH_IDENTITY_SECRET", "TOWPATH_READ_SECRET", "TOWPATH_SERVICE_TOKEN"},
    "graphql": {"POSTGRES_PASSWORD", "TOWPATH_IDENTITY_SECRET", "TOWPATH_SECRET_KEY"},
    "reads": {"TOWPATH_READ_PASSWORD", "TOWPATH_READ_SECRET"},
    "scheduler": {"TOWPATH_SERVICE_TOKEN"},
    "zombie-killer": {"TOWPATH_SERVICE_TOKEN"},
    "lazarus": {"TOWPATH_SERVICE_TOKEN"},
}


@pytest.mark.parametrize("name", SETS)
def test_lint_finds_nothing(name: str, home: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), *values_of(name), home=home).stdout


@pytest.mark.parametrize("name", SETS)
def test_every_service_has_its_objects_and_every_pod_its_limits(name: str, home: Path) -> None:
    found = render(name, home)
    for service in SERVICES:
        for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"):
            one(found, kind, f"t-towpath-{service}")
    for maker, spec in pod_specs(found).items():
        assert spec["enableServiceLinks"] is False, f"{maker}: TOWPATH_GRAPHQL_PORT would be tcp://..."
        assert spec.get("automountServiceAccountToken") is False or "agent" in maker
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            assert "livenessProbe" in container or container["name"] == "migrate"


def test_a_service_gets_the_secrets_that_it_needs_and_no_others(home: Path) -> None:
    found = render("", home)
    for service, expected in SECRETS_OF.items():
        env = one(found, "Deployment", f"t-towpath-{service}")["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {each["valueFrom"]["secretKeyRef"]["key"] for each in env if "valueFrom" in each} == expected


def test_generated_secrets_are_random_and_of_the_kind_that_services_take(home: Path) -> None:
    import base64

    first, second = (one(render("", home), "Secret", "t-towpath-secrets")["data"] for _ in range(2))
    assert not set(first.values()) & set(second.values())
    assert len(base64.urlsafe_b64decode(base64.b64decode(first["TOWPATH_SECRET_KEY"]))) == 32
    assert all(len(base64.b64decode(value)) >= 44 for value in first.values())


def test_the_volume_puts_the_metadata_together_again(home: Path, tmp_path: Path) -> None:
    found = render("", home)
    data = one(found, "ConfigMap", "t-towpath-metadata")["data"]
    volumes = one(found, "Deployment", "t-towpath-reads")["spec"]["template"]["spec"]["volumes"]
    for item in next(each["configMap"]["items"] for each in volumes if "configMap" in each):
        path = tmp_path / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data.pop(item["key"]))
    assert not data, "files that no volume has"
    assert load(tmp_path) == load(ROOT / "services/hasura/metadata")


@pytest.mark.parametrize("name", ["", "wide"])
def test_only_the_gateway_can_be_reached_from_outside(name: str, home: Path) -> None:
    found = render(name, home)
    policies = [each for each in found if each["kind"] == "NetworkPolicy"]
    selected = {each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: each["spec"] for each in policies}
    made = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in found
        if "template" in each.get("spec", {})
    }
    assert made <= set(selected), "pods without a policy"
    for component, spec in selected.items():
        outside = [rule for rule in spec.get("ingress", []) if not rule.get("from")]
        assert bool(outside) == (component == "gateway" and not name)


def test_hasura_has_its_secret_and_neither_console_nor_telemetry(home: Path) -> None:
    spec = one(render("external", home), "Deployment", "t-towpath-reads")["spec"]["template"]["spec"]
    env = {each["name"]: each for each in spec["containers"][0]["env"]}
    assert env["HASURA_GRAPHQL_ADMIN_SECRET"]["valueFrom"]["secretKeyRef"] == {"name": "ours", "key": "TOWPATH_READ_SECRET"}
    assert env["HASURA_GRAPHQL_ENABLE_CONSOLE"]["value"] == env["HASURA_GRAPHQL_ENABLE_TELEMETRY"]["value"] == "false"
    assert env["HASURA_GRAPHQL_METADATA_DIR"]["value"] == "/metadata"


@pytest.mark.parametrize("given", ["", "gateway.introspection=true"])
def test_introspection_is_off_unless_it_is_asked_for(given: str, home: Path) -> None:
    """At the gateway, which alone can be reached from outside."""
    spec = one(render("", home, *(("--set", given) if given else ())), "Deployment", "t-towpath-gateway")["spec"]["template"]["spec"]
    env = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert env["TOWPATH_INTROSPECTION"] == ("true" if given else "false")


def test_three_nats_servers_know_each_other(home: Path) -> None:
    nats = one(render("", home), "StatefulSet", "t-towpath-nats")["spec"]
    routes = next(arg for arg in nats["template"]["spec"]["containers"][0]["args"] if arg.startswith("--routes="))
    assert nats["replicas"] == 3
    assert re.findall(r"nats://t-towpath-nats-(\d)\.t-towpath-nats-peers:6222", routes) == ["0", "1", "2"]


def test_the_agent_has_the_rights_that_install_prints(home: Path) -> None:
    role = one(render("wide", home), "Role", "t-towpath-agent-kubernetes")
    assert role["rules"] == list(RULES)


def test_a_service_monitor_is_made_on_request_only(home: Path) -> None:
    assert not [each for each in render("wide", home) if each["kind"] == "ServiceMonitor"]
    monitor = one(
        render("", home, "--set", "serviceMonitor.enabled=true", "--set", "serviceMonitor.labels.release=prom"),
        "ServiceMonitor",
        "t-towpath",
    )
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert monitor["spec"]["endpoints"][0]["path"] == "/metrics"


def test_the_guide_sets_values_that_there_are_and_pushes_the_images_that_are_pulled(home: Path) -> None:
    """The commands of deploy/README.md, word for word."""
    guide = (ROOT / "deploy" / "README.md").read_text().partition("## In a cluster")[2]
    given = [
        word.replace("$registry", "r.example.org")
        for each in re.findall(r"--set (image\.registry\S+|agents\S+)", guide)
        for word in ("--set", each)
    ]
    (pushed,) = re.findall(r"make images TAG=(\S+)", guide)
    found = render("", home, *given)
    agent = pod_specs(found)["Deployment/t-towpath-agent-kubernetes"]["containers"][0]
    assert f"--image=r.example.org/towpath:{pushed}" in agent["args"]
    assert {"name": "TOWPATH_TRUSTED_KEYS", "value": "PUBLIC_KEY"} in agent["env"]
    images = {c["image"] for spec in pod_specs(found).values() for c in (*spec["containers"], *spec.get("initContainers", ()))}
    assert all(re.fullmatch(rf"r\.example\.org/towpath-[a-z-]+:{re.escape(pushed)}", each) for each in images - {"postgres:16", "nats:2"})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("gateway.replica=3", "replica"),
        ("gateway.replicas=-1", "replicas"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("reads.engine=graphql", "engine"),
        ("nats.replicas=2", "replicas"),
        ("nats.url=http://nats", "url"),
        ("database.storage=much", "storage"),
        ("gateway.env.lower=1", "lower"),
        ("gateway.ingress.enabled=true", "gateway.ingress.host"),
        ("agents.kubernetes.enabled=true", "apiKeySecret"),
        ("database.bundled=false", "secrets.existing"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_by_name(setting: str, words: str, home: Path) -> None:
    done = helm("template", "t", str(CHART), "--set", setting, home=home, check=False)
    assert done.returncode != 0
    assert words in done.stderr
