"""One run that leaves every order of states: mapping, retries, loops, skips, failures, triggers, names."""

import time
from datetime import timedelta

import prefect
from prefect import Flow, Parameter, case, task, unmapped
from prefect.engine import signals
from prefect.engine.results import LocalResult
from prefect.tasks.control_flow import merge
from prefect.triggers import all_finished, any_failed


@task
def numbers(n):
    return list(range(n))


@task(max_retries=2, retry_delay=timedelta(seconds=1), task_run_name="try {number}")
def flaky(number):
    if number == 1 and prefect.context.task_run_count == 1:
        raise ValueError("the first try fails")
    return number


@task
def double(number, by):
    return number * by


@task
def total(values):
    prefect.context.logger.info("the total is %s", sum(values))
    return sum(values)


@task
def loop():
    count = prefect.context.get("task_loop_count", 1)
    seen = prefect.context.get("task_loop_result", [])
    if count < 3:
        raise signals.LOOP(message=f"round {count}", result=[*seen, count])
    return [*seen, count]


@task
def is_big(value):
    return value > 1000


@task
def big():
    return "big"


@task
def small():
    return "small"


@task
def fails():
    raise RuntimeError("this one fails")


@task
def after_failure():
    return "never"


@task(trigger=all_finished)
def always(value):
    return "always"


@task(trigger=any_failed)
def alarm(value):
    return "alarm"


@task(timeout=1)
def slow():
    time.sleep(30)


@task
def gives_up():
    raise signals.FAIL("it says so", result=7)


@task
def asks_for_skip():
    raise signals.SKIP("not today")


with Flow("walk", result=LocalResult()) as flow:
    n = Parameter("n", default=3)
    sums = total(double.map(flaky.map(numbers(n)), by=unmapped(2)))
    looped = loop()
    big_enough = is_big(sums)
    with case(big_enough, True):
        yes = big()
    with case(big_enough, False):
        no = small()
    size = merge(yes, no)
    failed = fails()
    downstream = after_failure(upstream_tasks=[failed])
    cleaned, alarmed = always(downstream), alarm(failed)
    slow()
    gives_up()
    asks_for_skip()
    flow.set_reference_tasks([sums, looped, size, cleaned, alarmed])
