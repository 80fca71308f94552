"""Run configs: where and how an agent runs a flow, as JSON that the agent understands. They start nothing.

What each may say stands in `towpath_proto.run_configs`; it is checked here, and again by the backend at registration.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from towpath.errors import FlowError
from towpath_proto import __version__, run_configs
from towpath_proto.errors import Code, TowpathError


class RunConfig:
    """Base of the run configs.

    Args:
        env: Environment variables of the run.
        labels: The run goes to an agent that has all of them.
        fields: What the kind has of its own; None for what was not given.

    Raises:
        FlowError: `BAD_RUN_CONFIG`, with the field that is wrong.
    """

    def __init__(self, *, env: Mapping[str, str] | None = None, labels: Iterable[str] | None = None, **fields: Any) -> None:
        if isinstance(labels, str):
            raise FlowError(Code.BAD_RUN_CONFIG, "labels is a list of strings, not one string")
        self.env = None if env is None else dict(env)
        self.labels: set[str] = set(labels or ())
        self._names = tuple(fields)
        vars(self).update(fields)
        try:
            run_configs.check(self.to_dict())
        except TowpathError as e:
            raise FlowError(e.code, e.message, **e.detail) from None

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        own = {name: getattr(self, name) for name in self._names}
        return {"env": self.env, "labels": sorted(self.labels), **own, "__version__": __version__, "type": type(self).__name__}

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name in self._names if (value := getattr(self, name)) is not None)
        return f"<{type(self).__name__}: labels={sorted(self.labels)}{given}>"


class UniversalRun(RunConfig):
    """Any agent may run it."""

    def __init__(self, *, env: Mapping[str, str] | None = None, labels: Iterable[str] | None = None) -> None:
        super().__init__(env=env, labels=labels)


class LocalRun(RunConfig):
    """A local agent runs it as a process.

    Args:
        env: Environment variables of the run.
        labels: The run goes to an agent that has all of them.
        working_dir: Folder that the process works in; default the agent's. One that is relative is meant from here.
    """

    def __init__(
        self, *, env: Mapping[str, str] | None = None, labels: Iterable[str] | None = None, working_dir: str | None = None
    ) -> None:
        super().__init__(env=env, labels=labels, working_dir=None if not working_dir else os.path.abspath(working_dir))


class DockerRun(RunConfig):
    """A Docker agent runs it in a container.

    Args:
        image: Image that the run's environment is in; default the agent's.
        env: Environment variables of the run.
        labels: The run goes to an agent that has all of them.
        ports: Ports of the container that are published.
        host_config: Further settings of the container, as the Docker API's `HostConfig` or docker-py's `create_host_config` names them:
            `{"mem_limit": "2g"}`, `{"device_requests": […]}`. Which of them an agent allows is for the agent to say.
    """

    def __init__(
        self,
        *,
        image: str | None = None,
        env: Mapping[str, str] | None = None,
        labels: Iterable[str] | None = None,
        ports: Iterable[int] | None = None,
        host_config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            env=env,
            labels=labels,
            image=image,
            ports=None if ports is None else list(ports),
            host_config=None if host_config is None else dict(host_config),
        )


class KubernetesRun(RunConfig):
    """A Kubernetes agent runs it as a Job.

    Args:
        job_template_path: Where a template of the Job is. A file of this machine is read now; `agent://…` is a file of the agent's.
        job_template: The template itself: a Job as an object, or as YAML text.
        image: Image of the container `flow`; default the template's.
        env: Environment variables of the run.
        cpu_limit, cpu_request: Cores, such as 0.5 or "500m".
        memory_limit, memory_request: Bytes, such as "2Gi".
        service_account_name: Who the pod is in the cluster.
        image_pull_secrets: Names of secrets of the namespace.
        labels: The run goes to an agent that has all of them.
        image_pull_policy: "Always", "IfNotPresent" or "Never".
    """

    def __init__(
        self,
        *,
        job_template_path: str | None = None,
        job_template: str | Mapping[str, Any] | None = None,
        image: str | None = None,
        env: Mapping[str, str] | None = None,
        cpu_limit: float | str | None = None,
        cpu_request: float | str | None = None,
        memory_limit: float | str | None = None,
        memory_request: float | str | None = None,
        service_account_name: str | None = None,
        image_pull_secrets: Iterable[str] | None = None,
        labels: Iterable[str] | None = None,
        image_pull_policy: str | None = None,
    ) -> None:
        _one_of(job_template_path=job_template_path, job_template=job_template)
        path, template = _read(job_template_path, job_template, "job_template")
        super().__init__(
            env=env,
            labels=labels,
            job_template_path=path,
            job_template=template,
            image=image,
            cpu_limit=_amount(cpu_limit),
            cpu_request=_amount(cpu_request),
            memory_limit=_amount(memory_limit),
            memory_request=_amount(memory_request),
            service_account_name=service_account_name,
            image_pull_secrets=None if image_pull_secrets is None else list(image_pull_secrets),
            image_pull_policy=image_pull_policy,
        )


class ECSRun(RunConfig):
    """An ECS agent runs it as a task, on EC2 or Fargate.

    Args:
        task_definition: The task definition: an object as the ECS API takes it, or YAML text.
        task_definition_path: Where it is. A file of this machine is read now; `agent://…` is a file of the agent's.
        task_definition_arn: One that is registered; its image stands in it.
        image: Image of the container `flow`; default the definition's.
        env: Environment variables of the run.
        cpu: CPU of the task: units such as 512, or "1 vcpu".
        memory: Memory of the task: MiB such as 2048, or "4 GB".
        task_role_arn: Role of the run itself.
        execution_role_arn: Role that pulls the image and writes logs.
        run_task_kwargs: Further arguments of the API's RunTask.
        labels: The run goes to an agent that has all of them.
    """

    def __init__(
        self,
        *,
        task_definition: str | Mapping[str, Any] | None = None,
        task_definition_path: str | None = None,
        task_definition_arn: str | None = None,
        image: str | None = None,
        env: Mapping[str, str] | None = None,
        cpu: float | str | None = None,
        memory: float | str | None = None,
        task_role_arn: str | None = None,
        execution_role_arn: str | None = None,
        run_task_kwargs: Mapping[str, Any] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        _one_of(task_definition=task_definition, task_definition_path=task_definition_path, task_definition_arn=task_definition_arn)
        path, definition = _read(task_definition_path, task_definition, "task_definition")
        super().__init__(
            env=env,
            labels=labels,
            task_definition=definition,
            task_definition_path=path,
            task_definition_arn=task_definition_arn,
            image=image,
            cpu=_amount(cpu),
            memory=_amount(memory),
            task_role_arn=task_role_arn,
            execution_role_arn=execution_role_arn,
            run_task_kwargs=None if run_task_kwargs is None else dict(run_task_kwargs),
        )


def _amount(value: float | str | None) -> str | None:
    return None if value is None else str(value)


def _one_of(**given: Any) -> None:
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise FlowError(Code.BAD_RUN_CONFIG, f"give one of {' and '.join(names)}, not both", field=names[1])


def _read(path: str | None, given: str | Mapping[str, Any] | None, name: str) -> tuple[str | None, dict[str, Any] | None]:
    """A path that the agent must open, and the object: that given, or the one in a file of this machine."""
    if path is not None and given is None:
        scheme, separator, rest = path.partition("://")
        if separator and scheme != "file":
            return path, None
        try:
            given = Path(rest if separator else path).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise FlowError(Code.BAD_RUN_CONFIG, f"{name}_path {path!r} cannot be read: {e}", field=f"{name}_path") from e
    if isinstance(given, str):
        given = _parsed(given, name)
    return None, None if given is None else dict(given)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise FlowError(
            Code.MISSING_EXTRA, f"{name} as YAML needs PyYAML: pip install 'towpath[kubernetes]', or give it as an object"
        ) from None
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise FlowError(Code.BAD_RUN_CONFIG, f"{name} is no YAML: {e}", field=name) from e
    if not isinstance(parsed, dict):
        raise FlowError(Code.BAD_RUN_CONFIG, f"{name} must hold one object, such as a Job, not {type(parsed).__name__}", field=name)
    return parsed
