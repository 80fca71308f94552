"""Flows, schedules and run configs as Prefect 1's JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from towpath import Flow, Parameter, Task, task, unmapped
from towpath.errors import Code, FlowError, TowpathError
from towpath.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, UniversalRun
from towpath.schedules import CronClock, CronSchedule, DatesClock, IntervalClock, IntervalSchedule, Schedule
from towpath.storage import BackendStorage
from towpath.triggers import some_failed
from towpath_proto import __version__

NEW_YORK = ZoneInfo("America/New_York")


@task(name="work", tags=["b", "a"], max_retries=2, retry_delay=timedelta(minutes=1), timeout=30, trigger=some_failed(at_least=1))
def work(x: int, y: str = "") -> list[int]:
    return [x]


def test_a_flow_as_json() -> None:
    """The whole serialised flow, key for key."""
    with Flow("f", run_config=UniversalRun(env={"A": "1"}, labels=["b", "a"]), storage=BackendStorage()) as flow:
        p = Parameter("p", default=[1])
        work.map(p, unmapped("y"))
    v = {"__version__": __version__}
    parameter = {
        "type": "towpath.core.parameter.Parameter",
        "name": "p",
        "slug": "p",
        "default": [1],
        "required": False,
        "schema": {"type": "array"},
        "enforced": False,
        "tags": [],
        "outputs": "Any",
        **v,
    }
    data = flow.serialize()
    assert data == {
        "name": "f",
        "type": "towpath.core.flow.Flow",
        "schedule": None,
        "parameters": [parameter],
        "tasks": [
            {
                "type": "towpath.core.task.FunctionTask",
                "name": "work",
                "slug": "work-a-b-1",
                "tags": ["a", "b"],
                "max_retries": 2,
                "retry_delay": 60.0,
                "inputs": {"x": {"required": True, "type": "int"}, "y": {"required": False, "type": "str"}},
                "outputs": "list[int]",
                "timeout": 30.0,
                "trigger": {"fn": "towpath.triggers.some_failed", "kwargs": {"at_least": 1, "at_most": None}},
                "skip_on_upstream_skip": True,
                "cache_for": None,
                "cache_key": None,
                "cache_validator": None,
                "auto_generated": False,
                **v,
            },
            parameter,
        ],
        "edges": [
            {
                "upstream_task": {"slug": "p", **v},
                "downstream_task": {"slug": "work-a-b-1", **v},
                "key": "x",
                "mapped": True,
                "flattened": False,
                **v,
            }
        ],
        "reference_tasks": [{"slug": "work-a-b-1", **v}],
        "run_config": {"env": {"A": "1"}, "labels": ["a", "b"], **v, "type": "UniversalRun"},
        "storage": {"flows": {}, "secrets": [], "stored_as_script": False, **v, "type": "Backend"},
        **v,
    }
    assert json.loads(json.dumps(data)) == data
    assert flow.serialized_hash() == flow.copy().serialized_hash()


def test_an_invalid_flow_is_not_serialised() -> None:
    """A cycle is found before anything is sent."""
    flow = Flow("f")
    a, b = Task("a"), Task("b")
    flow.add_edge(a, b)
    flow.add_edge(b, a)
    with pytest.raises(FlowError, match="cycle"):
        flow.serialize()


SAMPLES: list[tuple[Any, dict[str, Any]]] = [
    (
        IntervalClock(timedelta(hours=1), datetime(2020, 1, 1, tzinfo=NEW_YORK)),
        {
            "start_date": {"dt": "2020-01-01T00:00:00", "tz": "America/New_York"},
            "end_date": None,
            "interval": 3600000000,
            "parameter_defaults": {},
            "labels": None,
            "__version__": __version__,
            "type": "IntervalClock",
        },
    ),
    (
        CronClock("0 3 * * 1-5", end_date=datetime(2030, 1, 1, tzinfo=UTC), labels=["b", "a"], parameter_defaults={"p": 1}),
        {
            "start_date": None,
            "end_date": {"dt": "2030-01-01T00:00:00", "tz": "UTC"},
            "cron": "0 3 * * 1-5",
            "day_or": True,
            "parameter_defaults": {"p": 1},
            "labels": ["a", "b"],
            "__version__": __version__,
            "type": "CronClock",
        },
    ),
    (
        DatesClock([datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))]),
        {
            "dates": [{"dt": "2026-01-02T03:00:00", "tz": "+02:00"}],
            "parameter_defaults": {},
            "labels": None,
            "__version__": __version__,
            "type": "DatesClock",
        },
    ),
]


@pytest.mark.parametrize(("clock", "expected"), SAMPLES, ids=lambda x: type(x).__name__)
def test_clocks_as_json(clock: Any, expected: dict[str, Any]) -> None:
    """Each clock is written as Prefect 1 writes it, and is understood by proto."""
    schedule = Schedule([clock])
    assert schedule.to_dict()["clocks"] == [expected]
    assert schedule.next_event(datetime(2025, 1, 1, tzinfo=UTC)) is not None


def test_schedules_tell_their_times() -> None:
    """The next events come in order, with the clock's parameters, also after pickling."""
    import pickle

    schedule = IntervalSchedule(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=6))
    after = datetime(2026, 1, 1, tzinfo=UTC)
    for same in (schedule, pickle.loads(pickle.dumps(schedule))):
        assert [e.start_time.hour for e in same.events(after, 3)] == [6, 12, 18]
    assert CronSchedule("0 9 * * *", datetime(2026, 7, 1, tzinfo=NEW_YORK)).next_event(after).start_time.hour == 13  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "make",
    [
        lambda: IntervalSchedule(interval=timedelta(seconds=5)).to_dict(),
        lambda: IntervalSchedule(),
        lambda: IntervalSchedule(datetime(2026, 1, 1), timedelta(hours=1)).to_dict(),  # noqa: DTZ001 - the mistake under test
        lambda: CronSchedule("not a cron").next_event(datetime(2026, 1, 1, tzinfo=UTC)),
        lambda: Schedule([]).next_event(datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_bad_schedules_have_their_code(make: Any) -> None:
    """What cannot be a schedule is refused with BAD_SCHEDULE."""
    with pytest.raises(TowpathError) as caught:
        make()
    assert caught.value.code == Code.BAD_SCHEDULE


def test_run_configs_as_json() -> None:
    """Run configs are written as Prefect 1's, labels sorted; wrong kinds of values are refused."""
    assert LocalRun(working_dir="/w", labels=["b", "a"]).to_dict() == {
        "env": None,
        "labels": ["a", "b"],
        "working_dir": "/w",
        "__version__": __version__,
        "type": "LocalRun",
    }
    assert LocalRun(working_dir="here").working_dir == str(Path.cwd() / "here"), "the agent's folder is another one"
    for bad in ({"labels": "ab"}, {"env": {"A": 1}}):
        with pytest.raises(FlowError) as caught:
            UniversalRun(**bad)  # type: ignore[arg-type]
        assert caught.value.code == Code.BAD_RUN_CONFIG


def test_run_configs_of_containers_as_json(tmp_path: Path) -> None:
    """Every field is in the JSON, null where it was not given; templates of this machine are read when the run config is made."""
    docker = DockerRun(image="a/b", ports=range(80, 82), host_config={"mem_limit": "1g"}, labels=["x"]).to_dict()
    assert docker == {
        "env": None,
        "labels": ["x"],
        "image": "a/b",
        "ports": [80, 81],
        "host_config": {"mem_limit": "1g"},
        "__version__": __version__,
        "type": "DockerRun",
    }
    template = tmp_path / "job.yaml"
    template.write_text("apiVersion: batch/v1\nkind: Job\n")
    job = {"apiVersion": "batch/v1", "kind": "Job"}
    for given in (str(template), f"file://{template}"):
        kubernetes = KubernetesRun(job_template_path=given).to_dict()
        assert kubernetes["job_template"] == job
        assert kubernetes["job_template_path"] is None
    assert KubernetesRun(job_template=template.read_text()).job_template == job
    assert KubernetesRun(job_template_path="agent:///etc/job.yaml").job_template_path == "agent:///etc/job.yaml"
    assert KubernetesRun(cpu_limit=0.5, memory_request=1000).to_dict().items() >= {"cpu_limit": "0.5", "memory_request": "1000"}.items()
    assert ECSRun(cpu=512, memory="4 GB", task_definition={"family": "f"}).to_dict()["cpu"] == "512"
    for make, field in (
        (lambda: KubernetesRun(job_template_path=str(tmp_path / "none.yaml")), "job_template_path"),
        (lambda: KubernetesRun(job_template="- a"), "job_template"),
        (lambda: KubernetesRun(job_template="{"), "job_template"),
        (lambda: KubernetesRun(job_template=job, job_template_path=str(template)), "job_template"),
        (lambda: ECSRun(task_definition_arn="arn:x", image="a"), "image"),
        (lambda: DockerRun(ports=[99999]), "ports"),
    ):
        with pytest.raises(FlowError) as caught:
            make()
        assert caught.value.code == Code.BAD_RUN_CONFIG
        assert caught.value.detail["field"] == field
