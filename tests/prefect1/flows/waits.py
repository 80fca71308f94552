"""Flows that stay where they are until somebody does something to them."""

import os
import time
from datetime import timedelta
from pathlib import Path

from prefect import Flow, Parameter, task


def wait_for(path, trace, number):
    with open(trace, "a") as f:
        f.write(f"begin {os.getpid()} {number}\n")
    while not Path(path).exists():
        time.sleep(0.05)
    with open(trace, "a") as f:
        f.write(f"end {os.getpid()} {number}\n")
    return number


@task
def wait(trace, gate, number):
    return wait_for(gate, trace, number)


@task(max_retries=3, retry_delay=timedelta(seconds=1))
def wait_with_retries(trace, gate, number):
    return wait_for(gate, trace, number)


@task
def before():
    return 1


with Flow("waits") as waits:
    trace, gate = Parameter("trace"), Parameter("gate")
    wait(trace, gate, before())

with Flow("waits-with-retries") as waits_with_retries:
    trace, gate = Parameter("trace"), Parameter("gate")
    wait_with_retries(trace, gate, before())
