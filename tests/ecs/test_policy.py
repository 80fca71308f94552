"""The policy that `towpath agent ecs install` prints, judged by moto's IAM: enough for all that the agent calls, and nothing too much.

moto judges actions. It knows no resources for those of ECS and EC2, so these are taken out of the policy that it is given, and compared
with the ARNs that the calls were about. It asks for neither ecs:TagResource nor iam:PassRole, which AWS asks for beside RunTask: tags are
given by it, and roles passed, so AWS's own documentation says. What AWS would ask is made of the real request, and moto's evaluation of
policies answers it by the printed policy as it stands, with its resources and conditions.
"""

from __future__ import annotations

import copy
import fnmatch
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from towpath_agent_ecs import tasks
from towpath_agent_ecs.aws import AWS
from towpath_agent_ecs.service import policy
from towpath_agent_ecs.settings import FARGATE, ECSSettings

from tests.ecs.conftest import MOTO, ask
from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun

NOT_JUDGED = {"ecs:TagResource", "iam:PassRole"}
SETTINGS = ECSSettings(
    cluster="judged",
    task_role_arn="arn:aws:iam::123456789012:role/run",
    execution_role_arn="arn:aws:iam::123456789012:role/pull",
    task_definition={"cpu": "256", "memory": "512", "containerDefinitions": [{"name": "flow", "memory": 512}]},
    allowed=frozenset({"task_definition_path"}),
)
POLICY = policy(SETTINGS)
ACTIONS = sorted({action for statement in POLICY["Statement"] for action in statement["Action"]} - NOT_JUDGED)


Question = tuple[str, str, dict[str, str]]
"""An action, what it is about, and the circumstances."""
_JUDGE = """
import json, sys
from moto.iam.access_control import IAMPolicy, PermissionResult
policies, questions = json.load(sys.stdin)
print(json.dumps([[IAMPolicy(json.dumps(p)).is_action_permitted(a, r, None, c) is PermissionResult.PERMITTED for a, r, c in questions]
                  for p in policies]))
"""


def _permitted(policies: list[dict[str, Any]], questions: list[Question]) -> list[list[bool]]:
    """What moto's evaluation says to each question, by policy."""
    command = [MOTO.with_name("python"), "-c", _JUDGE]
    done = subprocess.run(command, input=json.dumps([policies, questions]), capture_output=True, text=True, check=True, timeout=240)
    found: list[list[bool]] = json.loads(done.stdout)
    return found


class Account:
    """An account of moto's, with one user who may do what a policy says."""

    def __init__(self, moto: str) -> None:
        self.moto = moto
        self.made = 0
        self.region = {"endpoint_url": moto, "region_name": "eu-central-1"}
        self.owner = boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing")
        ecs = self.owner.client("ecs", **self.region)
        ecs.create_cluster(clusterName="judged")
        ecs.close()
        s3 = self.owner.client("s3", **self.region)
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket="bucket", Key="definition", Body=b"family: f")
        s3.close()
        self.iam = self.owner.client("iam", **self.region)
        self.iam.create_user(UserName="agent")
        self.key = self.iam.create_access_key(UserName="agent")["AccessKey"]

    def judging(self, on: bool) -> None:
        """Whether calls need a policy."""
        assert ask(f"{self.moto}/moto-api/reset-auth", b"0" if on else b"1000000000")

    def walk(self, allowed: dict[str, Any]) -> dict[str, str]:
        """All that an agent asks of AWS, under this policy; what its calls were about, by action.

        Raises:
            CannotStartError: Something was refused.
        """
        without_resources = copy.deepcopy(allowed)
        for statement in without_resources["Statement"]:
            statement["Resource"] = "*"
            statement.pop("Condition", None)
        self.judging(False)
        self.iam.put_user_policy(UserName="agent", PolicyName="printed", PolicyDocument=json.dumps(without_resources))
        self.judging(True)
        self.made += 1  # so that its definition is a new one
        aws = AWS(None)
        try:
            made = tasks.definition({"image": f"image:{self.made}"}, {}, SETTINGS, FARGATE)
            described = aws.registered(made)
            network = aws.default_network(public=True)
            aws.fetch("s3://bucket/definition")
            run = ClaimedRun("r", self.made, "token")
            request = tasks.request(run, SETTINGS, described, environment={}, network=network, started_by="me")
            arn = aws.start(request, tasks.client_token(run, 0))
            assert arn in {task["taskArn"] for task in aws.tasks("judged", "me")}
            aws.stop("judged", arn, "enough")
        finally:
            aws.close()
        self.tagged, self.passed = bool(request["tags"]), [described["taskRoleArn"], described["executionRoleArn"]]
        return {"ecs:RunTask": described["taskDefinitionArn"], "ecs:DescribeTasks": arn, "ecs:StopTask": arn}


@pytest.fixture(scope="module")
def account(moto: str) -> Iterator[Account]:
    account = Account(moto)
    patch = pytest.MonkeyPatch()
    for name, value in {
        "ENDPOINT_URL": moto,
        "DEFAULT_REGION": "eu-central-1",
        "ACCESS_KEY_ID": account.key["AccessKeyId"],
        "SECRET_ACCESS_KEY": account.key["SecretAccessKey"],
        "EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(f"AWS_{name}", value)
    yield account
    account.judging(False)
    account.iam.close()
    patch.undo()


def _without(action: str) -> dict[str, Any]:
    left = copy.deepcopy(POLICY)
    for statement in left["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    left["Statement"] = [statement for statement in left["Statement"] if statement["Action"]]
    return left


def test_the_printed_policy_is_enough(account: Account) -> None:
    """Every call passes, and is about what its statement names."""
    for action, arn in account.walk(POLICY).items():
        (statement,) = [one for one in POLICY["Statement"] if action in one["Action"]]
        assert any(fnmatch.fnmatchcase(arn, pattern) for pattern in statement["Resource"]), (action, arn)


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_in_the_printed_policy_is_too_much(account: Account, action: str) -> None:
    """Without any one action the agent is refused, in words that name the call."""
    with pytest.raises(CannotStartError, match=f"AWS refuses {action.partition(':')[2]}: "):
        account.walk(_without(action))


def test_tags_and_roles_are_judged_by_what_they_are_for(account: Account) -> None:
    """What AWS asks beside RunTask is permitted by the printed policy, refused without its action, and permitted for nothing else."""
    task = account.walk(POLICY)["ecs:DescribeTasks"]
    assert account.tagged
    create, passed_to = {"ecs:CreateAction": "RunTask"}, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    passing: list[Question] = [("iam:PassRole", role, passed_to) for role in account.passed]
    asked: list[Question] = [("ecs:TagResource", task, create), *passing]
    assert len(asked) == 3
    beyond: list[Question] = [
        ("ecs:TagResource", task, {"ecs:CreateAction": "StartTask"}),
        ("ecs:TagResource", "arn:aws:ecs:eu-central-1:123456789012:service/runs/s", create),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/admin", passed_to),
        ("iam:PassRole", account.passed[0], {"iam:PassedToService": "ec2.amazonaws.com"}),
    ]
    policies = [POLICY, _without("ecs:TagResource"), _without("iam:PassRole")]
    answers = _permitted(policies, asked + beyond)
    assert answers[0] == [True] * 3 + [False] * 4
    assert answers[1][:3] == [False, True, True]
    assert answers[2][:3] == [True, False, False]
