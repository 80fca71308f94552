"""Run configs: what a flow says to Towpath is what it said to Prefect 1, to the last field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import towpath.run_configs
from towpath_proto.run_configs import check

EVERY = {"env": {"A": "1"}, "labels": ["b", "a"]}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("UniversalRun", {}),
    ("UniversalRun", EVERY),
    ("LocalRun", {**EVERY, "working_dir": "/w"}),
    ("DockerRun", {}),
    ("DockerRun", {**EVERY, "image": "i", "ports": [80, 81], "host_config": {"mem_limit": "1g"}}),
    ("KubernetesRun", {}),
    ("KubernetesRun", {"job_template": "kind: Job\nspec: {a: 1}\n", "cpu_limit": "500m", "memory_limit": 1000}),
    ("KubernetesRun", {"job_template_path": "s3://b/k"}),
    ("KubernetesRun", {"job_template_path": "agent:///k.yaml"}),
    (
        "KubernetesRun",
        {
            **EVERY,
            "job_template": {"kind": "Job"},
            "image": "i",
            "cpu_limit": 2,
            "cpu_request": 0.5,
            "memory_limit": "2Gi",
            "memory_request": "500M",
            "service_account_name": "s",
            "image_pull_secrets": ["x", "y"],
            "image_pull_policy": "Always",
        },
    ),
    ("ECSRun", {}),
    ("ECSRun", {"task_definition_path": "s3://b/k"}),
    ("ECSRun", {"task_definition_arn": "arn:x"}),
    ("ECSRun", {"cpu": "1 vcpu", "memory": "4 GB"}),
    (
        "ECSRun",
        {
            **EVERY,
            "task_definition": {"family": "f"},
            "image": "i",
            "cpu": 512,
            "memory": 1024,
            "task_role_arn": "t",
            "execution_role_arn": "e",
            "run_task_kwargs": {"cluster": "c"},
        },
    ),
]
THEIRS = """
import inspect
from prefect import run_configs
kinds = {kind: getattr(run_configs, kind) for kind, _ in given["cases"]}
answer = {
    "json": [kinds[kind](**fields).serialize() for kind, fields in given["cases"]],
    "arguments": {kind: sorted(inspect.signature(cls).parameters) for kind, cls in kinds.items()},
}
"""


def test_every_argument_becomes_the_same_json(client, tmp_path: Path) -> None:
    """Each kind has Prefect 1's arguments and no others; with each of them the JSON is the same, but for the version that wrote it."""
    template = tmp_path / "template.yaml"
    template.write_text("kind: Job\nspec: {a: 1}\n")
    read_here = [("KubernetesRun", {"job_template_path": str(template)}), ("ECSRun", {"task_definition_path": str(template)})]
    cases = [*CASES, *read_here, ("LocalRun", {"working_dir": str(tmp_path)})]
    theirs = client.ask(THEIRS, cases=cases)
    for (kind, fields), their in zip(cases, theirs["json"], strict=True):
        ours = getattr(towpath.run_configs, kind)(**fields).to_dict()
        assert ours | {"__version__": "1.4.1"} == their
        check(their)  # and the backend takes it
    for kind, names in theirs["arguments"].items():
        given = {name for case, fields in CASES if case == kind for name in fields}
        assert given == set(names), f"{kind} has an argument that no case gives, or one of ours"
