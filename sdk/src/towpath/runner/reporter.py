"""The engine's reporter for a run that belongs to a backend: turns what the engine says into the API's items and hands them to delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from towpath.runner.delivery import Delivery, Item
from towpath_proto.errors import TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client
    from towpath.engine.reporting import Artifact, LogEntry
    from towpath.engine.state import State

REPORT = "mutation($input: report_run_input!) { report_run(input: $input) { results artifact_results replayed cancel limited_tags } }"
REQUEST_TIMEOUT = 10.0
_LONGEST_MESSAGE = 500_000


class BackendReporter:
    """Reports one run under one fence.

    Args:
        client: The run's client, with the run's token.
        flow_run_id: The run.
        fence: The fence of its claim.
        on_cancel: Called once when the run is to be stopped.
        on_lost: Called once when the run has another owner.
        on_running: Called with (slug, map index, whether it runs) before the API hears of it: should the process die within the next
            moment, its supervisor can say which tasks died with it.
        on_limits: Called with the tags that have concurrency limits, whenever an answer names them.
    """

    def __init__(
        self,
        client: Client,
        *,
        flow_run_id: str,
        fence: int,
        on_cancel: Callable[[], None],
        on_lost: Callable[[TowpathError], None],
        on_running: Callable[[str, int, bool], None] = lambda slug, map_index, runs: None,
        on_limits: Callable[[Sequence[str] | None], None] = lambda tags: None,
    ) -> None:
        self._client = client
        self._on_running = on_running
        self._on_limits = on_limits
        self._running: set[tuple[str, int]] = set()
        self._run = {"flow_run_id": flow_run_id, "fence": fence, "reporter": "engine"}
        self._names: dict[tuple[str, int], str] = {}
        self._cancel = False
        self._on_cancel = on_cancel
        self.last_flow_state: str | None = None
        self.delivery = Delivery(self._post, on_cancel=self._cancelled, on_lost=on_lost)

    def _post(self, *, sequence: int, states: list[Item], logs: list[Item], artifacts: list[Item]) -> dict[str, Any]:
        batch: dict[str, Any] = {**self._run, "sequence": sequence}
        if states:
            batch["states"] = [{k: v for k, v in item.items() if k != "stripped"} for item in states]
        if logs:
            batch["logs"] = logs
        if artifacts:
            batch["artifacts"] = artifacts
        answer: dict[str, Any] = self._client.graphql(REPORT, {"input": batch}, timeout=REQUEST_TIMEOUT, patience=0)["report_run"]
        self._on_limits(answer.get("limited_tags"))
        return answer

    def _cancelled(self) -> None:
        self._cancel = True
        self._on_cancel()

    def cancel(self) -> None:
        """Let the engine see, when it asks next, that the run is to be stopped."""
        self._cancel = True

    # ----------------------------------------------------------------------------------------------------------- what the engine calls

    def task_state(self, slug: str, map_index: int, state: State, at: datetime) -> None:
        """The task run entered `state` at `at`."""
        key = (slug, map_index)
        runs = state.kind == "Running"
        if runs is not (key in self._running):
            (self._running.add if runs else self._running.discard)(key)
            self._on_running(slug, map_index, runs)
        item: Item = {"slug": slug, "map_index": map_index, "timestamp": at.isoformat(), "state": state.to_dict()}
        if self._names and (name := self._names.pop(key, None)) is not None:
            item["name"] = name
        self.delivery.state(item)

    def task_name(self, slug: str, map_index: int, name: str) -> None:
        """The task run is to be called `name`; it goes out with the next state."""
        self._names[slug, map_index] = name

    def flow_state(self, state: State, at: datetime) -> None:
        """The flow run entered `state` at `at`."""
        self.last_flow_state = state.kind
        self.delivery.state({"timestamp": at.isoformat(), "state": state.to_dict()})

    def log(self, entry: LogEntry) -> None:
        """A record was logged."""
        message = entry.message
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}… ({len(message) - _LONGEST_MESSAGE} more characters were left out)"
        item: Item = {"timestamp": entry.at.isoformat(), "level": entry.level, "name": entry.logger, "message": message}
        if entry.slug is not None:
            item["slug"] = entry.slug
            item["map_index"] = entry.map_index
        if entry.info:
            item["info"] = entry.info
        self.delivery.log(item)

    def artifact(self, artifact: Artifact) -> None:
        """A task made, changed or deleted an artifact."""
        self.delivery.artifact(artifact.to_dict())

    def flush(self) -> None:
        """Return when everything has been answered."""
        self.delivery.flush()

    def cancel_requested(self) -> bool:
        """Whether the run is to be stopped."""
        return self._cancel
