"""The database goes away and comes back; the service is restarted: nothing is lost, nothing half written."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from towpath_graphql.main import Config, build
from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded.postgres import EmbeddedPostgres
from towpath_service_kit.identity import Identity, Role
from towpath_service_kit.settings import Secret
from towpath_service_kit.testing import MemoryBus
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "a-secret-of-the-tests-that-is-long-enough"


@pytest.fixture
def home():
    """A folder that the account which PostgreSQL runs as can enter."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="towpath-outage-", dir=memory if memory.is_dir() else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def own_server(home):
    """A PostgreSQL that this test may stop."""
    server = EmbeddedPostgres(home / "postgres", settings={"fsync": "off"})
    await server.start()
    yield server
    await server.stop()


async def test_the_database_goes_and_comes_back(api, own_server):
    """Without its database the service answers UNAVAILABLE and is not ready; when it is back, the service serves again by itself."""
    service = build(Config(Secret(own_server.dsn("postgres")), Secret(SECRET), patience=0.5), bus=MemoryBus())
    await service.start()
    try:
        await api.until_ready(service)
        other = replace(api, upstream=AsgiUpstream(service.app), identity=Identity(tenant=None, role=Role.SERVICE, actor="x"))
        sources = "{ schedule_sources { flow_id } expired_leases { gate_closed_until } }"
        await other(sources)
        await own_server.stop()
        answers = await asyncio.gather(*(other(sources) for _ in range(5)), return_exceptions=True)
        assert {type(a) for a in answers} == {TowpathError}
        assert {a.code for a in answers} == {Code.UNAVAILABLE}
        assert "database" in await service.ready()
        await own_server.start()
        await api.until_ready(service)
        assert (await other(sources))["schedule_sources"] == []
    finally:
        await service.stop()


async def test_a_service_that_starts_before_its_database(own_server, api):
    """A service waits for its database in the background, answers UNAVAILABLE meanwhile, and then serves."""
    dsn = own_server.dsn("postgres")
    await own_server.stop()
    service = build(Config(Secret(dsn), Secret(SECRET), patience=0.2), bus=MemoryBus())
    await service.start()
    try:
        other = replace(api, upstream=AsgiUpstream(service.app), identity=Identity(tenant=None, role=Role.SERVICE, actor="x"))
        with pytest.raises(TowpathError) as caught:
            await other("{ schedule_sources { flow_id } }")
        assert caught.value.code is Code.UNAVAILABLE
        await own_server.start()
        await api.until_ready(service)
        assert (await other("{ schedule_sources { flow_id } }"))["schedule_sources"] == []
    finally:
        await service.stop()


async def test_a_restart_of_the_service_keeps_everything(api, make_state):
    """Claims, fences, sequences and leases are in the database alone: a new process goes on where the old one was."""
    run = await api.begun(await api.register())
    await api.report(run, 1, [{"state": make_state("Running")}])
    await api.service.stop()
    assert await api.service.ready() == {"database": "has been stopped"}
    refused = await api.refused("cancel_flow_run", "state", flow_run_id=run["id"])
    assert refused.code is Code.UNAVAILABLE
    await api.service.start()
    await api.until_ready(api.service)
    assert (await api.report(run, 1, [{"state": make_state("Running")}]))["replayed"] is True
    answer = await api.report(run, 2, [{"slug": "a-1", "state": make_state("Running")}, {"slug": "a-1", "state": make_state("Success")}])
    assert [r["status"] for r in answer["results"]] == ["SUCCESS", "SUCCESS"]
    assert len(await api.rows("select 1 from tenant")) == 1
