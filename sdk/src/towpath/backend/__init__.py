"""What scripts and tasks read of a Towpath API: flows, flow runs and task runs as values, and the progress of a run as it happens.

A thin layer over `towpath.Client`, in the words of Prefect 1's `prefect.backend`. It reads only; to create, cancel or restart runs use the
client, or the tasks in `towpath.tasks.flow_runs`.
"""

from __future__ import annotations

from towpath.backend.views import FlowRunView, FlowView, TaskRunView
from towpath.backend.watching import FlowRunLog, watch_flow_run

__all__ = ["FlowRunLog", "FlowRunView", "FlowView", "TaskRunView", "watch_flow_run"]
