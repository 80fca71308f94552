"""Flows of flows, in each way of the unmodified client."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def family(site):
    """A run of flows/family.py."""
    return site.ended(site.create("family", flow_run_name="the parent"), timeout=90)


def test_a_parent_waits_for_its_child_and_takes_its_result(site, family):
    """create_flow_run, wait_for_flow_run with its log, get_task_run_result: parameters, context and name have arrived."""
    ((child, labels),) = site.sql("select id::text, labels from flow_run where name = 'the child'")
    run = site.ended(child)
    assert (run["parameters"], labels) == ({"greeting": "Hello", "name": "child"}, site.labels)
    assert site.history(run) == "Scheduled Submitted Running Success"
    # its lines come until it ends; its last ones are sent afterwards, when nobody watches any more
    assert "INFO Flow 'the child': Entered state <Success>: All reference tasks succeeded." in site.logs(family["id"])
    source = (
        "from prefect.backend import FlowRunView\nanswer = FlowRunView.from_flow_run_id(given['run']).get_task_run('take-1').get_result()"
    )
    assert site.ask(source, run=family["id"]) == ["high", "river"]


def test_the_old_way(site, family):
    """StartFlowRun(wait=True) ends as its child ends, and leaves a link to it."""
    ((child, state),) = site.sql("select id::text, state from flow_run where name = 'the old way'")
    assert state == "Success"
    (caller,) = [t for t in family["task_runs"] if t["task"]["slug"].startswith("Flow greet")]
    assert site.history(caller) == "Running Success"
    ((link,),) = site.sql("select data ->> 'link' from task_run_artifact where task_run_id = %s", caller["id"])
    assert link == f"/default/flow-run/{child}"


def test_a_child_is_made_once(site, family):
    """Its idempotency key is the task run's id, so a parent that is run again finds it."""
    ((key,),) = site.sql("select idempotency_key from flow_run where name = 'the child'")
    (made_by,) = [t["id"] for t in family["task_runs"] if t["task"]["slug"] == "create_flow_run-1"]
    assert key == made_by
