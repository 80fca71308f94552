"""What a run config may say."""

from __future__ import annotations

from typing import Any

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_proto.run_configs import check

# As prefect==1.4.1 writes them.
GOOD: list[dict[str, Any]] = [
    {"type": "UniversalRun", "env": {"A": "1"}, "labels": ["a", "b"], "__version__": "1.4.1"},
    {"type": "UniversalRun", "env": None, "labels": [], "__version__": "1.4.1"},
    {"type": "LocalRun", "working_dir": "work", "env": None, "labels": []},
    {"type": "DockerRun", "image": "a/b:c", "ports": [80, 8080], "host_config": {"mem_limit": "1g"}, "labels": []},
    {
        "type": "KubernetesRun",
        "job_template": {"apiVersion": "batch/v1", "kind": "Job"},
        "job_template_path": None,
        "cpu_limit": 2,
        "cpu_request": "500m",
        "memory_limit": "4Gi",
        "memory_request": "128974848",
        "service_account_name": "runs",
        "image_pull_secrets": ["one"],
        "image_pull_policy": "IfNotPresent",
    },
    {"type": "ECSRun", "task_definition_arn": "arn:aws:ecs:eu-west-1:1:task-definition/f:1", "cpu": "1 vcpu", "memory": "4 GB"},
    {"type": "ECSRun", "task_definition": {"family": "f"}, "image": "a", "cpu": "512", "run_task_kwargs": {"cluster": "c"}},
    {"type": "SlurmRun", "partition": 7},
    {"labels": ["of an agent of Prefect 0.13"]},
]


@pytest.mark.parametrize("run_config", [None, *GOOD], ids=str)
def test_good_ones_pass(run_config: Any) -> None:
    """All that Prefect 1's clients write, and kinds that we do not know."""
    check(run_config)


@pytest.mark.parametrize(
    ("run_config", "words"),
    [
        (["x"], "must be a JSON object"),
        ({"type": 3}, "must be a JSON object"),
        ({"labels": "gpu"}, "labels of the run config must be a list of texts, not 'gpu'"),
        ({"type": "UniversalRun", "env": {"A": 1}}, "env of UniversalRun must be an object that maps names to texts"),
        ({"type": "UniversalRun", "image": "a"}, "UniversalRun has no 'image'; it has env, labels."),
        ({"type": "DockerRun", "image": ""}, "image of DockerRun must be a text that is not empty"),
        ({"type": "DockerRun", "ports": [0]}, "ports of DockerRun must be a list of ports"),
        ({"type": "DockerRun", "ports": [True]}, "ports of DockerRun must be a list of ports"),
        ({"type": "DockerRun", "host_config": []}, "host_config of DockerRun must be a JSON object"),
        ({"type": "KubernetesRun", "memory_limit": "4 gigs"}, 'a quantity such as "500m" or "2Gi"'),
        ({"type": "KubernetesRun", "cpu_limit": -1}, "cpu_limit of KubernetesRun must be a number"),
        ({"type": "KubernetesRun", "image_pull_policy": "Sometimes"}, '"Always", "IfNotPresent" or "Never"'),
        ({"type": "KubernetesRun", "service_account_name": "No One"}, "must be a DNS name"),
        ({"type": "KubernetesRun", "job_template": {}, "job_template_path": "s3://b/k"}, "one of job_template and job_template_path"),
        ({"type": "ECSRun", "task_definition": {}, "task_definition_arn": "arn:x"}, "one of task_definition and task_definition_arn"),
        ({"type": "ECSRun", "task_definition_arn": "arn:x", "image": "a"}, "takes no image"),
        ({"type": "ECSRun", "cpu": "lots"}, "cpu of ECSRun must be"),
        ({"type": "DockerRun", "image": "x" * 1000, "ports": "80" * 1000}, "..."),
    ],
)
def test_bad_ones_are_refused_in_words(run_config: Any, words: str) -> None:
    """The field, what it must be, and what it is; a long value is cut."""
    with pytest.raises(TowpathError) as caught:
        check(run_config)
    assert caught.value.code == Code.BAD_RUN_CONFIG
    assert words in caught.value.message
    assert len(caught.value.message) < 300
