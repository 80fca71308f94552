"""Executors: what runs the tasks of a flow. They know nothing of flows, states or reports."""

from towpath.executors.dask import DaskExecutor
from towpath.executors.local import LocalExecutor
from towpath.executors.local_dask import LocalDaskExecutor
from towpath.executors.port import Executor, Future

__all__ = ["DaskExecutor", "Executor", "Future", "LocalDaskExecutor", "LocalExecutor"]
