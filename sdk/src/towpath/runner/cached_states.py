"""Cached states of a backend: read in one call for all tasks of a run. Nothing is kept here: what a run reports as Cached is the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from towpath.engine.caching import CacheName, Entry
from towpath.engine.state import Cached, State

if TYPE_CHECKING:
    from towpath.client.client import Client

READ = """query($id: UUID!, $tasks: [cached_task_input!]!) { cached_task_runs(flow_run_id: $id, tasks: $tasks) }"""


class BackendCache:
    """The cached states that one run may take over.

    Args:
        client: The run's client, with the run's token.
        flow_run_id: The run.
    """

    durable = True

    def __init__(self, client: Client, flow_run_id: str) -> None:
        self._client = client
        self._flow_run_id = flow_run_id

    def read(self, wanted: Mapping[CacheName, timedelta]) -> Mapping[CacheName, Sequence[Entry]]:
        """The cached states of these tasks, in one read."""
        names = list(wanted)
        tasks = [{"slug": name.slug, "cache_key": name.key, "seconds": wanted[name].total_seconds()} for name in names]
        rows = self._client.graphql(READ, {"id": self._flow_run_id, "tasks": tasks}, patience=5.0)["cached_task_runs"]
        found: dict[CacheName, list[Entry]] = {}
        for row in reversed(rows):  # the newest comes first over the wire, so that a limit cuts off the oldest
            state = State.from_dict(row["state"])
            if isinstance(state, Cached):
                found.setdefault(names[row["task"]], []).append((row["map_index"], state))
        return found

    def keep(self, name: CacheName, map_index: int, state: Cached) -> None:
        """Nothing to do: the state is reported."""
