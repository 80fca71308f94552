"""Executors: what runs the tasks of a flow. They know nothing of flows, states or reports."""

from towpath.executors.local import LocalExecutor
from towpath.executors.port import Executor, Future
from towpath.executors.threads import LocalDaskExecutor

__all__ = ["Executor", "Future", "LocalDaskExecutor", "LocalExecutor"]
