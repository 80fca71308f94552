"""A flow that runs another one in every way that prefect has."""

from datetime import timedelta

from prefect import Flow, task
from prefect.engine.results import LocalResult
from prefect.tasks.prefect import StartFlowRun, create_flow_run, get_task_run_result, wait_for_flow_run


@task
def take(result):
    return result[2], result[3]


with Flow("family", result=LocalResult()) as flow:
    child = create_flow_run(
        flow_name="greet", project_name="river", parameters={"name": "child"}, context={"tide": "high"}, run_name="the child"
    )
    done = wait_for_flow_run(child, stream_logs=True, raise_final_state=True)
    take(get_task_run_result(child, "tell-1", poll_time=1, upstream_tasks=[done]))
    old_way = StartFlowRun(flow_name="greet", project_name="river", wait=True, poll_interval=timedelta(seconds=3))
    old_way(parameters={"name": "old way"}, run_name="the old way", upstream_tasks=[done])
