"""Flows whose process ends before they do: one asks a person first, one tries again much later."""

from datetime import timedelta

from prefect import Flow, task
from prefect.triggers import manual_only


@task
def prepare():
    return 1


@task(trigger=manual_only)
def go(value):
    return value


@task(max_retries=1, retry_delay=timedelta(minutes=30))
def fails():
    raise RuntimeError("try again after the tide")


with Flow("asks") as asks:
    go(prepare())

with Flow("much-later") as much_later:
    fails()
