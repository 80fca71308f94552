"""Tasks that come under a concurrency limit, though their executor would run them side by side."""

import time

from prefect import Flow, Parameter, task, unmapped
from prefect.executors import LocalDaskExecutor


@task(tags=["one at a time"])
def hold(number, trace):
    with open(trace, "a") as f:
        f.write(f"begin {number}\n")
    time.sleep(0.3)
    with open(trace, "a") as f:
        f.write(f"end {number}\n")


with Flow("limited", executor=LocalDaskExecutor(scheduler="threads", num_workers=3)) as flow:
    hold.map([1, 2, 3], unmapped(Parameter("trace")))
