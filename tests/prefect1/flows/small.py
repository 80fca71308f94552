"""A flow that is over in no time, and one of an own name."""

import os

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.results import LocalResult


@task
def note(trace):
    with open(trace, "a") as f:
        f.write(f"{prefect.context.flow_run_id} {os.getpid()}\n")


@task
def tell(greeting, name):
    context = prefect.context
    context.logger.warning("%s, %s", greeting, name)
    return [context.flow_run_name, context.scheduled_start_time.isoformat(), context.get("tide"), context.project_name]


with Flow("note") as note_flow:
    note(Parameter("trace"))

with Flow("greet", result=LocalResult()) as greet:
    tell(Parameter("greeting", default="Hello"), Parameter("name"))
