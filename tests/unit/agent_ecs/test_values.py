"""A task as values, what a run config may ask for, what a task's end means, and what is printed for installing."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from towpath_agent_ecs import tasks
from towpath_agent_ecs.agent import ECSAgent, FargateAgent
from towpath_agent_ecs.endings import stopped
from towpath_agent_ecs.options import OPTIONS, read
from towpath_agent_ecs.policy import check_run_config
from towpath_agent_ecs.service import policy
from towpath_agent_ecs.settings import ECSSettings

from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.endings import Duty
from towpath.cli import main
from towpath.runner.single import DIED, UNBEGUN
from towpath_proto.errors import Code, TowpathError

RUN = {"id": "r1", "fence": 3, "run_token": "twr_x", "name": "brisk*heron", "flow_id": "f1", "flow_name": "nightly"}
ROLE = "arn:aws:iam::1:role/x"


def _run(**config: Any) -> ClaimedRun:
    return ClaimedRun(**RUN, run_config=config)


def _definition(config: dict[str, Any] | None = None, *, kind: str = "FARGATE", **settings: Any) -> dict[str, Any]:
    config = config or {}
    return tasks.definition(config, config.get("task_definition") or {}, ECSSettings(**settings), kind)


def test_runs_alike_share_a_definition() -> None:
    """Its name is its content: nothing of a run is in it, and whatever is in it changes it."""
    plain = _definition()
    assert plain == _definition({"env": {"A": "1"}, "run_task_kwargs": {"platformVersion": "LATEST"}})
    others = [{"image": "b"}, {"cpu": "512"}, {"memory": "4 GB"}, {"task_role_arn": ROLE}, {"task_definition": {"family": "mine"}}]
    families = {plain["family"], _definition(kind="EC2")["family"], *(_definition(other)["family"] for other in others)}
    assert len(families) == 2 + len(others)
    assert all(family.startswith("towpath-") for family in families), "the policy names them"
    assert any(family.startswith("towpath-mine-") for family in families)


def test_the_run_config_wins_over_its_definition_and_that_over_the_agent() -> None:
    """Image, sizes and roles; the container `flow` is made when it is not there, and others stay."""
    given = {"cpu": 256, "containerDefinitions": [{"name": "side", "image": "s"}, {"name": "flow", "image": "theirs", "user": "7"}]}
    made = _definition({"task_definition": given, "memory": "512"}, image="agent's", task_role_arn=ROLE)
    assert (made["cpu"], made["memory"], made["taskRoleArn"], made["networkMode"]) == ("256", "512", ROLE, "awsvpc")
    assert [(c["name"], c["image"]) for c in made["containerDefinitions"]] == [("side", "s"), ("flow", "theirs")]
    assert made["containerDefinitions"][1]["user"] == "7"
    assert "command" not in given["containerDefinitions"][1], "what was given is changed"
    only_side = _definition({"task_definition": {"containerDefinitions": [{"name": "side", "image": "s"}]}, "image": "mine"})
    assert [(c["name"], c["image"]) for c in only_side["containerDefinitions"]] == [("flow", "mine"), ("side", "s")]


def test_the_request() -> None:
    """The secret is in the overrides only; kwargs of both sides are merged; tags name the claim and are what AWS takes."""
    described = {"taskDefinitionArn": "arn:d:1", "containerDefinitions": [{"name": "flow"}, {"name": "side"}]}
    given = {"tags": [{"key": "team", "value": "a"}, {"key": "towpath:flow-run-id", "value": "forged"}], "platformVersion": "1.4.0"}
    given["overrides"] = {"containerOverrides": [{"name": "flow", "cpu": 5}, {"name": "side", "cpu": 6}]}
    run = _run(run_task_kwargs=given)
    settings = ECSSettings(cluster="c", run_task_kwargs={"platformVersion": "LATEST", "group": "g"})
    made = tasks.request(run, settings, described, environment={"A": "1"}, network={"n": 1}, started_by="me")
    assert (made["cluster"], made["launchType"], made["platformVersion"], made["group"]) == ("c", "FARGATE", "1.4.0", "g")
    flow, side = made["overrides"]["containerOverrides"]
    assert flow == {
        "name": "flow",
        "cpu": 5,
        "command": ["python", "-m", "towpath.runner.single"],
        "environment": [{"name": "A", "value": "1"}],
    }
    assert side == {"name": "side", "cpu": 6}
    found = tasks.claimed(made["tags"])
    assert found is not None
    assert (found.key, found.name, found.run_token) == (("r1", 3), "brisk-heron", "")
    assert tasks.claimed([]) is None


def test_arguments_of_both_sides_are_merged() -> None:
    """Objects by field, containers, variables and tags by name, other lists as a whole; neither side is changed."""
    network = {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "DISABLED"}}
    side = {"name": "side", "cpu": 1, "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    below = {
        "networkConfiguration": network,
        "overrides": {"cpu": "256", "containerOverrides": [side]},
        "tags": [{"key": "t", "value": "1"}],
    }
    above = {
        "networkConfiguration": {"awsvpcConfiguration": {"securityGroups": ["g"], "subnets": ["b"]}},
        "overrides": {"memory": "512", "containerOverrides": [{"name": "side", "memory": 9, "environment": [{"name": "A", "value": "3"}]}]},
        "tags": [{"key": "t", "value": "2"}, {"key": "u", "value": "3"}],
    }
    kept = json.dumps([below, above])
    found = tasks.run_task_kwargs({"run_task_kwargs": above}, ECSSettings(run_task_kwargs=below))
    assert found["networkConfiguration"]["awsvpcConfiguration"] == {"subnets": ["b"], "assignPublicIp": "DISABLED", "securityGroups": ["g"]}
    variables = [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]
    merged = [{"name": "side", "cpu": 1, "memory": 9, "environment": variables}]
    assert found["overrides"] == {"cpu": "256", "memory": "512", "containerOverrides": merged}
    assert found["tags"] == [{"key": "t", "value": "2"}, {"key": "u", "value": "3"}]
    assert json.dumps([below, above]) == kept


def test_where_a_run_config_says_to_run_takes_the_place_of_what_the_agent_says() -> None:
    """Providers for a launch type and the other way round, since AWS takes one of them."""
    spot = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}
    described = {"taskDefinitionArn": "d", "containerDefinitions": [{"name": "flow"}]}
    for agents, runs, kind, sent in (
        (spot, {"launchType": "EC2"}, "EC2", {"launchType"}),
        ({"launchType": "EC2"}, spot, "FARGATE", {"capacityProviderStrategy"}),
        (spot, {}, "FARGATE", {"capacityProviderStrategy"}),
    ):
        settings, run = ECSSettings(run_task_kwargs=agents), _run(run_task_kwargs=runs)
        made = tasks.request(run, settings, described, environment={}, network=None, started_by="me")
        assert {"launchType", "capacityProviderStrategy"} & made.keys() == sent
        assert tasks.launch_type(run.run_config, settings) == kind


def test_capacity_providers_take_the_place_of_the_launch_type() -> None:
    """AWS refuses both at once; what the definition is made for follows the providers."""
    spot = {"run_task_kwargs": {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}}
    described = {"taskDefinitionArn": "d", "containerDefinitions": [{"name": "only"}]}
    made = tasks.request(_run(**spot), ECSSettings(launch_type="EC2"), described, environment={}, network=None, started_by="me")
    assert "launchType" not in made
    assert made["overrides"]["containerOverrides"][0]["name"] == "only"
    assert tasks.launch_type(spot, ECSSettings(launch_type="EC2")) == "FARGATE"
    assert tasks.launch_type({"run_task_kwargs": {"capacityProviderStrategy": [{"capacityProvider": "mine"}]}}, ECSSettings()) == "EC2"


def test_a_registered_definition_takes_sizes_as_overrides() -> None:
    """And one without a container for the run is refused."""
    described = {"taskDefinitionArn": "d", "containerDefinitions": [{"name": "flow"}]}
    run = _run(task_definition_arn="d", cpu="512", task_role_arn=ROLE)
    made = tasks.request(run, ECSSettings(), described, environment={}, network=None, started_by="me")
    assert (made["overrides"]["cpu"], made["overrides"]["taskRoleArn"]) == ("512", ROLE)
    with pytest.raises(CannotStartError, match="no container 'flow'"):
        tasks.container_of({"containerDefinitions": [{"name": "a"}, {"name": "b"}]})


def test_tokens() -> None:
    """One claim and attempt, one token, of a length that AWS takes."""
    run = _run()
    assert tasks.client_token(run, 0) == tasks.client_token(run, 0)
    assert tasks.client_token(run, 0) != tasks.client_token(run, 1)
    assert len(tasks.client_token(run, 0)) <= 64


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"task_role_arn": ROLE}, "task_role_arn"),
        ({"execution_role_arn": ROLE}, "execution_role_arn"),
        ({"task_definition_arn": "arn"}, "task_definition_arn"),
        ({"task_definition_path": "agent:///etc/passwd"}, "task_definition_path"),
        ({"run_task_kwargs": {"overrides": {}}}, "run_task.overrides"),
        ({"run_task_kwargs": {"networkConfiguration": {}}}, "run_task.networkConfiguration"),
        ({"run_task_kwargs": {"cluster": "other"}}, "run_task.cluster"),
        ({"task_definition": {"taskRoleArn": ROLE}}, "task_definition.taskRoleArn"),
        ({"task_definition": {"volumes": []}}, "task_definition.volumes"),
        ({"task_definition": {"networkMode": "host"}}, "task_definition.networkMode"),
        ({"task_definition": {"containerDefinitions": [{"privileged": True}]}}, "container.privileged"),
        ({"task_definition": {"containerDefinitions": [{"secrets": []}]}}, "container.secrets"),
    ],
)
def test_what_reaches_beyond_the_task_is_refused(config: dict[str, Any], key: str) -> None:
    """With the option that would allow it."""
    with pytest.raises(CannotStartError, match=f"--allow {key}$"):
        check_run_config(config, frozenset())
    check_run_config(config, frozenset({key}))


def test_what_is_harmless_is_taken() -> None:
    """Sizes, images, places; what is no definition is refused in words."""
    check_run_config({"image": "x", "cpu": "1", "run_task_kwargs": {"launchType": "EC2", "placementStrategy": []}}, ())
    check_run_config({"task_definition": {"cpu": "1", "containerDefinitions": [{"name": "flow", "image": "x"}]}}, ())
    with pytest.raises(CannotStartError, match="must be a list of objects"):
        check_run_config({"task_definition": {"containerDefinitions": ["flow"]}}, ())


@pytest.mark.parametrize(
    ("task", "container", "duty", "words"),
    [
        ({}, {"exitCode": 0}, Duty.NOTHING, ""),
        ({"stopCode": "EssentialContainerExited"}, {"exitCode": DIED}, Duty.NOTHING, ""),
        ({}, {"exitCode": UNBEGUN}, Duty.GIVE_BACK, "could not begin"),
        (
            {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 1 time(s)"},
            {},
            Duty.FIND_OUT,
            "could not be started: CannotPullContainerError: pull image manifest",
        ),
        (
            {"stopCode": "EssentialContainerExited", "memory": "2048"},
            {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
            Duty.FIND_OUT,
            "was killed by the kernel: out of memory (its limit is 2048 MiB)",
        ),
        ({"stopCode": "SpotInterruption", "stoppedReason": "Your Spot Task was interrupted."}, {"exitCode": 137}, Duty.FIND_OUT, "Spot"),
        (
            {"stopCode": "SpotInterruption", "stoppedReason": "Spot."},
            {"exitCode": DIED},
            Duty.NOTHING,
            "was ended by a Spot interruption: Spot",
        ),
        ({"stopCode": "UserInitiated", "stoppedReason": "Towpath: cancelled"}, {"exitCode": 0}, Duty.NOTHING, ""),
        ({"stopCode": "UserInitiated", "stoppedReason": "by me"}, {"exitCode": 143}, Duty.FIND_OUT, "was stopped by somebody: by me"),
        ({"stoppedReason": "Host EC2 (instance i-1) terminated."}, {}, Duty.FIND_OUT, "stopped by ECS: Host EC2 (instance i-1) terminated"),
        ({}, {"exitCode": 137}, Duty.FIND_OUT, "was killed (SIGKILL)"),
        ({}, {"exitCode": 1}, Duty.FIND_OUT, "exited with status 1"),
    ],
)
def test_what_an_end_means(task: dict[str, Any], container: dict[str, Any], duty: Duty, words: str) -> None:
    """ECS's own word, in ours; the container `flow` is the one that counts."""
    found = stopped({**task, "containers": [{"name": "side", "exitCode": 9}, {"name": "flow", **container}]})
    assert found.duty is duty
    assert words in found.reason


def test_a_task_without_containers_has_an_end_too() -> None:
    """ECS has dropped them."""
    assert stopped({"stoppedReason": ""}).reason == "was stopped by ECS: it gives no reason"


def test_options(tmp_path: Any) -> None:
    """Options as settings; files that are none are refused; Fargate has no launch type to choose."""
    command = click.Command("start", params=list(OPTIONS), callback=lambda **values: values)
    defaults = command.main([], standalone_mode=False)
    path = tmp_path / "kwargs.yaml"
    path.write_text("{group: g}")
    made = read(defaults | {"env": ("A=1=2",), "run_task_kwargs": str(path), "allow": ("task_role_arn",), "launch_type": "EC2"})
    assert (made.env, made.run_task_kwargs, made.allowed, made.launch_type) == ({"A": "1=2"}, {"group": "g"}, {"task_role_arn"}, "EC2")
    path.write_text("- 1")
    for bad in ({"env": ("A",)}, {"run_task_kwargs": str(path)}, {"task_definition": str(tmp_path / "none")}):
        with pytest.raises(TowpathError) as caught:
            read(defaults | bad)
        assert caught.value.code == Code.BAD_SETTING
    names = {option.name for option in ECSAgent.command_options()}
    assert names - {option.name for option in FargateAgent.command_options()} == {"launch_type"}


def _allowed(made: dict[str, Any]) -> dict[str, list[str]]:
    return {action: statement["Resource"] for statement in made["Statement"] for action in statement["Action"]}


def test_the_policy_follows_the_settings() -> None:
    """What an agent does not do it may not do; roles in its definition are passed like others."""
    least = _allowed(policy(ECSSettings(run_task_kwargs={"networkConfiguration": {"awsvpcConfiguration": {}}})))
    assert not {"iam:PassRole", "s3:GetObject", "ec2:DescribeVpcs", "ec2:DescribeSubnets"} & least.keys()
    assert least["ecs:RunTask"] == ["arn:aws:ecs:*:*:task-definition/towpath-*"]
    most = ECSSettings(
        task_role_arn=ROLE,
        task_definition={"taskRoleArn": ROLE, "executionRoleArn": "arn:e"},
        allowed=frozenset({"task_definition_arn", "task_definition_path"}),
    )
    found = _allowed(policy(most))
    assert found["iam:PassRole"] == [ROLE, "arn:e"]
    assert found["ecs:RunTask"] == ["arn:aws:ecs:*:*:task-definition/*"]
    assert found.keys() - least.keys() == {"iam:PassRole", "s3:GetObject", "ec2:DescribeVpcs", "ec2:DescribeSubnets"}


def test_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A service, its definition and its policy: the key by reference, the roles by name, nothing that it does not call."""
    for name, value in {"API_URL": "https://towpath.example", "API_KEY": "twk_secret", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(f"TOWPATH_{name}", value)
    assert main(["agent", "ecs", "install", "--cluster", "c", "--task-role-arn", ROLE, "--name", "blue"]) == 0
    text = capsys.readouterr().out
    assert "twk_secret" not in text
    made = json.loads(text)
    (container,) = made["taskDefinition"]["containerDefinitions"]
    assert container["command"] == ["towpath", "agent", "ecs", "start", "--name", "blue", "--cluster", "c", "--task-role-arn", ROLE]
    assert made["service"]["cluster"] == "c"
    assert _allowed(made["policy"])["iam:PassRole"] == [ROLE]
    assert main(["agent", "fargate", "install"]) == 0
    assert json.loads(capsys.readouterr().out)["taskDefinition"]["requiresCompatibilities"] == ["FARGATE"]
