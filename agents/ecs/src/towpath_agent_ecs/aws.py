"""Amazon ECS, as far as the agent needs it. Its errors become words here: those that pass, and those that do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoRegionError, ParamValidationError
from botocore.exceptions import ConnectionError as NoConnectionError

from towpath.agent.base import CannotStartError
from towpath_proto.errors import Code, TowpathError

BATCH = 100
"""Tasks that DescribeTasks takes at once."""
LONGEST_DEFINITION = 256 * 1024
_ATTEMPTS = 5
_LONGEST_REASON = 500
_PASSING = frozenset(
    {"ServerException", "InternalError", "InternalFailure", "ServiceUnavailable", "RequestLimitExceeded", "ClusterBusyException"}
)
_THROTTLED = ("Throttl", "TooManyRequests", "RequestLimit", "SlowDown")
_WITHOUT_ROOM = (
    "no container instances",
    "too many concurrent attempts",
    "capacity is unavailable",
    "no instances found",
    "reached the limit on the number of",  # of tasks or vCPUs at once: others end
    "request limit exceeded",  # of EC2, asked by ECS
)
"""Refusals of ECS that are none of the caller's doing, and come as errors of the caller's all the same."""


class NotNowError(Exception):
    """AWS cannot do it now. Its text is the reason; `refused` says that AWS answered, so that the next call is another one."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class NotThereError(CannotStartError):
    """AWS does not know it, or not any more."""


class AWS:
    """One region's ECS. Clients are made when they are needed: each holds the model of its service in memory.

    Args:
        region: The region; None for the environment's.

    Raises:
        TowpathError: `BAD_SETTING` without a region.
    """

    def __init__(self, region: str | None) -> None:
        self._session = boto3.session.Session(region_name=region)
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=5,
            read_timeout=30,
            user_agent_extra="towpath-agent-ecs",
        )
        self._guard = threading.Lock()
        self._definitions: dict[str, Mapping[str, Any]] = {}
        self._network: dict[bool, dict[str, Any]] = {}
        try:
            self._ecs: Any = self._session.client("ecs", config=self._config)
        except NoRegionError as e:
            raise TowpathError(Code.BAD_SETTING, "No region of AWS is set; give --region, or set AWS_DEFAULT_REGION.") from e
        except (BotoCoreError, ValueError) as e:
            raise TowpathError(Code.BAD_SETTING, f"The settings of AWS cannot be used: {_said(e)}.") from e

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return str(self._ecs.meta.endpoint_url)

    def close(self) -> None:
        """Let go of its connections."""
        self._ecs.close()

    # ------------------------------------------------------------------------------------------------------------------------- starting

    def registered(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """A definition as AWS describes it: known already, found by its family's name (which holds its content's hash), or registered.

        Raises:
            CannotStartError: AWS refuses it.
            NotNowError: AWS cannot do it now.
        """
        family = str(definition["family"])
        with self._guard:  # one registration for all runs that wait for it
            if family not in self._definitions:
                try:
                    found = self._described(family)
                except NotThereError:
                    found = self._call("RegisterTaskDefinition", self._ecs.register_task_definition, **definition)["taskDefinition"]
                self._definitions[family] = found
            return self._definitions[family]

    def described(self, arn: str) -> Mapping[str, Any]:
        """A definition that somebody has registered.

        Raises:
            CannotStartError: It is not there, or may not be looked at.
            NotNowError: AWS cannot say it now.
        """
        with self._guard:
            if arn.rpartition(":")[2].isdecimal():  # a revision never changes
                if arn not in self._definitions:
                    self._definitions[arn] = self._described(arn)
                return self._definitions[arn]
            return self._described(arn)

    def forget(self, arn: str) -> None:
        """A definition that was known is not to be had any more: look for it again next time."""
        with self._guard:
            for name in [name for name, found in self._definitions.items() if found["taskDefinitionArn"] == arn]:
                del self._definitions[name]

    def default_network(self, *, public: bool) -> dict[str, Any]:
        """The subnets of the region's default VPC, as a `networkConfiguration`.

        Args:
            public: Whether tasks get a public address, without which Fargate reaches no registry from such a subnet.

        Raises:
            CannotStartError: There is no default VPC.
            NotNowError: AWS cannot say it now.
        """
        with self._guard:
            if public not in self._network:
                ec2 = self._session.client("ec2", config=self._config)
                try:
                    default = [{"Name": "is-default", "Values": ["true"]}]
                    vpcs = self._call("DescribeVpcs", ec2.describe_vpcs, Filters=default)["Vpcs"]
                    if not vpcs:
                        raise CannotStartError("this region has no default VPC; give networkConfiguration with --run-task-kwargs")
                    of_vpc = [{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}]
                    subnets = self._call("DescribeSubnets", ec2.describe_subnets, Filters=of_vpc)["Subnets"]
                finally:
                    ec2.close()
                found = {"subnets": [subnet["SubnetId"] for subnet in subnets], "securityGroups": []}
                self._network[public] = {"awsvpcConfiguration": found | ({"assignPublicIp": "ENABLED"} if public else {})}
            return self._network[public]

    def fetch(self, url: str) -> str:
        """A text in S3.

        Args:
            url: `s3://bucket/key`.

        Raises:
            CannotStartError: It is not there, or may not be read.
            NotNowError: AWS cannot give it now.
        """
        bucket, _, key = url.removeprefix("s3://").partition("/")
        s3 = self._session.client("s3", config=self._config)
        try:
            body: bytes = self._call("GetObject", s3.get_object, Bucket=bucket, Key=key)["Body"].read(LONGEST_DEFINITION)
        finally:
            s3.close()
        return body.decode(errors="replace")

    def start(self, request: Mapping[str, Any], token: str) -> str:
        """Start a task; its ARN. The same token means the same task, however often it is asked for.

        Raises:
            CannotStartError: AWS refuses it for good.
            NotNowError: No room, throttled, or not to be reached.
        """
        answer = self._call("RunTask", self._ecs.run_task, **request, clientToken=token)
        if answer.get("tasks"):
            return str(answer["tasks"][0]["taskArn"])
        said = "; ".join(_failure(failure) for failure in answer.get("failures") or ()) or "it places no task and gives no reason"
        raise NotNowError(f"ECS cannot place its task: {said}", refused=True)

    # ----------------------------------------------------------------------------------------------------------------- looking, stopping

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """Stop a task: SIGTERM, and SIGKILL after its stopTimeout.

        Raises:
            CannotStartError, NotNowError: It was not stopped.
        """
        self._call("StopTask", self._ecs.stop_task, cluster=cluster, task=task, reason=reason[:255])

    def tasks(self, cluster: str, started_by: str) -> Iterator[dict[str, Any]]:
        """All tasks of an agent, also those that have stopped within the last hour.

        Raises:
            CannotStartError, NotNowError: AWS does not say.
        """
        for wanted in ("RUNNING", "STOPPED"):
            token: dict[str, str] = {}
            while True:
                page = self._call(
                    "ListTasks",
                    self._ecs.list_tasks,
                    cluster=cluster,
                    startedBy=started_by,
                    desiredStatus=wanted,
                    maxResults=BATCH,
                    **token,
                )
                if page["taskArns"]:
                    yield from self.describe(cluster, page["taskArns"])[0]
                if not page.get("nextToken"):
                    break
                token = {"nextToken": page["nextToken"]}

    def describe(self, cluster: str, arns: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
        """Tasks by their ARNs, and the ARNs that ECS does not know. At most `BATCH`.

        Raises:
            CannotStartError, NotNowError: AWS does not say.
        """
        answer = self._call("DescribeTasks", self._ecs.describe_tasks, cluster=cluster, tasks=arns, include=["TAGS"])
        return answer["tasks"], [str(f.get("arn")) for f in answer.get("failures") or () if f.get("reason") == "MISSING"]

    # ------------------------------------------------------------------------------------------------------------------------- internals

    def _described(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._call("DescribeTaskDefinition", self._ecs.describe_task_definition, taskDefinition=name)[
            "taskDefinition"
        ]
        if found.get("status") == "INACTIVE":
            raise NotThereError(f"its task definition {name} has been deregistered")
        return found

    def _call(self, name: str, call: Any, **arguments: Any) -> Any:
        try:
            return call(**arguments)
        except ClientError as e:
            code, text = str(e.response.get("Error", {}).get("Code", "")), _said(e)
            status = int(e.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
            refused = f"AWS refuses {name}: {text} ({code})"
            if code.startswith(_THROTTLED) or any(mark in text.lower() for mark in _WITHOUT_ROOM):
                raise NotNowError(refused, refused=True) from e
            if status >= 500 or code in _PASSING:
                raise NotNowError(refused) from e
            # what is unknown is "the client's error", without a code of its own (DescribeTaskDefinition)
            raise (NotThereError if code == "ClientException" else CannotStartError)(refused) from e
        except ParamValidationError as e:
            raise CannotStartError(f"its run config cannot be followed: {_said(e)}") from e
        except (NoConnectionError, HTTPClientError) as e:
            raise NotNowError(f"AWS does not answer at {self.address}: {_said(e)}") from e
        except BotoCoreError as e:  # no credentials, above all
            raise CannotStartError(f"AWS cannot be asked for {name}: {_said(e)}") from e


def _failure(failure: Mapping[str, Any]) -> str:
    reason, detail = str(failure.get("reason") or "no reason"), failure.get("detail")
    return f"{reason} ({detail})" if detail else reason


def _said(error: Any) -> str:
    if isinstance(error, ClientError):
        error = error.response.get("Error", {}).get("Message") or error
    return " ".join(str(error).split()).rstrip(".")[:_LONGEST_REASON]
