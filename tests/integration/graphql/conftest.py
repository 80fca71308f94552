"""A business service on a real database, spoken to as the gateway speaks to it; invariants are checked after every test."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from towpath_graphql.domain.invariants import broken
from towpath_graphql.domain.runs import FlowRun, HistoryRow, TaskRun
from towpath_graphql.main import Config, GraphqlService, build
from towpath_proto.errors import TowpathError
from towpath_proto.wire import decode, encode
from towpath_service_kit.identity import Identity, Role, sign
from towpath_service_kit.settings import Secret
from towpath_service_kit.testing import MemoryBus
from towpath_service_kit.upstream import AsgiUpstream

SECRET_KEY = base64.b64encode(bytes(range(32))).decode()
SECRET = "a-secret-of-the-tests-that-is-long-enough"


@dataclass
class Api:
    """The service's API as one caller; `as_(role)` is another caller."""

    upstream: AsgiUpstream
    service: GraphqlService
    bus: MemoryBus
    identity: Identity

    async def __call__(self, document: str, **variables: Any) -> dict[str, Any]:
        headers = {"x-towpath-identity": sign(self.identity, SECRET), "content-type": "application/json"}
        answer = await self.upstream.post("/graphql", encode(document, variables), headers)
        return decode(answer.status, answer.body)

    def as_(self, role: Role, **fields: Any) -> Api:
        return replace(self, identity=replace(self.identity, role=role, **fields))

    async def call(self, mutation: str, answer: str = "success", **given: Any) -> Any:
        """One mutation by its SDL name."""
        document = f"mutation($i: {mutation}_input!) {{ {mutation}(input: $i) {{ {answer} }} }}"
        return (await self(document, i=given))[mutation]

    async def refused(self, mutation: str, answer: str = "success", **given: Any) -> TowpathError:
        with pytest.raises(TowpathError) as caught:
            await self.call(mutation, answer, **given)
        return caught.value

    async def until_ready(self, service: GraphqlService | None = None) -> None:
        """Return when a service can serve; this one by default."""
        await until_ready(service or self.service)

    @property
    def dsn(self) -> str:
        """The database's address."""
        return DSN[id(self.service)]

    async def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Look into the database."""
        async with await psycopg.AsyncConnection.connect(self.dsn, row_factory=dict_row) as connection:
            return await (await connection.execute(sql, parameters)).fetchall()

    async def register(
        self, name: str = "canal", tasks: int = 2, *, retries: int = 0, cache_key: str | None = None, tags: Sequence[str] = (), **flow: Any
    ) -> UUID:
        """Register a flow with a chain of tasks a-1 → a-2 → …, signed code included; its id."""
        slugs = [f"a-{i + 1}" for i in range(tasks)]
        code = f"code of {name}".encode()
        serialized = {
            "name": name,
            "tasks": [
                {"slug": s, "name": "a", "max_retries": retries, "retry_delay": 0, "cache_key": cache_key, "tags": list(tags)}
                for s in slugs
            ],
            "edges": [
                {"upstream_task": {"slug": a}, "downstream_task": {"slug": b}, "key": "x", "mapped": False} for a, b in pairwise(slugs)
            ],
            "parameters": [],
            **flow,
        }
        given = {
            "serialized_flow": serialized,
            "code": base64.b64encode(code).decode(),
            "code_hash": hashlib.sha256(code).hexdigest(),
            "signature": base64.b64encode(bytes(64)).decode(),
            "key_id": "k",
        }
        return UUID((await self.call("register_flow", "flow_id version created", **given))["flow_id"])

    async def register1(self, name: str = "old boat", tasks: int = 2, *, retries: int = 0, tags: Sequence[str] = (), **flow: Any) -> UUID:
        """Register a flow in one step as Prefect 1's command line does: no code of ours; its id."""
        (project,) = await self.rows("select id from project where name = 'default' and tenant_id = %s", self.identity.tenant)
        slugs = [f"a-{i + 1}" for i in range(tasks)]
        serialized = {
            "name": name,
            "type": "prefect.core.flow.Flow",
            "__version__": "1.4.1",
            "tasks": [{"slug": s, "name": "a", "max_retries": retries, "retry_delay": 0, "tags": list(tags)} for s in slugs],
            "edges": [],
            "parameters": [],
            **flow,
        }
        given = {"serialized_flow": serialized, "project_id": project["id"]}
        return UUID((await self.call("create_flow", "id", **given))["id"])

    async def tasks_of(self, run_id: UUID) -> dict[str, dict[str, Any]]:
        """Task runs of a run by slug."""
        rows = await self.rows("select t.*, k.slug from task_run t join task k on k.id = t.task_id where flow_run_id = %s", run_id)
        return {r["slug"]: r for r in rows}

    async def expire(self, run_id: UUID, seconds: float = 3600) -> None:
        """Move a run's lease into the past instead of waiting for it."""
        moved = "update flow_run set lease_expires_at = now() - make_interval(secs => %s) where id = %s and phase is not null returning id"
        assert await self.rows(moved, seconds, run_id)

    async def open_gate(self) -> None:
        """The write path has answered for long."""
        await self.rows("update write_path set answered_at = now(), gate_closed_until = now() - interval '1 hour' returning 1")

    async def create(self, flow_id: UUID, **given: Any) -> UUID:
        return UUID((await self.call("create_flow_run", "id", flow_id=flow_id, **given))["id"])

    async def agent(self, labels: list[str] | None = None, name: str = "agent") -> UUID:
        return UUID((await self.call("register_agent", "id", type="LocalAgent", name=name, labels=labels or []))["id"])

    async def claim(self, agent_id: UUID, **given: Any) -> dict[str, Any]:
        wanted = {"agent_id": agent_id, "run_config_types": ["UniversalRun", "LocalRun"]} | given
        return await self.call("claim_flow_runs", CLAIM, **wanted)

    async def begun(self, flow_id: UUID, **given: Any) -> dict[str, Any]:
        """A run that has been created, claimed and begun: {id, fence, task: {slug: id}}."""
        run_id = await self.create(flow_id, **given)
        claimed = await self.claim(await self.agent())
        (mine,) = [r for r in claimed["runs"] if r["id"] == str(run_id)]
        begun = await self.call("begin_run", BEGIN, flow_run_id=run_id, fence=mine["fence"], holder="test process")
        return {"id": run_id, "fence": mine["fence"], "tasks": {t["slug"]: t["id"] for t in begun["task_runs"]}}

    async def report(self, run: dict[str, Any], sequence: int, states: list[dict[str, Any]] | None = None, **given: Any) -> Any:
        wanted = {"flow_run_id": run["id"], "fence": run["fence"], "reporter": "engine", "sequence": sequence, "states": states or []}
        return await self.call("report_run", "results replayed cancel lease_expires_at", **(wanted | given))

    async def state(self, run_id: UUID) -> str:
        (row,) = await self.rows("select state from flow_run where id = %s", run_id)
        return row["state"]


CLAIM = "runs { id fence version run_token lease_expires_at flow_name run_config } next_due now"
BEGIN = "run { id version attempt parameters flow_name } code { hash blob } task_runs lease_expires_at lease"
DSN: dict[int, str] = {}


async def until_ready(service: GraphqlService) -> None:
    """Return when a service can serve."""
    async with asyncio.timeout(20):
        while await service.ready():  # noqa: ASYNC110 - readiness is asked for, as a load balancer does
            await asyncio.sleep(0.005)


def state(kind: str, **fields: Any) -> dict[str, Any]:
    """A state's JSON as clients send it."""
    return {"type": kind, "message": f"{kind}.", **fields}


@pytest.fixture(scope="session")
def migrated(new_template: Any) -> str:
    """A database with the schema, to clone."""

    def prepare(dsn: str) -> None:
        async def start() -> None:
            service = build(Config(Secret(dsn), Secret(SECRET)), bus=MemoryBus())
            await service.start()
            await until_ready(service)
            await service.stop()

        asyncio.run(start())

    return new_template("towpath_migrated", prepare)


@pytest.fixture
async def api(migrated: str, new_database: Any) -> AsyncIterator[Api]:
    """An admin of the default tenant on a fresh database."""
    dsn = new_database(migrated)
    bus = MemoryBus()
    await bus.start()
    service = build(Config(Secret(dsn), Secret(SECRET), secret_key=Secret(SECRET_KEY), hook_networks="127.0.0.0/8"), bus=bus)
    await service.start()
    await until_ready(service)
    DSN[id(service)] = dsn
    api = Api(AsgiUpstream(service.app), service, bus, Identity(tenant=None, role=Role.SERVICE, actor="test"))
    (tenant,) = await api.rows("select id from tenant")
    api = replace(api, identity=Identity(tenant=tenant["id"], role=Role.ADMIN, actor="ann"))
    yield api
    try:
        await check_invariants(api)
    finally:
        await service.stop()
        await bus.close()
        del DSN[id(service)]


async def check_invariants(api: Api) -> None:
    """Every run of the database keeps every invariant."""
    for table, kind in (("flow_run", FlowRun), ("task_run", TaskRun)):
        columns = {f for f in kind.__dataclass_fields__} - {"lives", "slug", "max_retries", "retry_delay", "stored"}
        history: dict[UUID, list[HistoryRow]] = {}
        names = f"{table}_id as run_id, tenant_id, state, version, attempt, timestamp, serialized_state, fence, actor"
        for row in await api.rows(f"select {names} from {table}_state order by version, id"):
            history.setdefault(row["run_id"], []).append(HistoryRow(**row))
        for row in await api.rows(f"select * from {table}"):
            extra = {} if kind is FlowRun else {"slug": "?"}
            run = kind(**{k: v for k, v in row.items() if k in columns}, **extra)
            wrong = broken(run, history.get(row["id"], []))
            assert not wrong, f"{table} {row['id']}: {wrong}"
    assert await api.rows(LEAKED) == []


LEAKED = """
select s.*, r.state as flow_state, r.phase, r.holds_slots, t.state as task_state
from concurrency_slot s join flow_run r on r.id = s.flow_run_id left join task_run t on t.id = s.task_run_id
where r.phase is null or not r.holds_slots or (t.end_time is not null and t.state <> 'Looped') or t.state in ('Retrying', 'Paused')
"""
"""Slots of runs that nobody owns, and of task runs at rest."""


@pytest.fixture
def make_state() -> Any:
    """`make_state(kind, **fields)`: a state's JSON."""
    return state
