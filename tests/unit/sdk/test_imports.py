"""What `import towpath` and authoring a flow may load."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "asyncio", "cloudpickle", "concurrent.futures", "croniter", "cryptography", "ctypes", "dask", "dateutil", "distributed", "http",
    "multiprocessing", "pickle", "requests", "socket", "ssl", "subprocess", "urllib3", "websockets", "zoneinfo",
}  # fmt: skip

AUTHORING = """
import towpath
from datetime import timedelta
from towpath import Flow, Parameter, task, unmapped, flatten, tags
from towpath.triggers import all_finished
from towpath.schedules import CronSchedule
from towpath.run_configs import LocalRun

@task(max_retries=1, retry_delay=timedelta(seconds=1), trigger=all_finished)
def double(x):
    return 2 * x

with Flow("f", schedule=CronSchedule("0 0 * * *"), run_config=LocalRun()) as flow:
    double.map(flatten([[Parameter("n", 1)]]))
flow.validate()
"""


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after `code`."""
    program = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("code", ["import towpath", AUTHORING], ids=["import", "authoring"])
def test_heavy_modules_are_not_loaded(code: str) -> None:
    """Neither the import nor writing a flow loads networking, cron, asyncio, pickling or cryptography."""
    assert HEAVY & loaded_by(code) == HEAVY & loaded_by("pass")


def test_import_alone_loads_no_other_module_of_the_sdk() -> None:
    """The top level is lazy: names are loaded when they are first used."""
    assert {name for name in loaded_by("import towpath") if name.startswith("towpath.")} == set()


def test_every_public_name_can_be_had() -> None:
    """Each name in `__all__` and each public submodule is found, and an unknown one is an AttributeError."""
    import towpath

    for name in [*towpath.__all__, "triggers", "schedules", "engine", "executors", "run_configs", "storage", "errors"]:
        assert getattr(towpath, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        towpath.nothing  # noqa: B018 - the access is the test


def test_the_context_stays_the_object() -> None:
    """`towpath.context` is the context, also after everything of the engine has been imported."""
    import towpath
    import towpath.engine.run

    assert type(towpath.context).__name__ == "Context"
