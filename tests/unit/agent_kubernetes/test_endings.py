"""What a pod, a Job or an event means; what waits; and what is printed for the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from towpath_agent_kubernetes import endings
from towpath_agent_kubernetes.manifests import RULES
from towpath_agent_kubernetes.waiting import Once, Waiting

from towpath.agent.endings import Duty
from towpath.cli import main
from towpath.runner.single import DIED, UNBEGUN


def _pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    containers = [{"name": "side"}, {"name": "flow", "resources": {"limits": {"memory": "512Mi"}}}]
    found = [{"name": "side", "image": "s", "state": {"running": {}}}]
    if state is not None:
        found.append({"name": "flow", "image": "mine:1", "state": state})
    return {"spec": {"containers": containers}, "status": {"containerStatuses": found, **status}}


def _ended(**terminated: Any) -> dict[str, Any]:
    return _pod({"terminated": terminated})


@pytest.mark.parametrize(
    ("pod", "output", "duty", "words"),
    [
        (_ended(exitCode=0, reason="Completed"), [], Duty.NOTHING, ""),
        (_ended(exitCode=DIED, reason="Error"), [], Duty.NOTHING, ""),
        (_ended(exitCode=UNBEGUN, reason="Error", message="No such flow."), ["noise"], Duty.GIVE_BACK, "No such flow."),
        (_ended(exitCode=137, reason="OOMKilled"), [], Duty.FIND_OUT, "out of memory (its limit is 512 MiB)"),
        (_ended(exitCode=137, reason="Error"), [], Duty.FIND_OUT, "was killed (SIGKILL)"),
        (_ended(exitCode=1, reason="Error"), ["No module named 'towpath'"], Duty.FIND_OUT, "its last line: No module named 'towpath'"),
        (_ended(exitCode=128, reason="StartError", message="exec: python: not found"), [], Duty.FIND_OUT, "python: not found"),
        (
            _pod(phase="Failed", reason="Evicted", message="The node was low on memory."),
            [],
            Duty.FIND_OUT,
            "was evicted from its node: The node was",
        ),
        (
            _pod(phase="Failed", reason="DeadlineExceeded", message="Too long."),
            [],
            Duty.FIND_OUT,
            "was ended by the cluster: DeadlineExceeded: Too long",
        ),
        (_pod({"running": {}}), [], Duty.FIND_OUT, "was deleted before it ended"),
        (
            _pod(
                phase="Failed",
                conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "drain."}],
            ),
            [],
            Duty.FIND_OUT,
            "was ended by the cluster: EvictionByEvictionAPI: drain",
        ),
    ],
)
def test_the_end_of_a_pod(pod: dict[str, Any], output: list[str], duty: Duty, words: str) -> None:
    """The flow's container counts, not another one; what the cluster knows is said."""
    verdict = endings.of_pod(pod, output)
    assert verdict.duty is duty
    assert words in verdict.reason


def test_a_container_that_the_cluster_ended_names_the_cause() -> None:
    """A process that died of SIGKILL because its node was short of memory, or drained."""
    pod = _pod({"terminated": {"exitCode": 137, "reason": "Error"}}, reason="Evicted", message="The node was low on memory.")
    assert endings.of_pod(pod, []).reason == "was killed (SIGKILL); it was ended by the cluster: Evicted: The node was low on memory"


def test_a_supervisor_that_has_said_all_knows_less_than_the_cluster() -> None:
    """It was told to stop, and said so: nothing is to be done, but the log may say why."""
    drained = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "drain."}
    found = endings.of_pod(_pod({"terminated": {"exitCode": DIED}}, conditions=[drained]), [])
    assert (found.duty, found.reason) == (Duty.NOTHING, "was ended by the cluster: EvictionByEvictionAPI: drain")
    for status, duty in ((0, Duty.NOTHING), (UNBEGUN, Duty.GIVE_BACK)):
        found = endings.of_pod(_pod({"terminated": {"exitCode": status}}, conditions=[drained]), [])
        assert found.duty is duty
        assert "drain" not in found.reason


def test_when_a_pod_has_ended() -> None:
    """When the flow's container has, whatever others do."""
    assert endings.ended(_ended(exitCode=0))
    assert endings.ended(_pod(phase="Failed"))
    assert not endings.ended(_pod({"running": {}}, phase="Running"))
    assert not endings.ended({"metadata": {}})


def test_why_a_pod_does_not_start() -> None:
    """The flow's container and those before it; what no time heals is hopeless; a sidecar's trouble is not the flow's."""
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found."}}
    found = endings.trouble(_pod(waiting))
    assert found is not None
    assert found.reason == "cannot start its container 'flow': ImagePullBackOff (image 'mine:1'): not found"
    assert not found.hopeless
    hopeless = endings.trouble(_pod({"waiting": {"reason": "InvalidImageName"}}))
    assert hopeless is not None
    assert hopeless.hopeless
    before = _pod(
        None, initContainerStatuses=[{"name": "init", "image": "i", "state": {"waiting": {"reason": "CreateContainerConfigError"}}}]
    )
    assert "'init'" in str(endings.trouble(before))
    assert endings.trouble(_pod({"waiting": {"reason": "ContainerCreating"}})) is None
    side = _pod({"running": {}})
    side["status"]["containerStatuses"][0]["state"] = waiting
    assert endings.trouble(side) is None


def test_jobs_and_events() -> None:
    """A Job that has finished says why; an event leads to its claim."""
    condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active too long."}
    assert endings.job_finished({"status": {"conditions": [condition]}}) == "DeadlineExceeded: Job was active too long"
    assert endings.job_finished({"status": {"conditions": [{**condition, "status": "False"}]}}) is None
    assert endings.job_finished({}) is None
    assert endings.owner({"involvedObject": {"kind": "Job", "name": "towpath-r1-3"}}) == ("r1", 3)
    assert endings.owner({"involvedObject": {"kind": "Pod", "name": "towpath-r1-3-x7z2q"}}) == ("r1", 3)
    assert endings.owner({"involvedObject": {"kind": "Node", "name": "towpath-r1-3"}}) is None
    assert endings.owner({}) is None


def test_a_trouble_counts_when_it_has_lasted() -> None:
    """From its first sight on, also when its words change; not when it passed, and at once when it is hopeless."""
    now = [0.0]
    waiting = Waiting(30.0, lambda: now[0])
    assert waiting.add(("a", 1), "ErrImagePull")
    assert not waiting.add(("a", 1), "ErrImagePull")
    assert waiting.add(("b", 1), "quota")
    now[0] = 20.0
    assert waiting.add(("a", 1), "ImagePullBackOff")
    waiting.clear(("b", 1))
    assert waiting.take_due() == []
    now[0] = 30.0
    assert waiting.take_due() == [(("a", 1), "ImagePullBackOff")]
    assert waiting.take_due() == []
    assert waiting.add(("c", 1), "InvalidImageName", at_once=True)
    waiting.wait()
    assert waiting.take_due() == [(("c", 1), "InvalidImageName")]


def test_what_is_remembered_is_bounded() -> None:
    """The oldest is forgotten."""
    once = Once(most=2)
    assert [once.add(x) for x in "aabc"] == [True, False, True, True]
    assert ["a" in once, "b" in once, "c" in once] == [False, True, True]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name, value in {"API_URL": "http://gateway:4200", "API_KEY": "twk_secret", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(f"TOWPATH_{name}", value)

    def run(*options: str) -> list[dict[str, Any]]:
        assert main(["agent", "kubernetes", "install", *options]) == 0
        text = capsys.readouterr().out
        assert "twk_secret" not in text
        return list(yaml.safe_load_all(text))

    return run


def test_manifests_are_the_agent_and_the_fewest_rights(install: Any, tmp_path: Path) -> None:
    """YAML that says all: the account may write secrets, not read them, and execute nothing in pods; a template comes along."""
    template = tmp_path / "mine.yaml"
    template.write_text("spec: {suspend: true}")
    objects = install(
        "--name", "Big Flows", "--namespace", "n", "--label", "a", "--job-template", str(template), "--tag", "1.2", "--context", "c"
    )
    files, account, role, binding, deployment = objects
    assert [o["kind"] for o in objects] == ["ConfigMap", "ServiceAccount", "Role", "RoleBinding", "Deployment"]
    assert {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects} == {("n", "big-flows")}
    assert files["data"] == {"job.yaml": "spec: {suspend: true}"}
    assert role["rules"] == list(RULES)
    rights = {(r, v) for rule in RULES for r in rule["resources"] for v in rule["verbs"]}
    assert {v for r, v in rights if r == "secrets"} == {"create"}
    assert not any(v in ("*", "patch", "update", "deletecollection") or r in ("*", "pods/exec") for r, v in rights)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "n"}]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "towpath-agent-kubernetes:1.2"
    assert container["args"] == [
        *("towpath", "agent", "kubernetes", "start", "--name", "Big Flows", "--label", "a", "--namespace", "n"),
        *("--agent-address", "0.0.0.0:8080", "--job-template", "/etc/towpath/job.yaml"),
    ]
    assert deployment["spec"]["replicas"] == 1
    assert len(install()) == 4


def test_a_run_has_begun_with_its_own_container_not_with_another_one() -> None:
    assert endings.began(_pod({"running": {"startedAt": "2026-01-01T00:00:00Z"}}))
    assert endings.began(_ended(exitCode=0))
    assert not endings.began(_pod({"waiting": {"reason": "ContainerCreating"}}))
    assert not endings.began(_pod(None))
    assert not endings.began({"spec": {}, "status": {}})
