"""Flows of flows: tasks that create runs of other flows, wait for them, take their results, rename and cancel them.

They work through a Towpath API. In a run of an agent that is the run's own, and what they create is that run's child. Failure cases:

* *A task is tried again, or its run is restarted or given to another process.* It finds the child that it has created before, by an
  idempotency key made of the run and the task; a second child is never made. A child that had failed is restarted (what succeeded in it is
  not run again), so restarting a parent restarts what failed below it.
* *The parent is cancelled.* The API cancels the child in the same moment, unless it was created with `cancel_with_parent=False`.
* *The parent's process dies.* Children go on; the parent's next process waits for them again.
* *The API is away.* A waiting parent waits on, until `max_duration`.
* *There is no API*, as in `flow.run()` without a server: the task fails with a sentence that says what to start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from towpath._context import context as here
from towpath._context import current_frame
from towpath.artifacts import create_link_artifact
from towpath.core.task import Task
from towpath.engine import signals
from towpath.tasks._api import MAX_DURATION, api
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import is_a

if TYPE_CHECKING:
    from towpath.backend import FlowRunView
    from towpath.client.client import Client
    from towpath.engine.state import State

_RENAME = "mutation($input: set_flow_run_name_input!) { set_flow_run_name(input: $input) { success } }"


# ----------------------------------------------------------------------------------------------------------------------------- creating


def _key() -> str | None:
    """The same for the same creation of each try of this task run, and for no other: a task may create several runs."""
    run, slug = here.get("flow_run_id"), here.get("task_slug")
    if run is None or slug is None:
        return None
    index, turn, number = here.get("map_index"), here.get("task_loop_count"), _creations()
    marks = [f"[{index}]" if index is not None else "", f" turn {turn}" if turn is not None else "", f" #{number}" if number > 1 else ""]
    return f"{run}:{slug}{''.join(marks)}"


def _creations() -> int:
    """Count one more creation of this try of the task; from 1."""
    frame = current_frame.get()
    while frame is not None and "task_slug" not in frame.values:
        frame = frame.parent
    assert frame is not None  # asked only where there is a task
    values: dict[str, Any] = frame.values  # type: ignore[assignment]  # the engine makes a dict for each try
    number: int = values.get("_flow_runs_created", 0) + 1
    values["_flow_runs_created"] = number
    return number


def _create(client: Client, *, flow_id: str | None, flow_name: str | None, project_name: str | None, link: bool = True, **run: Any) -> str:
    if (flow_id is None) == (flow_name is None):
        raise TowpathError(Code.BAD_REQUEST, "Say of which flow to create a run: give either flow_id or flow_name.")
    if flow_id is None:
        flow_id = client.find_flow(str(flow_name), project_name=project_name or None)["id"]
    if here.get("running_with_backend"):
        run |= {"parent_flow_run_id": here.get("flow_run_id"), "parent_task_slug": here.get("task_slug")}
        run |= {"parent_map_index": here.get("map_index")}
    run["idempotency_key"] = run["idempotency_key"] or _key()
    (made,) = client.create_flow_runs([{"flow_id": flow_id, **{k: v for k, v in run.items() if v is not None}}])
    if "code" in made:
        raise TowpathError(Code(made["code"]), made["message"])
    what = "Created" if made["created"] else "Found, as it was created before with this idempotency key,"
    page = f"{client.settings.api_url}/run/{made['id']}"
    here.logger.info("%s a flow run of %r: %s", what, flow_name or flow_id, page if link else made["id"])
    if link and here.get("task_slug") is not None:
        # the same id for each try of the task, which finds the same child
        create_link_artifact(page, artifact_id=str(uuid5(UUID(made["id"]), f"{here.get('flow_run_id')} {here.get('task_full_name')}")))
    return str(made["id"])


class CreateFlowRun(Task):
    """Create a run of another flow; its `run` is described at `create_flow_run`."""

    def run(
        self,
        flow_id: str | None = None,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        labels: Sequence[str] | None = None,
        run_name: str | None = None,
        run_config: Any = None,
        scheduled_start_time: datetime | None = None,
        idempotency_key: str | None = None,
        cancel_with_parent: bool = True,
    ) -> str:
        """Create a run of another flow and return its id.

        Args:
            flow_id: The flow version.
            flow_name: Instead: the current version of the flow of this name.
            project_name: The project in which to look for `flow_name`.
            parameters: Values of the flow's parameters; JSON.
            context: Values that the run's tasks find in their context.
            labels: Labels in place of the flow's: an agent must serve them.
            run_name: A name; the API makes one up when absent.
            run_config: A run config in place of the flow's.
            scheduled_start_time: When it is due (aware); now when absent.
            idempotency_key: A second creation with this key gives the first run. By default one of this task run.
            cancel_with_parent: Whether it is cancelled when this run is.
        """
        with api(self.name) as client:
            return _create(
                client,
                flow_id=flow_id,
                flow_name=flow_name,
                project_name=project_name,
                parameters=parameters,
                context=context,
                labels=labels,
                flow_run_name=run_name,
                run_config=run_config,
                scheduled_start_time=scheduled_start_time,
                idempotency_key=idempotency_key,
                cancel_with_parent=cancel_with_parent,
            )


create_flow_run = CreateFlowRun(name="create_flow_run")
"""Task: create a run of another flow. In a flow: `child = create_flow_run(flow_name="etl", parameters={"day": day})`."""


# ------------------------------------------------------------------------------------------------------------------------------ waiting


def _wait(
    client: Client,
    flow_run_id: str,
    *,
    states: bool = True,
    logs: bool = False,
    longest: timedelta = MAX_DURATION,
    sweep: float | None = None,
) -> FlowRunView:
    """Wait until a run has ended, its states and log lines in this task's log."""
    from towpath.backend import FlowRunView, watch_flow_run
    from towpath.backend.watching import SWEEP

    if flow_run_id == here.get("flow_run_id"):
        raise TowpathError(
            Code.BAD_REQUEST, "This task would wait for its own flow run, which cannot end before the task; give a child's id."
        )
    try:
        run = client.get_flow_run(flow_run_id)
    except TowpathError as error:
        if error.code != Code.NOT_FOUND or not here.get("running_with_backend"):
            raise
        sentence = (
            f"There is no flow run {flow_run_id} that this run may read. A run reads what it has created; to wait for other runs too, "
            "give it an API key: TOWPATH_API_KEY in the env of its run config."
        )
        raise TowpathError(Code.NOT_FOUND, sentence) from error
    own = (run["parent"] or {}).get("id") == here.get("flow_run_id", "")
    if own and _tried_before() and is_a(run["state"], "Failed", "Cancelled"):
        here.logger.info("Flow run %r is %s: restarting it, as this task is tried again", run["name"], run["state"])
        client.restart_flow_run(flow_run_id)
    label = f"Flow run {run['name']!r} of {run['flow']['name']!r}"
    for line in watch_flow_run(flow_run_id, states, logs, longest, client=client, sweep=SWEEP if sweep is None else sweep):
        # a failure below is no error of this task's own yet
        here.logger.log(
            min(line.level, logging.WARNING) if line.message.startswith("Entered state") else line.level, "%s: %s", label, line.message
        )
    return FlowRunView.from_flow_run_id(flow_run_id)


def _tried_before() -> bool:
    return int(here.get("task_run_count") or 1) > 1 or int(here.get("flow_run_attempt") or 1) > 1


def _signal_of(view: FlowRunView) -> signals.Signal:
    """The signal that ends a task as a flow run has ended."""
    state: State = view.state
    message = f"Flow run {view.name!r} ({view.flow_run_id}) ended {state.kind}: {state.message or 'no message'}"
    if state.is_skipped():
        return signals.SKIP(message, result=view)
    if state.is_successful():
        return signals.SUCCESS(message, result=view)
    return signals.FAIL(message, result=view)


class WaitForFlowRun(Task):
    """Wait for a flow run to end; its `run` is described at `wait_for_flow_run`."""

    def run(
        self,
        flow_run_id: str,
        stream_states: bool = True,
        stream_logs: bool = False,
        raise_final_state: bool = False,
        max_duration: timedelta = MAX_DURATION,
    ) -> FlowRunView:
        """Wait for a flow run to end and return it as a `towpath.backend.FlowRunView`. Its end wakes the task; nothing is polled.

        Args:
            flow_run_id: The run.
            stream_states: Whether its states appear in this task's log.
            stream_logs: Whether its log lines do.
            raise_final_state: Whether to end as it ends: Failed when it fails or is cancelled. Otherwise this task succeeds in any case.
            max_duration: How long to wait; then the task fails.
        """
        with api(self.name) as client:
            view = _wait(client, flow_run_id, states=stream_states, logs=stream_logs, longest=max_duration)
        if raise_final_state:
            raise _signal_of(view)
        return view


wait_for_flow_run = WaitForFlowRun(name="wait_for_flow_run")
"""Task: wait for a flow run to end. In a flow: `done = wait_for_flow_run(child, raise_final_state=True)`."""


class GetTaskRunResult(Task):
    """Take a result from another flow run; its `run` is described at `get_task_run_result`."""

    def run(self, flow_run_id: str, task_slug: str, map_index: int = -1, poll_time: float = 15.0) -> Any:
        """Wait for a flow run to end, and return the value of one of its tasks.

        Args:
            flow_run_id: The run.
            task_slug: Slug of the task, such as `make_report-1`.
            map_index: Which child of a mapped task; -1 for all, as a list.
            poll_time: Seconds after which to look at the run even when no event tells of its end.

        Raises:
            MissingResultError: If the task has not succeeded, or its result cannot be read from here.
            TowpathError: `UNKNOWN_TASK`, and what waiting can raise.
        """
        with api(self.name) as client:
            view = _wait(client, flow_run_id, states=False, sweep=poll_time)
        return view.get_task_run(task_slug, map_index=map_index).get_result()


get_task_run_result = GetTaskRunResult(name="get_task_run_result")
"""Task: take the result of a task of another flow run. In a flow: `get_task_run_result(child, "make_report-1")`."""


class StartFlowRun(Task):
    """Create a run of another flow and, with `wait=True`, wait for its end and end as it did.

    Args:
        flow_name: The flow.
        project_name: Its project.
        parameters: Values of its parameters.
        wait: Whether to wait. Without, the run is on its own: it is not cancelled with this one.
        new_flow_context: Values that its tasks find in their context.
        run_config: A run config in place of the flow's.
        run_name: A name of the run.
        scheduled_start_time: When it is due (aware).
        poll_interval: How long to wait for an event before looking at the run anyway.
        create_link_artifact: Whether the run's page is linked on the task's page and in its log.
        **options: As for `Task`.
    """

    def __init__(
        self,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = False,
        new_flow_context: Mapping[str, Any] | None = None,
        run_config: Any = None,
        run_name: str | None = None,
        scheduled_start_time: datetime | None = None,
        poll_interval: timedelta = timedelta(seconds=15),
        create_link_artifact: bool = True,
        **options: Any,
    ) -> None:
        self.flow_name = flow_name
        self.project_name = project_name
        self.parameters = parameters
        self.wait = wait
        self.new_flow_context = new_flow_context
        self.run_config = run_config
        self.run_name = run_name
        self.scheduled_start_time = scheduled_start_time
        self.poll_interval = poll_interval
        self.create_link_artifact = create_link_artifact
        super().__init__(options.pop("name", None) or (f"Flow {flow_name}" if flow_name else None), **options)

    def run(
        self,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        new_flow_context: Mapping[str, Any] | None = None,
        run_config: Any = None,
        run_name: str | None = None,
        scheduled_start_time: datetime | None = None,
    ) -> str | FlowRunView:
        """Create the run; arguments that are absent are those of the constructor.

        Returns:
            The run's id; with `wait` the run, ended, as a `towpath.backend.FlowRunView`.
        """
        name = flow_name or self.flow_name
        if name is None:
            raise TowpathError(Code.BAD_REQUEST, "StartFlowRun needs the name of a flow: StartFlowRun(flow_name=…), or as an input.")
        with api("StartFlowRun") as client:
            flow_run_id = _create(
                client,
                flow_id=None,
                flow_name=name,
                project_name=project_name or self.project_name,
                parameters=parameters if parameters is not None else self.parameters,
                context=new_flow_context if new_flow_context is not None else self.new_flow_context,
                run_config=run_config if run_config is not None else self.run_config,
                flow_run_name=run_name or self.run_name,
                scheduled_start_time=scheduled_start_time or self.scheduled_start_time,
                idempotency_key=idempotency_key,
                cancel_with_parent=self.wait,
                link=self.create_link_artifact,
            )
            if not self.wait:
                return flow_run_id
            view = _wait(client, flow_run_id, sweep=self.poll_interval.total_seconds())
        raise _signal_of(view)


# ----------------------------------------------------------------------------------------------------------------- naming and cancelling


class RenameFlowRun(Task):
    """Give a flow run another name: by default the one that this task is in.

    Args:
        flow_run_id: The run.
        flow_run_name: The name.
        **options: As for `Task`.
    """

    def __init__(self, flow_run_id: str | None = None, flow_run_name: str | None = None, **options: Any) -> None:
        self.flow_run_id = flow_run_id
        self.flow_run_name = flow_run_name
        super().__init__(**options)

    def run(self, flow_run_id: str | None = None, flow_run_name: str | None = None) -> bool:
        """Rename it; arguments that are absent are those of the constructor. Returns True."""
        name = flow_run_name or self.flow_run_name
        if not name:
            raise TowpathError(Code.BAD_REQUEST, "RenameFlowRun needs a name: RenameFlowRun(flow_run_name=…), or as an input.")
        with api("RenameFlowRun") as client:
            client.graphql(_RENAME, {"input": {"flow_run_id": _run_or_this(flow_run_id or self.flow_run_id), "name": name}})
        return True


class CancelFlowRun(Task):
    """Cancel a flow run: by default the one that this task is in.

    Args:
        flow_run_id_to_cancel: The run.
        **options: As for `Task`.
    """

    def __init__(self, flow_run_id_to_cancel: str | None = None, **options: Any) -> None:
        self.flow_run_id_to_cancel = flow_run_id_to_cancel
        super().__init__(**options)

    def run(self, flow_run_id_to_cancel: str | None = None) -> bool:
        """Cancel it; an absent argument is that of the constructor. Returns True; the run's process may still be stopping then."""
        with api("CancelFlowRun") as client:
            client.cancel_flow_run(_run_or_this(flow_run_id_to_cancel or self.flow_run_id_to_cancel))
        return True


def _run_or_this(flow_run_id: str | None) -> str:
    found = flow_run_id or here.get("flow_run_id")
    if found is None:
        raise TowpathError(Code.BAD_REQUEST, "Say which flow run: in a run without a backend there is none that could be meant.")
    return str(found)
