"""What scripts and tasks read of a Towpath API: flows, flow runs and task runs as values, and the progress of a run as it happens.

A thin layer over `towpath.Client`, in the words of Prefect 1's `prefect.backend`. Its views read only; to create, cancel or restart
runs use the client, or the tasks in `towpath.tasks.flow_runs`. Key-value pairs and artifacts are written, too.
"""

from __future__ import annotations

from towpath.backend.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    delete_artifact,
    update_link_artifact,
    update_markdown_artifact,
)
from towpath.backend.kv_store import delete_key, delete_key_value, get_key_value, list_keys, set_key_value
from towpath.backend.views import FlowRunView, FlowView, TaskRunView
from towpath.backend.watching import FlowRunLog, watch_flow_run

__all__ = [
    "FlowRunLog",
    "FlowRunView",
    "FlowView",
    "TaskRunView",
    "create_link_artifact",
    "create_markdown_artifact",
    "delete_artifact",
    "delete_key",
    "delete_key_value",
    "get_key_value",
    "list_keys",
    "set_key_value",
    "update_link_artifact",
    "update_markdown_artifact",
    "watch_flow_run",
]
