"""Registering: by the Python client, by `prefect register`, again and again."""

from __future__ import annotations

import pytest

REGISTER = """
from prefect import Flow, task, Parameter
from prefect.schedules import CronSchedule
@task
def step(x): return x
with Flow(given["name"], schedule=CronSchedule(given["cron"]) if given.get("cron") else None) as flow:
    x = Parameter("x", default=1)
    for number in range(given.get("steps", 1)):
        x = step(x)
answer = flow.register("by client", **given.get("options", {}))
"""


@pytest.fixture(scope="module")
def by_client(client):
    """The client in a project that it has made by Python."""
    source = "from prefect import Client\nanswer = [Client().create_project('by client', 'Made twice.') for _ in range(2)]"
    first, again = client.ask(source)
    assert first == again  # the second finds the first by the words of the refusal
    return client


def test_each_registration_is_a_version_and_archives_the_one_before(by_client):
    """flow.register makes the next version in the same group; only the newest is not archived."""
    ids = [by_client.ask(REGISTER, name="grows", steps=steps) for steps in (1, 2, 2)]
    rows = by_client.sql("select id::text, version, archived, flow_group_id from flow where name = 'grows' order by version")
    assert [r[:3] for r in rows] == [(ids[0], 1, True), (ids[1], 2, True), (ids[2], 3, False)]
    assert len({r[3] for r in rows}) == 1
    counts = "select (select count(*) from task where flow_id = f.id), (select count(*) from edge where flow_id = f.id) from flow f"
    assert by_client.sql(counts + " where name = 'grows' order by version") == [(2, 1), (3, 2), (3, 2)]
    assert by_client.sql("select distinct core_version from flow where name = 'grows'") == [("1.4.1",)]


def test_an_idempotency_key_makes_no_second_version(by_client):
    """The same key gives the flow that there is; another one gives the next version."""
    given = {"name": "keyed", "options": {"idempotency_key": "a"}}
    first = by_client.ask(REGISTER, **given)
    assert by_client.ask(REGISTER, **given) == first
    assert by_client.ask(REGISTER, **given | {"options": {"idempotency_key": "b"}}) != first
    assert by_client.sql("select count(*) from flow where name = 'keyed'") == [(2,)]


def test_a_flow_of_more_than_one_batch(by_client):
    """Tasks and edges come in batches of 500; all of them arrive."""
    flow_id = by_client.ask(REGISTER, name="long", steps=620)
    counts = "select (select count(*) from task where flow_id = f.id), (select count(*) from edge where flow_id = f.id) from flow f"
    assert by_client.sql(counts + " where id = %s", flow_id) == [(621, 620)]


def test_a_schedule_is_active_unless_it_is_said_not_to_be(by_client):
    """Registration switches the schedule on, and ten runs lie ahead; with set_schedule_active=False none does."""
    on = by_client.ask(REGISTER, name="hourly", cron="0 * * * *")
    off = by_client.ask(REGISTER, name="not yet", cron="0 * * * *", options={"set_schedule_active": False})
    assert by_client.sql("select id::text from flow where is_schedule_active and name in ('hourly', 'not yet')") == [(on,)]
    assert by_client.sql("select count(*) from flow_run where flow_id = %s", off) == [(0,)]


def test_the_command_registers_a_folder_and_skips_what_has_not_changed(registered):
    """`prefect register` again: everything is skipped; with --force each flow gets its next version."""
    printed = registered.cli("register", "--project", "river", "--path", str(registered.flows_folder), "--label", "river")
    assert f"0 registered, {len(registered.flows)} skipped" in printed
    path = str(registered.flows_folder / "small.py")
    printed = registered.cli("register", "-p", path, "--project", "river", "--label", "river", "--name", "note", "--force", "--no-schedule")
    assert "Version: 2" in printed
    ((new,),) = registered.sql("select id::text from flow where name = 'note' and not archived")
    assert new != registered.flows["note"]
    registered.flows["note"] = new


def test_a_project_that_is_not_there_is_told_in_one_sentence(client):
    """The command says which project to make."""
    printed = client.cli("register", "--project", "nowhere", "--path", str(client.flows_folder / "small.py"), expect=1)
    assert "Project 'nowhere' does not exist" in printed


def test_projects_and_tenants_by_command(client):
    """create project (twice), delete project, server create-tenant: as on Prefect Server."""
    assert "brief created" in client.cli("create", "project", "brief")
    assert "brief already exists" in client.cli("create", "project", "brief", "--skip-if-exists")
    assert "brief deleted" in client.cli("delete", "project", "brief")
    assert "not found" in client.cli("delete", "project", "brief", expect=None)
    assert client.sql("select 1 from project where name = 'brief'") == []
    printed = client.cli("server", "create-tenant", "--name", "Other People")
    ((tenant_id,),) = client.sql("select id::text from tenant where slug = 'other-people'")
    assert f"Tenant created with ID: {tenant_id}" in printed
    assert "Uniqueness violation." in client.cli("server", "create-tenant", "--name", "Other People", expect=1)
