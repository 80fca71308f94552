"""A run's Job as values: templates laid over each other, what the policy refuses, whose it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from towpath_agent_kubernetes import jobs
from towpath_agent_kubernetes.options import OPTIONS, read
from towpath_agent_kubernetes.settings import KubernetesSettings
from towpath_agent_kubernetes.templates import merge, of_run, parse

from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath_proto.errors import Code, TowpathError

RUN = ClaimedRun(id="3f0c", fence=3, run_token="twr_x", name="Brisk Heron!", flow_id="f1", flow_name="nightly")


def _plan(run_config: dict[str, Any] | None = None, **settings: Any) -> jobs.Plan:
    run = replace(RUN, run_config=run_config or {})
    return jobs.plan(run, KubernetesSettings(**settings), api_url="http://gateway:4200", trusted_keys="KEY", mark="m")


def _pod(plan: jobs.Plan) -> dict[str, Any]:
    found: dict[str, Any] = plan.job["spec"]["template"]["spec"]
    return found


def _with(pod: dict[str, Any] | None = None, container: dict[str, Any] | None = None) -> dict[str, Any]:
    """A run config whose template has this in its pod, or in its container."""
    return {"job_template": {"spec": {"template": {"spec": {**(pod or {}), "containers": [{"name": "flow", **(container or {})}]}}}}}


def test_a_job_of_nothing_is_restricted_and_runs_once() -> None:
    """Without any template: one container, one try, what Pod Security's level "restricted" wants, nothing of the cluster inside."""
    plan = _plan()
    spec, pod = plan.job["spec"], _pod(plan)
    (container,) = pod["containers"]
    assert plan.name == "towpath-3f0c-3"
    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"], pod["restartPolicy"]) == (0, 1, 1, "Never")
    assert spec["ttlSecondsAfterFinished"] == jobs.TTL
    assert (container["name"], container["image"]) == ("flow", "towpath:latest")
    assert container["args"] == ["python", "-m", "towpath.runner.single"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert pod["terminationGracePeriodSeconds"] == 30


def test_the_runs_token_is_in_its_secret_only() -> None:
    """Who may read Jobs and pods does not read tokens; the secret is the Job's, and goes with it."""
    plan = _plan()
    assert "twr_x" not in json.dumps(plan.job)
    assert "twr_x" not in repr(plan)
    (token,) = [v for v in _pod(plan)["containers"][0]["env"] if v["name"] == "TOWPATH_RUN_TOKEN"]
    secret = jobs.secret(plan, "u1")
    assert token["valueFrom"]["secretKeyRef"] == {"name": secret["metadata"]["name"], "key": "TOWPATH_RUN_TOKEN"}
    assert secret["stringData"] == {"TOWPATH_RUN_TOKEN": "twr_x"}
    assert secret["metadata"]["ownerReferences"] == [{"apiVersion": "batch/v1", "kind": "Job", "name": plan.name, "uid": "u1"}]


def test_variables_win_in_order() -> None:
    """The template's below the agent's, below the run config's, below what makes a process this run's supervisor."""
    config = _with(container={"env": [{"name": n, "value": "template"} for n in ("A", "B", "C", "TOWPATH_RUN_ID")]})
    plan = _plan({**config, "env": {"C": "run", "TOWPATH_RUN_TOKEN": "forged"}}, env={"B": "agent", "C": "agent"})
    env = {v["name"]: v.get("value") for v in _pod(plan)["containers"][0]["env"]}
    assert {k: env[k] for k in ("A", "B", "C", "TOWPATH_RUN_ID", "TOWPATH_RUN_FENCE", "TOWPATH_API_URL", "TOWPATH_RUN_TOKEN")} == {
        "A": "template",
        "B": "agent",
        "C": "run",
        "TOWPATH_RUN_ID": "3f0c",
        "TOWPATH_RUN_FENCE": "3",
        "TOWPATH_API_URL": "http://gateway:4200",
        "TOWPATH_RUN_TOKEN": None,
    }
    assert len(env) == len(_pod(plan)["containers"][0]["env"])


def test_the_run_config_wins_over_its_template_and_that_over_the_agents() -> None:
    """Image, resources, pull policy, secrets and account; what nobody says is the agent's default."""
    agents = {
        "spec": {
            "activeDeadlineSeconds": 60,
            "template": {
                "spec": {
                    "nodeSelector": {"a": "1"},
                    "containers": [{"name": "flow", "image": "agents:1"}, {"name": "side", "image": "side:1"}],
                }
            },
        }
    }
    config = _with({"nodeSelector": {"b": "2"}}, {"image": "templates:1", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}})
    config |= {"cpu_limit": 4, "image_pull_policy": "Always", "image_pull_secrets": ["mine"]}
    plan = _plan(
        config, job_template=agents, memory_request="1Mi", cpu_limit="9", image_pull_secrets=("ours",), service_account_name="flows"
    )
    pod = _pod(plan)
    flow, side = pod["containers"]
    assert plan.job["spec"]["activeDeadlineSeconds"] == 60
    assert pod["nodeSelector"] == {"a": "1", "b": "2"}
    assert (flow["image"], side["image"]) == ("templates:1", "side:1")
    assert flow["resources"] == {"limits": {"cpu": "4", "memory": "1Gi"}, "requests": {"memory": "1Mi"}}
    assert flow["imagePullPolicy"] == "Always"
    assert pod["imagePullSecrets"] == [{"name": "ours"}, {"name": "mine"}]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("flows", True)
    assert "args" not in side
    assert side["securityContext"]["allowPrivilegeEscalation"] is False
    assert agents["spec"]["template"]["spec"]["containers"][0] == {"name": "flow", "image": "agents:1"}, (
        "the agent's template is not changed"
    )


_REACHING: list[tuple[dict[str, Any], str]] = [
    (_with({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}), "hostPath"),
    (_with({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}), "secret"),
    (_with({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}), "persistentVolumeClaim"),
    (_with({"volumes": [{"name": "v", "projected": {}}]}), "projected"),
    (_with({"hostNetwork": True}), "hostNetwork"),
    (_with({"hostPID": True}), "hostPID"),
    (_with({"hostIPC": True}), "hostIPC"),
    (_with({"nodeName": "n1"}), "nodeName"),
    (_with({"priorityClassName": "system-node-critical"}), "priorityClassName"),
    (_with({"automountServiceAccountToken": True}), "automountServiceAccountToken"),
    (_with({"securityContext": {"runAsUser": 0}}), "runAsUser"),
    (_with({"securityContext": {"runAsNonRoot": False}}), "runAsNonRoot"),
    (_with({"securityContext": {"sysctls": [{"name": "kernel.x", "value": "1"}]}}), "sysctls"),
    (_with({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}), "type"),
    (_with({"ephemeralContainers": []}), "ephemeralContainers"),
    (_with(container={"securityContext": {"privileged": True}}), "privileged"),
    (_with(container={"securityContext": {"allowPrivilegeEscalation": True}}), "allowPrivilegeEscalation"),
    (_with(container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}), "capabilities.add"),
    (_with(container={"securityContext": {"procMount": "Unmasked"}}), "procMount"),
    (_with(container={"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}), "secretKeyRef"),
    (_with(container={"envFrom": [{"secretRef": {"name": "s"}}]}), "secretRef"),
    (_with(container={"ports": [{"containerPort": 80, "hostPort": 80}]}), "hostPort"),
    (_with(container={"lifecycle": {"postStart": {}}}), "lifecycle"),
    (_with({"initContainers": [{"name": "i", "image": "i", "securityContext": {"privileged": True}}]}), "privileged"),
    ({"job_template": {"metadata": {"namespace": "kube-system"}}}, "namespace"),
    ({"job_template": {"metadata": {"ownerReferences": []}}}, "ownerReferences"),
    ({"job_template": {"spec": {"parallelism": 100}}}, "parallelism"),
    ({"job_template": {"spec": {"backoffLimit": 6}}}, "backoffLimit"),
    ({"job_template": {"spec": {"managedBy": "x"}}}, "managedBy"),
    ({"service_account_name": "cluster-admin"}, "serviceAccountName"),
    (_with({"serviceAccountName": "cluster-admin"}), "serviceAccountName"),
]


@pytest.mark.parametrize(("run_config", "field"), _REACHING, ids=[field for _, field in _REACHING])
def test_what_reaches_beyond_the_pod_is_refused_by_name(run_config: dict[str, Any], field: str) -> None:
    """The reason names the field, and the option that lets it through; with that it is let through."""
    with pytest.raises(CannotStartError, match=f"it was not started with --allow {field}$"):
        _plan(run_config)
    _plan(run_config, allowed=frozenset({field}))


def test_who_is_allowed_to_says_otherwise() -> None:
    """What is let through stays as the template says it."""
    plan = _plan(_with(container={"securityContext": {"privileged": True}}), allowed=frozenset({"privileged"}))
    assert _pod(plan)["containers"][0]["securityContext"] == {"privileged": True, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize(
    ("run_config", "words"),
    [
        ({"job_template": {"kind": "Pod", "apiVersion": "v1"}}, "must hold a Job of batch/v1, not Pod of v1"),
        ({"job_template": {"spec": []}}, "'spec' .*, which is no object"),
        ({"job_template": {"spec": {"template": {"spec": "x"}}}}, "'spec' 'x', which is no object"),
        (_with({"volumes": ["x"]}), "an item of 'volumes' that is no object"),
        (_with({"volumes": {"a": 1}}), "'volumes' .* is no list"),
        ({"job_template": {"metadata": {"labels": "x"}}}, "'labels' 'x', which is no object"),
        ({"job_template": {1: 2}}, "the key 1, which is no text"),
        ({"job_template_path": "s3://bucket/job.yaml"}, "or agent://FILE for a file of the agent"),
        ({"job_template_path": "agent://job.yaml"}, "not started with --template-folder"),
        ({"image": "quay.io/x"}, "is of registry quay.io"),
    ],
)
def test_bad_templates_say_why(run_config: dict[str, Any], words: str) -> None:
    """Whatever a run config says, the answer is a reason."""
    with pytest.raises(CannotStartError, match=words):
        _plan(run_config, allowed_registries=("docker.io",))


def test_files_of_the_agent(tmp_path: Path) -> None:
    """Those in its folder, and no others."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "job.yaml").write_text("spec: {suspend: true}")
    (tmp_path / "secret.yaml").write_text("spec: {}")
    assert of_run({"job_template_path": "agent://job.yaml"}, tmp_path / "in") == {"spec": {"suspend": True}}
    for path in ("agent://../secret.yaml", f"agent://{tmp_path}/secret.yaml", "agent://nothing.yaml"):
        with pytest.raises(CannotStartError, match=r"leads out of|cannot be read"):
            of_run({"job_template_path": path}, tmp_path / "in")
    with pytest.raises(CannotStartError, match="is no YAML"):
        parse("{", "it")


def test_merging_by_name() -> None:
    """Items with names are laid over each other, other lists replace; a variable has a value or a source."""
    below = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}], "args": ["a"], "x": {"y": 1}}
    above = {"env": [{"name": "A", "valueFrom": {}}, {"name": "C", "value": "2"}], "args": ["b"], "x": {"z": 2}}
    assert merge(below, above) == {
        "env": [{"name": "A", "valueFrom": {}}, {"name": "B", "value": "1"}, {"name": "C", "value": "2"}],
        "args": ["b"],
        "x": {"y": 1, "z": 2},
    }


def test_names_and_labels_lead_back_to_the_claim() -> None:
    """The next agent knows whose a Job is; a template cannot say otherwise."""
    template = {"metadata": {"name": "mine", "labels": {jobs.RUN: "other", "team": "a"}}}
    plan = _plan({"job_template": template})
    for metadata in (plan.job["metadata"], plan.job["spec"]["template"]["metadata"]):
        found = jobs.claimed(metadata)
        assert found is not None
        assert (found.key, found.name, found.flow_name, found.run_token) == (RUN.key, "Brisk Heron!", "nightly", "")
    assert plan.job["metadata"]["labels"]["team"] == "a"
    assert jobs.claim_of(plan.name) == RUN.key
    assert [jobs.claim_of(name) for name in ("other-1-2", "towpath-x", "towpath--3", "")] == [None] * 4
    assert jobs.claimed({"labels": {jobs.RUN: "r", jobs.FENCE: "x"}}) is None
    assert jobs.label("a1b2.agent") == "a1b2.agent"
    assert all(len(jobs.label(mark)) == 32 for mark in ("a b", "x" * 64, "ends-"))


def test_a_run_has_the_grace_that_it_asks_for() -> None:
    """The pod's is longer, so that the end can be reported."""
    for asked, seconds in (("60", 80), ("nonsense", 30), ("inf", 30)):
        assert _pod(_plan({"env": {"TOWPATH_CANCEL_GRACE": asked}}))["terminationGracePeriodSeconds"] == seconds


def test_options_are_settings(tmp_path: Path) -> None:
    """Every option arrives; a template that is none is a bad setting."""
    template = tmp_path / "job.yaml"
    template.write_text("spec: {suspend: true}")
    values: dict[str, Any] = {option.name: (() if option.multiple else None) for option in OPTIONS}
    values |= {"image": "i", "max_runs": 3, "disable_job_deletion": True, "trouble_grace": 1.0, "job_template": template}
    values |= {"env": ("A=1",), "allow": ("hostPath",), "image_pull_secrets": ("s",), "namespace": "n"}
    settings = read(values)
    assert settings.job_template == {"spec": {"suspend": True}}
    assert (settings.namespace, settings.env, settings.allowed, settings.keep) == ("n", {"A": "1"}, frozenset({"hostPath"}), True)
    template.write_text("[]")
    with pytest.raises(TowpathError) as refused:
        read(values)
    assert refused.value.code == Code.BAD_SETTING
