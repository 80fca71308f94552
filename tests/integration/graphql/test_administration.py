"""What people change about tenants, projects and agents' settings."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from towpath_proto.errors import Code
from towpath_service_kit.identity import Role


@pytest.fixture
async def basin(api):
    """An admin of a second tenant."""
    return api.as_(Role.ADMIN, tenant=UUID((await api.call("create_tenant", "id", name="Basin", slug="basin"))["id"]))


async def test_a_tenant_is_changed_by_its_own_admin(api, basin):
    """Name, slug and single settings; a slug that is taken, or none, is refused; twice is once."""
    own = {"tenant_id": basin.identity.tenant}
    for _ in range(2):
        assert await basin.call("update_tenant_name", "id", **own, name="Great Basin") == {"id": str(basin.identity.tenant)}
        await basin.call("update_tenant_slug", "id", **own, slug="great-basin")
        await basin.call("update_tenant_settings", "id", **own, settings={"a": 1})
    await basin.call("update_tenant_settings", "id", **own, settings={"b": {"c": None}})
    await basin.call("update_tenant_settings", "id", **own, settings=None)
    (row,) = await api.rows("select name, slug, settings from tenant where id = %s", basin.identity.tenant)
    assert row == {"name": "Great Basin", "slug": "great-basin", "settings": {"a": 1, "b": {"c": None}}}
    assert (await basin.refused("update_tenant_slug", "id", **own, slug="default")).code is Code.UNIQUENESS_VIOLATION
    for mutation, change in (
        ("update_tenant_slug", {"slug": "Great Basin"}),
        ("update_tenant_name", {"name": " "}),
        ("update_tenant_settings", {"settings": [1]}),
    ):
        assert (await basin.refused(mutation, "id", **own, **change)).code is Code.BAD_REQUEST
    operator = basin.as_(Role.OPERATOR)
    assert (await operator.refused("update_tenant_name", "id", **own, name="Mine")).code is Code.FORBIDDEN


async def test_a_tenant_goes_with_everything(api, basin, make_state):
    """Confirmed, its flows, runs, history, logs, events and keys are gone and the other tenant is as it was; the last one stays."""
    kept = await api.begun(await api.register())
    await api.report(kept, 1, [{"state": make_state("Running")}], logs=[{"message": "kept"}])
    run = await basin.begun(await basin.register())
    await basin.report(run, 1, [{"state": make_state("Running")}, {"slug": "a-1", "state": make_state("Running")}], logs=[{"message": "m"}])
    await basin.call("create_api_key", "id key", name="ci")
    tenant = {"tenant_id": basin.identity.tenant}
    assert (await basin.refused("delete_tenant", **tenant, confirm=False)).code is Code.BAD_REQUEST
    assert (await api.refused("delete_tenant", **tenant, confirm=True)).code is Code.NOT_FOUND
    assert (await basin.call("delete_tenant", **tenant, confirm=True))["success"] is True
    assert (await basin.refused("delete_tenant", **tenant, confirm=True)).code is Code.NOT_FOUND
    tables = await api.rows(
        "select table_name as name from information_schema.columns where column_name = 'tenant_id' and table_schema = 'public'"
        " and table_name !~ '_\\d{8}$'"
    )
    for table in tables:
        assert await api.rows(f"select 1 from {table['name']} where tenant_id = %s", basin.identity.tenant) == [], table
    assert await api.state(kept["id"]) == "Running"
    assert [r["message"] for r in await api.rows("select message from log")] == ["kept"]
    (line,) = await api.rows("select actor, tenant_id, entity_id from audit where action = 'delete_tenant'")
    assert line == {"actor": "ann", "tenant_id": None, "entity_id": basin.identity.tenant}
    last = await api.refused("delete_tenant", tenant_id=api.identity.tenant, confirm=True)
    assert last.code is Code.BAD_REQUEST
    assert "only tenant" in last.message


async def test_a_project_is_renamed_and_described(api):
    """A name that another project has is refused in the client's words; twice is once."""
    river = (await api.call("create_project", "id", name="river"))["id"]
    await api.call("create_project", "id", name="lake")
    for _ in range(2):
        assert await api.call("set_project_name", "id", project_id=river, name="stream") == {"id": river}
        assert await api.call("set_project_description", "id", project_id=river, description="It flows.") == {"id": river}
    assert await api.rows("select name, description from project where id = %s", river) == [{"name": "stream", "description": "It flows."}]
    taken = await api.refused("set_project_name", "id", project_id=river, name="lake")
    assert (taken.code, taken.message) == (Code.UNIQUENESS_VIOLATION, "Uniqueness violation.")
    assert (await api.refused("set_project_name", "id", project_id=river, name="")).code is Code.BAD_REQUEST
    assert (await api.refused("set_project_name", "id", project_id=uuid4(), name="x")).code is Code.NOT_FOUND
    await api.call("set_project_description", "id", project_id=river)
    assert await api.rows("select description from project where id = %s", river) == [{"description": None}]


async def test_agent_configs(api, basin):
    """Made, changed in part, named by an agent that registers with one, and deleted without it."""
    config = (await api.call("create_agent_config", "id", tenant_id=api.identity.tenant, name="docker", settings={"image": "a"}))["id"]
    again = [await other.call("create_agent_config", "id", name="docker", settings={"image": "a"}) for other in (api, basin)]
    assert again[0]["id"] == config != again[1]["id"]
    await basin.call("delete_agent_config", agent_config_id=again[1]["id"])
    await api.call("update_agent_config", agent_config_id=config, settings={"image": "b"})
    await api.call("update_agent_config", agent_config_id=config, name="podman")
    await api.call("update_agent_config", agent_config_id=config)
    assert await api.rows("select name, settings from agent_config") == [{"name": "podman", "settings": {"image": "b"}}]
    given = {"type": "DockerAgent", "name": "a", "agent_config_id": config}
    agent = (await api.call("register_agent", "id", **given))["id"]
    assert (await basin.refused("register_agent", "id", **given)).code is Code.NOT_FOUND
    assert (await api.refused("create_agent_config", "id", settings="x")).code is Code.BAD_REQUEST
    assert (await api.refused("update_agent_config", agent_config_id=config, settings=[])).code is Code.BAD_REQUEST
    assert (await api.call("delete_agent_config", agent_config_id=config))["success"] is True
    assert (await api.refused("delete_agent_config", agent_config_id=config)).code is Code.NOT_FOUND
    assert await api.rows("select id::text, agent_config_id from agent") == [{"id": agent, "agent_config_id": None}]
    empty = (await api.call("create_agent_config", "id"))["id"]
    assert await api.rows("select settings from agent_config where id = %s", empty) == [{"settings": {}}]


async def told(api, labels):
    """Return when agents of these labels have been told of a run."""
    async with asyncio.timeout(10):
        while True:
            offers = [json.loads(m.payload) for m in api.bus.published if m.subject.endswith("offered")]
            if any(o["data"]["labels"] == labels for o in offers):
                return
            await asyncio.sleep(0.005)


async def test_other_labels_are_other_agents(api):
    """A run that waits goes to the agents of its new labels, which are told; one that has been taken keeps its agent."""
    flow_id = await api.register()
    waiting, taken = await api.create(flow_id, labels=["linux"]), await api.begun(flow_id)
    linux, mac = await api.agent(["linux"], "linux"), await api.agent(["mac", "arm"], "mac")
    for _ in range(2):
        await api.call("set_flow_run_labels", flow_run_id=waiting, labels=["mac", "arm", "mac"])
        await api.call("set_flow_run_labels", flow_run_id=taken["id"], labels=["mac"])
    assert (await api.rows("select labels from flow_run where id = %s", waiting)) == [{"labels": ["arm", "mac"]}]
    assert len(await api.rows("select 1 from audit where action = 'set_flow_run_labels'")) == 2
    await told(api, ["arm", "mac"])
    assert (await api.claim(linux))["runs"] == []
    assert [r["id"] for r in (await api.claim(mac))["runs"]] == [str(waiting)]
    assert (await api.refused("set_flow_run_labels", flow_run_id=uuid4(), labels=[])).code is Code.NOT_FOUND
