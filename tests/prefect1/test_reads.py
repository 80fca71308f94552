"""Everything that the client reads: its views, and each `get` and `describe` command."""

from __future__ import annotations

import json

import pytest

VIEWS = """
from prefect import Client
from prefect.backend import FlowRunView, FlowView, TaskRunView, TenantView
run = FlowRunView.from_flow_run_id(given["run"])
flow = run.get_flow_metadata()
mapped = run.get_task_run(task_slug="double-1")
client = Client()
group = client.graphql({"query": {"flow_by_pk(id: \\"%s\\")" % flow.flow_id: "flow_group_id"}}).data.flow_by_pk.flow_group_id
answer = {
    "run": [run.name, run.state.message, run.labels, run.parameters, [type(s).__name__ for s in run.states], run.run_config.env],
    "latest": run.get_latest(load_static_tasks=True).state.is_successful(),
    "logs": [log.message for log in run.get_logs()],
    "flow": [flow.name, flow.project_name, flow.archived, flow.core_version, flow.settings, type(flow.storage).__name__],
    "tasks": sorted(t.slug for t in flow.flow.tasks),
    "flows": [
        FlowView.from_id(flow.flow_id).flow_id, FlowView.from_flow_name("walk").flow_id, FlowView.from_id(group).flow_id,
        FlowView.from_flow_name("walk", project_name="river").flow_id, FlowView.from_flow_group_id(group).flow_id,
    ],
    "mapped": [mapped.get_result(), [c.get_result() for c in mapped.iter_mapped()], mapped.state.message],
    "child": run.get_task_run(task_slug="flaky-1", map_index=1).get_result(),
    "ids": sorted(run.get_task_run_ids()),
    "all": sorted(t.task_run_id for t in run.get_all_task_runs()),
    "by id": TaskRunView.from_task_run_id(mapped.task_run_id).task_slug,
    "by slug": TaskRunView.from_task_slug("total-1", run.flow_run_id).get_result(),
    "tenants": [TenantView.from_current_tenant().slug, TenantView.from_tenant_id(client.tenant_id).name],
    "available": [t.slug for t in client.get_available_tenants()],
    "info": [len(client.get_flow_run_info(run.flow_run_id).task_runs), type(client.get_flow_run_state(run.flow_run_id)).__name__],
    "task state": type(client.get_task_run_state(mapped.task_run_id)).__name__,
    "url": client.get_cloud_url("flow-run", run.flow_run_id),
}
"""


@pytest.fixture(scope="module")
def walked(site):
    """A run of the flow with every feature."""
    return site.ended(site.create("walk", flow_run_name="walk to read"))


@pytest.fixture(scope="module")
def seen(site, walked):
    """What the views say of it."""
    return site.ask(VIEWS, run=walked["id"])


def test_the_view_of_a_run(seen, site, walked):
    """FlowRunView has the run's states, labels, parameters, run config and log."""
    states = ["Scheduled", "Submitted", "Running", "Success"]
    assert seen["run"] == ["walk to read", "All reference tasks succeeded.", site.labels, {"n": 3}, states, None]
    assert seen["latest"] is True
    assert [line.split(" ", 1)[1] for line in site.logs(walked["id"])] == seen["logs"]
    assert seen["info"] == [len([t for t in walked["task_runs"] if t["map_index"] == -1]), "Success"]


def test_the_view_of_a_flow(seen, site):
    """FlowView finds the flow by id, name, project and group, with its settings and its graph."""
    assert seen["flow"] == ["walk", "river", False, "1.4.1", {"heartbeat_enabled": True}, "Local"]
    assert seen["flows"] == [site.flows["walk"]] * 5
    assert seen["tasks"] == sorted(s for (s,) in site.sql("select slug from task where flow_id = %s", site.flows["walk"]))


def test_the_view_of_a_task_run(seen, walked):
    """TaskRunView reads results, of children too, by id and by slug."""
    assert seen["mapped"] == [[0, 2, 4], [0, 2, 4], "Ready to proceed with mapping."]
    assert (seen["child"], seen["by id"], seen["by slug"], seen["task state"]) == (1, "double-1", 6, "Mapped")
    assert seen["ids"] == seen["all"] == sorted(t["id"] for t in walked["task_runs"])


def test_the_view_of_a_tenant(seen, walked):
    """There is one tenant from the first start on, and links are made of its slug."""
    assert seen["tenants"] == ["default", "Default"]
    assert "default" in seen["available"]
    assert seen["url"].endswith(f"/default/flow-run/{walked['id']}")


def rows(printed):
    """The cells of a printed table, by heading."""
    head, *lines = [line for line in printed.splitlines() if line.strip()]
    starts = [0] + [i + 2 for i in range(1, len(head) - 2) if head[i] == " " == head[i + 1] != head[i + 2]]
    cut = list(zip(starts, [*starts[1:], None], strict=True))
    names = [head[a:b].strip() for a, b in cut]
    return [dict(zip(names, [line[a:b].strip() for a, b in cut], strict=True)) for line in lines]


def test_get_flows(site):
    """All of them, one name, one version, with their projects."""
    found = {r["NAME"]: r for r in rows(site.cli("get", "flows", "--project", "river", "--limit", "100"))}
    assert {n: r["ID"] for n, r in found.items()} == site.flows
    (one,) = rows(site.cli("get", "flows", "--name", "walk", "--version", "1", "--all-versions", "--limit", "1"))
    assert (one["NAME"], one["VERSION"], one["PROJECT NAME"]) == ("walk", "1", "river")


def test_get_projects(site):
    """With the number of their flows and their description."""
    (one,) = rows(site.cli("get", "projects", "--name", "river"))
    assert (one["FLOW COUNT"], one["DESCRIPTION"]) == (str(len(site.flows)), "Flows of the tests.")


def test_get_tasks(site):
    """With the type and whether a task is mapped."""
    found = {r["NAME"]: r for r in rows(site.cli("get", "tasks", "--flow-name", "walk", "--project", "river", "--limit", "100"))}
    assert (found["double"]["MAPPED"], found["total"]["MAPPED"]) == ("True", "False")
    assert found["n"]["TYPE"] == "prefect.core.parameter.Parameter"
    assert [r["NAME"] for r in rows(site.cli("get", "tasks", "--name", "loop"))] == ["loop"]


def test_get_flow_runs(site, walked):
    """Newest first, or by their start."""
    for more in ([], ["--started"]):
        found = rows(site.cli("get", "flow-runs", "--flow", "walk", "--project", "river", "--limit", "50", *more))
        (one,) = [r for r in found if r["ID"] == walked["id"]]
        assert (one["NAME"], one["FLOW NAME"], one["STATE"]) == ("walk to read", "walk", "Success")


def test_describe(site, walked):
    """describe flows, tasks and flow-runs print the stored facts as JSON."""
    flow = json.loads(site.cli("describe", "flows", "--name", "walk", "--project", "river", "--output", "json"))
    assert (flow["name"], flow["version"], flow["project"]) == ("walk", 1, {"name": "river"})
    assert (flow["storage"]["type"], flow["archived"], flow["parameters"][0]["slug"]) == ("Local", False, "n")
    tasks = {t["slug"]: t for t in json.loads(site.cli("describe", "tasks", "--name", "walk", "--project", "river", "--output", "json"))}
    assert tasks["flaky-1"]["max_retries"] == 2
    assert tasks["flaky-1"]["retry_delay"] == "00:00:01"
    run = json.loads(site.cli("describe", "flow-runs", "--name", "walk to read", "--flow-name", "walk", "--output", "json"))
    assert (run["flow"], run["parameters"], run["serialized_state"]["type"]) == ({"name": "walk"}, {"n": 3}, "Success")
    assert run["auto_scheduled"] is False
