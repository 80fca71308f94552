"""How many state transitions a second eight clients can make, each call one: task runs from Pending over Running to Success.

The calls are those of Prefect 1's clients, `set_task_run_states` with a version. Each client has a flow run of its own, as each
run's process has.
"""

from __future__ import annotations

from tests.benchmarks.floors import commits
from tests.benchmarks.load import CLIENTS, encode, send_all
from tests.benchmarks.measure import Measure
from tests.benchmarks.stage import Stage

TASKS = 100
FLOW = f"""
    from towpath import Flow, task

    with Flow("bench-states") as flow:
        for number in range({TASKS}):
            task(lambda: None, name=f"task-{{number}}")()
"""
FLOW_STATES = "mutation($input: set_flow_run_states_input!) { set_flow_run_states(input: $input) { states { id status } } }"
TASK_STATES = "mutation($input: set_task_run_states_input!) { set_task_run_states(input: $input) { states { id status } } }"


def _state(kind: str) -> dict[str, str]:
    return {"type": kind, "message": f"Now {kind}."}


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        flow_id = stage.register(FLOW)
        bodies: list[list[bytes]] = []
        for _ in range(CLIENTS):
            run_id = stage.client.create_flow_run(flow_id)
            for version, kind in ((1, "Submitted"), (2, "Running")):
                state = {"flow_run_id": run_id, "version": version, "state": _state(kind)}
                stage.backend.graphql(FLOW_STATES, input={"states": [state]})
            own = [str(r[0]) for r in stage.rows("select id from task_run where flow_run_id = %s order by id", run_id)]
            bodies.append(
                [
                    encode(TASK_STATES, {"input": {"states": [{"task_run_id": task_run, "version": version, "state": _state(kind)}]}})
                    for task_run in own
                    for version, kind in ((0, "Running"), (1, "Success"))
                ]
            )
        send_all(stage.backend, [own[:20] for own in bodies])
        sent = send_all(stage.backend, [own[20:] for own in bodies])
        done = stage.rows("select count(*) from task_run where state = 'Success'")[0][0]
        if done != CLIENTS * TASKS:
            raise RuntimeError(f"{done} of {CLIENTS * TASKS} task runs are stored as Success")
        floor = commits(stage)
    return [
        Measure(
            name="state transitions, 8 clients, one per call",
            value=len(sent.calls) / sent.seconds,
            unit="/s",
            target=500,
            better="more",
            floor=floor,
            floor_is="commits of one small row, 8 connections",
            remark=str(sent),
        )
    ]
