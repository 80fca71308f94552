"""What AWS answers when it cannot or will not start a task, as it was seen: which of it passes, and what people are told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from towpath_agent_ecs.aws import AWS, NotNowError

from tests.ecs.host import Host
from towpath.agent.base import CannotStartError


def _error(code: str, message: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"__type": code, "message": message}


def _failure(reason: str, **more: str) -> tuple[int, dict[str, Any]]:
    return 200, {"tasks": [], "failures": [{"arn": "arn:aws:ecs:eu-central-1:1:container-instance/i", "reason": reason, **more}]}


PASSING = [
    (_failure("RESOURCE:MEMORY"), "ECS cannot place its task: RESOURCE:MEMORY"),
    (_failure("RESOURCE:CPU"), "RESOURCE:CPU"),
    (_failure("RESOURCE:GPU"), "RESOURCE:GPU"),
    (_failure("AGENT"), "ECS cannot place its task: AGENT"),
    (_failure("ATTRIBUTE", detail="no instance has ecs.capability.task-eni"), "ATTRIBUTE (no instance has ecs.capability.task-eni)"),
    ((200, {"tasks": [], "failures": []}), "it places no task and gives no reason"),
    (
        _error("ClientException", "Capacity is unavailable at this time. Please try again later or in a different availability zone"),
        "Capacity is unavailable at this time",
    ),
    (_error("InvalidParameterException", "No Container Instances were found in your cluster."), "No Container Instances were found"),
    (
        _error("ClientException", "You\u2019ve reached the limit on the number of vCPUs you can run concurrently"),
        "reached the limit on the number of vCPUs",
    ),
    (
        _error(
            "InvalidParameterException",
            "Error retrieving security group information for [sg-1]: Request limit exceeded. (ErrorCode: RequestLimitExceeded)",
        ),
        "Request limit exceeded",
    ),
    (_error("ClusterBusyException", "The cluster is busy."), "The cluster is busy"),
]
FOR_GOOD = [
    _error("ClusterNotFoundException", "Cluster not found."),
    _error("AccessDeniedException", "User: arn:aws:iam::1:user/a is not authorized to perform: ecs:RunTask"),
    _error("InvalidParameterException", "The specified capacity provider 'x' was not found."),
    _error("PlatformUnknownException", "The specified platform version does not exist."),
    _error("BlockedException", "Your account is currently blocked. Contact customer-verification@amazon.com if you have questions"),
    _error("ClientException", "No Fargate configuration exists for given values."),
]
REQUEST = {"cluster": "runs", "taskDefinition": "towpath-1"}


@pytest.fixture
def calls(aws: Host) -> Iterator[AWS]:
    """The agent's calls of AWS."""
    with contextlib.closing(AWS(None)) as calls:
        yield calls


@pytest.mark.parametrize(("answer", "words"), PASSING, ids=[words for _, words in PASSING])
def test_what_passes_is_tried_again(aws: Host, calls: AWS, answer: tuple[int, dict[str, Any]], words: str) -> None:
    """No room, a limit that others use up, a busy cluster: the next call is another one, for AWS may remember this refusal."""
    aws.instead["RunTask"].append(answer)
    with pytest.raises(NotNowError) as caught:
        calls.start(REQUEST, "token")
    assert words in str(caught.value)
    assert caught.value.refused is ("busy" not in words)


@pytest.mark.parametrize("answer", FOR_GOOD, ids=[answer["__type"] + answer["message"][:20] for _, answer in FOR_GOOD])
def test_what_does_not_pass_is_said_in_the_words_of_aws(aws: Host, calls: AWS, answer: tuple[int, dict[str, Any]]) -> None:
    """The run is given back at once, for no time heals it."""
    before = len(aws.calls["RunTask"])
    aws.instead["RunTask"].append(answer)
    with pytest.raises(CannotStartError) as caught:
        calls.start(REQUEST, "token")
    assert answer[1]["message"].rstrip(".") in str(caught.value)
    assert len(aws.calls["RunTask"]) == before + 1, "it is asked once"


def test_throttling_that_goes_on_passes_later(aws: Host, calls: AWS) -> None:
    """AWS's own client tries five times first."""
    before = len(aws.calls["RunTask"])
    aws.instead["RunTask"] += [_error("ThrottlingException", "Rate exceeded")] * 5
    with pytest.raises(NotNowError, match=r"AWS refuses RunTask: Rate exceeded \(ThrottlingException\)") as caught:
        calls.start(REQUEST, "token")
    assert caught.value.refused
    assert len(aws.calls["RunTask"]) == before + 5
