"""`towpath.tasks.flow_runs` under the name that the module has in Prefect 1."""

from __future__ import annotations

from towpath.tasks.flow_runs import (
    CancelFlowRun,
    RenameFlowRun,
    StartFlowRun,
    create_flow_run,
    get_task_run_result,
    wait_for_flow_run,
)

__all__ = ["CancelFlowRun", "RenameFlowRun", "StartFlowRun", "create_flow_run", "get_task_run_result", "wait_for_flow_run"]
