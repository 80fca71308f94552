"""Imports of Prefect 1's flows work here when `prefect` is replaced by `towpath`."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[3] / "sdk/PORTING.md"

NAMES = {
    "prefect": "Flow Task task Parameter Client context case tags apply_map resource_manager mapped unmapped flatten",
    "prefect.backend": "FlowView FlowRunView TaskRunView",
    "prefect.engine.cache_validators": "never_use duration_only all_inputs all_parameters partial_inputs_only partial_parameters_only",
    "prefect.engine.results": "LocalResult PrefectResult",
    "prefect.engine.serializers": "PickleSerializer JSONSerializer DateTimeSerializer CompressedSerializer PandasSerializer",
    "prefect.engine.signals": "FAIL TRIGGERFAIL VALIDATIONFAIL SUCCESS RETRY SKIP PAUSE LOOP",
    "prefect.engine.state": "State Pending Scheduled Submitted Queued Running Retrying Paused Resume Finished Success Cached Mapped "
    "Skipped Failed TimedOut TriggerFailed ValidationFailed Cancelled Cancelling Looped",
    "prefect.executors": "LocalExecutor LocalDaskExecutor DaskExecutor",
    "prefect.run_configs": "UniversalRun LocalRun DockerRun KubernetesRun ECSRun",
    "prefect.schedules": "Schedule IntervalSchedule CronSchedule",
    "prefect.schedules.adjustments": "add next_weekday",
    "prefect.schedules.clocks": "IntervalClock CronClock DatesClock",
    "prefect.schedules.filters": "on_datetime on_date at_time between_datetimes between_dates between_times is_weekday is_weekend "
    "is_month_end is_month_start is_day_of_week",
    "prefect.storage": "Local Module",
    "prefect.tasks.control_flow": "case switch ifelse merge FilterTask",
    "prefect.tasks.control_flow.case": "case",
    "prefect.tasks.control_flow.conditional": "switch ifelse merge",
    "prefect.tasks.control_flow.filter": "FilterTask",
    "prefect.tasks.core.collections": "List Tuple Set Dict",
    "prefect.tasks.core.constants": "Constant",
    "prefect.tasks.core.operators": "GetItem Not",
    "prefect.tasks.core.resource_manager": "resource_manager",
    "prefect.tasks.prefect": "create_flow_run wait_for_flow_run get_task_run_result StartFlowRun RenameFlowRun CancelFlowRun",
    "prefect.triggers": "all_successful all_failed any_successful any_failed all_finished always_run manual_only not_all_skipped "
    "some_failed some_successful",
    "prefect.utilities.edges": "mapped unmapped flatten",
    "prefect.utilities.logging": "get_logger",
    "prefect.utilities.notifications": "callback_factory",
    "prefect.utilities.tasks": "task tags apply_map",
}


@pytest.mark.parametrize("module", NAMES)
def test_the_names_of_prefect_1_are_where_its_flows_look_for_them(module: str) -> None:
    home = import_module(module.replace("prefect", "towpath", 1))
    found = {name: getattr(home, name, None) for name in NAMES[module].split()}
    assert [name for name, value in found.items() if value is None] == []


def test_a_name_is_one_thing_wherever_it_is_imported_from() -> None:
    """No second `case`, `unmapped` or clock that an `isinstance` would not know."""
    homes: dict[str, set[int]] = {}
    for module, names in NAMES.items():
        for name in names.split():
            homes.setdefault(name, set()).add(id(getattr(import_module(module.replace("prefect", "towpath", 1)), name)))
    assert {name for name, things in homes.items() if len(things) > 1} == set()


OLD = """
import prefect
from prefect import Flow, task
from prefect.engine.signals import SKIP
from prefect.tasks.prefect import create_flow_run

@task
def say(n):
    prefect.context.get("logger").info("a line of the task")
    if n < 0:
        raise prefect.engine.signals.SKIP("negative")
    return n

with Flow("old") as flow:
    said = say.map([1, -1])
"""


@pytest.mark.skipif(shutil.which("perl") is None, reason="the guide's command needs perl")
def test_the_guides_command_ports_a_file(tmp_path: Path) -> None:
    """Imports and names behind `import prefect` change; what follows runs as it stands."""
    found = re.search(r"^    (perl -pi -e '.*') flows/\*\.py$", GUIDE.read_text(), re.MULTILINE)
    assert found is not None
    old = tmp_path / "old.py"
    old.write_text(OLD)
    subprocess.run(["bash", "-c", f"{found[1]} {old}"], check=True)
    assert "from towpath.tasks.prefect import create_flow_run" in old.read_text()
    names: dict[str, Any] = {"__name__": "old"}
    exec(compile(old.read_text(), "old.py", "exec"), names)
    state = names["flow"].run()
    assert [child.kind for child in state.result[names["said"]].map_states] == ["Success", "Skipped"]
