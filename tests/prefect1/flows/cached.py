"""A result that is kept for the next run, by the inputs it was made from."""

from datetime import timedelta

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.cache_validators import all_inputs
from prefect.engine.results import LocalResult


@task(cache_for=timedelta(hours=1), cache_validator=all_inputs)
def expensive(x):
    prefect.context.logger.info("computing %s", x)
    return x * 10


@task(cache_for=timedelta(hours=1), cache_validator=all_inputs, cache_key="shared by two tasks")
def keyed(x):
    return x + 1


with Flow("cached", result=LocalResult()) as flow:
    value = Parameter("x")
    keyed(expensive(value))
