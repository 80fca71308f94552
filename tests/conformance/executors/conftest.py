"""The executors that must all do the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from towpath.executors import DaskExecutor, LocalDaskExecutor, LocalExecutor

EXECUTORS: dict[str, tuple[Callable[[], Any], bool]] = {
    "local": (LocalExecutor, False),
    "synchronous": (lambda: LocalDaskExecutor("synchronous"), False),
    "threads": (lambda: LocalDaskExecutor("threads", num_workers=2), False),
    "processes": (lambda: LocalDaskExecutor("processes", num_workers=2), True),
    "dask": (lambda: DaskExecutor(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "processes": True}), True),
    "dask-threads": (lambda: DaskExecutor(cluster_kwargs={"n_workers": 1, "threads_per_worker": 2, "processes": False}), False),
}


@pytest.fixture(params=EXECUTORS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which executor."""
    return str(request.param)


@pytest.fixture
def make(kind: str) -> Callable[[], Any]:
    """Makes one."""
    return EXECUTORS[kind][0]


@pytest.fixture
def apart(kind: str) -> bool:
    """Whether tasks run in processes of their own."""
    return EXECUTORS[kind][1]
