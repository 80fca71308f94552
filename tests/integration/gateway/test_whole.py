"""The gateway with everything real behind it: PostgreSQL, the graphql service, the read engine, NATS, HTTP and WebSockets on loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from graphql import assert_valid_schema, build_client_schema, get_introspection_query, parse, validate
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

import towpath_gateway.main as gateway
import towpath_graphql.main as graphql
import towpath_read_engine.main as read_engine
from towpath_gateway.config import Config
from towpath_service_kit import identity
from towpath_service_kit.bus import NatsBus
from towpath_service_kit.service import HttpServer, Service, bind
from towpath_service_kit.settings import Secret
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "identity secret of the whole gateway test"
READ_SECRET = "read secret of the whole gateway test"
SERVICE_TOKEN = "service token of the whole gateway test"
METADATA = Path(__file__).parents[3] / "services" / "hasura" / "metadata"
PATIENCE = 60
"""Seconds for what happens at once, on a machine that has much else to do."""
FLOW = {
    "name": "canal",
    "tasks": [{"slug": "a-1", "name": "a", "max_retries": 0, "retry_delay": 0}],
    "edges": [],
    "parameters": [],
}


@dataclass
class Stack:
    """A running installation, without loops."""

    url: str
    client: httpx.AsyncClient
    reader: Any
    dsn: str

    async def ask(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = (await self.client.post("/", json={"query": query, "variables": variables}, headers=headers)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def call(self, mutation: str, answer: str, *, token: str | None = None, **given: Any) -> Any:
        document = f"mutation($i: {mutation}_input!) {{ {mutation}(input: $i) {{ {answer} }} }}"
        return (await self.ask(document, {"i": given}, token))[mutation]

    async def register(self, token: str | None = None) -> str:
        code = b"code"
        given = {
            "serialized_flow": FLOW,
            "code": base64.b64encode(code).decode(),
            "code_hash": hashlib.sha256(code).hexdigest(),
            "signature": base64.b64encode(bytes(64)).decode(),
            "key_id": "k",
        }
        return str((await self.call("register_flow", "flow_id", token=token, **given))["flow_id"])

    async def begun(self, flow_id: str) -> tuple[str, dict[str, Any]]:
        """A run that has been claimed and begun: its id and what the claim gave."""
        run_id = (await self.call("create_flow_run", "id", flow_id=flow_id))["id"]
        agent = (await self.call("register_agent", "id", type="LocalAgent", name="a", labels=[]))["id"]
        claim = await self.call("claim_flow_runs", "runs { id fence run_token }", agent_id=agent, run_config_types=["UniversalRun"])
        (mine,) = [r for r in claim["runs"] if r["id"] == run_id]
        await self.call("begin_run", "lease", flow_run_id=run_id, fence=mine["fence"], holder="test", token=mine["run_token"])
        return run_id, mine

    def socket(self, token: str | None = None) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else None
        address = self.url.replace("http", "ws") + "/graphql"
        return connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=headers, proxy=None)


class Hearing:
    """A client's end of a socket, which keeps what comes for each operation until it is asked for.

    Args:
        socket: The connection.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._kept: dict[str, deque[dict[str, Any]]] = defaultdict(deque)

    async def begin(self, *operations: tuple[str, str, dict[str, Any]]) -> None:
        """Introduce oneself and begin operations: id, document, variables."""
        await self._socket.send('{"type":"connection_init"}')
        async with asyncio.timeout(PATIENCE):
            assert json.loads(await self._socket.recv()) == {"type": "connection_ack"}
        for operation_id, query, variables in operations:
            await self.begin_also(operation_id, query, variables)

    async def begin_also(self, operation_id: str, query: str, variables: dict[str, Any] | None = None) -> None:
        """Begin an operation."""
        payload = {"query": query, "variables": variables}
        await self._socket.send(json.dumps({"id": operation_id, "type": "subscribe", "payload": payload}))

    def kept(self) -> bool:
        """Whether something has come that nobody has asked for."""
        return any(self._kept.values())

    async def message(self, operation_id: str) -> dict[str, Any]:
        """The next message of an operation."""
        async with asyncio.timeout(PATIENCE):
            while not self._kept[operation_id]:
                message = json.loads(await self._socket.recv())
                self._kept[message["id"]].append(message)
        return self._kept[operation_id].popleft()

    async def next(self, operation_id: str) -> Any:
        """The data of the next result of an operation."""
        message = await self.message(operation_id)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def until(self, operation_id: str, holds: Callable[[Any], bool]) -> Any:
        """The data of the first result of an operation for which something holds."""
        while not holds(data := await self.next(operation_id)):
            pass
        return data


async def _ready(service: Service) -> None:
    async with asyncio.timeout(PATIENCE):
        while await service.ready():  # noqa: ASYNC110 - the port has no event for it
            await asyncio.sleep(0.01)


async def _running(dsn: str, nats_url: str, **settings: Any) -> AsyncIterator[Stack]:
    bus = NatsBus(nats_url)
    writer = graphql.build(graphql.Config(Secret(dsn), Secret(SECRET)), bus=bus)
    reader = read_engine.build(
        read_engine.Config(database_url=Secret(dsn), metadata=METADATA, admin_secret=Secret(READ_SECRET), null_collapse=True)
    )
    config = Config(
        identity_secret=Secret(SECRET), read_secret=Secret(READ_SECRET), service_token=Secret(SERVICE_TOKEN), sweep=60, **settings
    )
    front = gateway.build(config, graphql=AsgiUpstream(writer.app), read=AsgiUpstream(reader.app), bus=bus)
    server = HttpServer(front.app, bind("127.0.0.1", 0), ws=gateway.WEBSOCKETS)
    serving = asyncio.create_task(server.run())
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False)
    try:
        await bus.start()
        await bus.wait_connected()
        await writer.start()
        await _ready(writer)
        await reader.start()
        await _ready(reader)
        await front.start()
        await _ready(front)
        yield Stack(f"http://127.0.0.1:{server.port}", client, reader, dsn)
    finally:
        await client.aclose()
        await front.stop()
        server.stop()
        await asyncio.gather(serving, return_exceptions=True)
        await reader.stop()
        await writer.stop()
        await bus.close()


@pytest.fixture
async def stack(new_database: Any, nats_server: Any) -> AsyncIterator[Stack]:
    """An installation without keys."""
    async for made in _running(new_database(), nats_server.url):
        yield made


@pytest.fixture
async def keyed(new_database: Any, nats_server: Any) -> AsyncIterator[Stack]:
    """An installation with keys."""
    async for made in _running(new_database(), nats_server.url, auth=True):
        yield made


async def test_what_is_written_is_read(stack: Stack) -> None:
    """A mutation goes through to PostgreSQL, and one mixed query gets rows and business fields."""
    flow_id = await stack.register()
    run_id = (await stack.call("create_flow_run", "id", flow_id=flow_id))["id"]
    query = """query($id: uuid!) {
      api { backend }
      flow_run_by_pk(id: $id) { id state flow { name project { name tenant { slug } } } task_runs { task { slug } } logs { id } }
      flow_run_aggregate { aggregate { count } } hello
    }"""
    data = await stack.ask(query, {"id": run_id})
    assert list(data) == ["api", "flow_run_by_pk", "flow_run_aggregate", "hello"]
    run = data["flow_run_by_pk"]
    assert (run["id"], run["state"], run["flow"]["name"]) == (run_id, "Scheduled", "canal")
    assert run["task_runs"] == [{"task": {"slug": "a-1"}}]
    assert data["flow_run_aggregate"] == {"aggregate": {"count": 1}}


async def test_prefect_1s_ways_work(stack: Stack) -> None:
    """Posts to `/` with variables as JSON text and literals in the document, as prefect 1.4.1 sends them."""
    flow_id = await stack.register()
    where = f'{{_and: {{id: {{_eq: "{flow_id}"}}, name: {{_eq: null}}}}}}'
    query = f"query {{ flow(where: {where}, order_by: {{version: desc}}, limit: 1) {{ id }} }}"
    answer = await stack.client.post("/", json={"query": query, "variables": "null"}, headers={"X-PREFECT-CORE-VERSION": "1.4.1"})
    assert answer.json() == {"data": {"flow": [{"id": flow_id}]}}
    assert (await stack.ask("{ tenant { id } }"))["tenant"] != []


async def test_events_reach_subscribers_through_nats(stack: Stack) -> None:
    """Agents are woken, events and log rows come, a live query changes: all by the relay's events (sweeps are a minute away)."""
    flow_id = await stack.register()
    async with stack.socket() as socket:
        heard = Hearing(socket)
        await heard.begin(
            ("work", "subscription { agent_work { reason flow_run_id labels } }", {}),
            ("live", "subscription($q: String!) { live(query: $q) { data errors } }", {"q": "{ flow_run { state } }"}),
            ("events", "subscription { flow_run_events { type state flow_run_id } }", {}),
        )
        assert (await heard.next("work"))["agent_work"]["reason"] == "offered"
        assert (await heard.next("live"))["live"] == {"data": {"flow_run": []}, "errors": None}
        run_id, claimed = await stack.begun(flow_id)
        await heard.until("events", lambda data: data["flow_run_events"]["flow_run_id"] == run_id)
        await heard.until("live", lambda data: data["live"]["data"]["flow_run"] != [])
        token = claimed["run_token"]
        report = {"flow_run_id": run_id, "fence": claimed["fence"], "reporter": "engine"}
        await stack.call("report_run", "results", sequence=1, states=[], logs=[{"message": "first"}], token=token, **report)
        query = "subscription($id: UUID!) { log_stream(flow_run_id: $id) { logs { message } } }"
        async with stack.socket(token) as own_socket:
            own = Hearing(own_socket)
            await own.begin(("log", query, {"id": run_id}))
            assert (await own.next("log"))["log_stream"]["logs"] == [{"message": "first"}]
            states = [{"state": {"type": "Running", "message": "go"}}]
            await stack.call("report_run", "results", sequence=2, states=states, logs=[{"message": "second"}], token=token, **report)
            assert (await own.next("log"))["log_stream"]["logs"] == [{"message": "second"}]
        await heard.until("events", lambda data: data["flow_run_events"]["state"] == "Running")
        await heard.until("live", lambda data: data["live"]["data"]["flow_run"] == [{"state": "Running"}])
    async with stack.socket() as socket:
        heard = Hearing(socket)
        await heard.begin(
            ("count", "subscription { flow_run_aggregate { aggregate { count } } }", {}),
            ("row", "subscription($id: uuid!) { flow_run_by_pk(id: $id) { state } }", {"id": run_id}),
        )
        assert await heard.next("count") == {"flow_run_aggregate": {"aggregate": {"count": 1}}}
        assert await heard.next("row") == {"flow_run_by_pk": {"state": "Running"}}
        await stack.call("cancel_flow_run", "state", flow_run_id=run_id)
        await heard.until("row", lambda data: data["flow_run_by_pk"]["state"] != "Running")


async def test_streams_give_each_tenant_its_rows_once(keyed: Stack) -> None:
    """Rows in the order of a column, as they are written: by id, and by a time that several have; to two tenants, and to no other."""
    (mine,) = (await keyed.ask("{ tenant { id } }", token=SERVICE_TOKEN))["tenant"]
    create = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    admin = identity.make_api_key()
    await _insert_key(keyed, UUID(mine["id"]), "admin", admin)
    theirs = (await keyed.ask(create, {"i": {"name": "theirs", "slug": "theirs"}}, admin))["create_tenant"]
    runs = """subscription {
      flow_run_stream(batch_size: 1, cursor: {initial_value: {created: "2000-01-01"}}) { id tenant_id flow { name } } }"""
    logs = """subscription($from: log_stream_cursor_value_input!) {
      log_rows_stream(batch_size: 2, cursor: [{initial_value: $from, ordering: ASC}]) { message tenant_id } }"""
    keys = {}
    async with AsyncExitStack() as sockets:
        heard = {}
        for tenant in (mine["id"], theirs["id"]):
            keys[tenant] = identity.make_api_key()
            await _insert_key(keyed, UUID(tenant), "operator", keys[tenant])
            heard[tenant] = Hearing(await sockets.enter_async_context(keyed.socket(keys[tenant])))
            times = {"from": {"timestamp": "2000-01-01T00:00:00Z"}}
            ids = {"from": {"id": str(UUID(int=0))}}
            await heard[tenant].begin(("runs", runs, {}), ("times", logs, times), ("ids", logs, ids))
        for tenant, key in keys.items():
            flow_id = await keyed.register(key)
            created = [(await keyed.call("create_flow_run", "id", flow_id=flow_id, token=key))["id"] for _ in "123"]
            rows = [{"flow_run_id": created[0], "message": f"{tenant} {i}", "timestamp": "2026-01-01T00:00:00Z"} for i in range(5)]
            await keyed.call("write_run_logs", "success", logs=rows, token=key)
            for run in created:
                data = await heard[tenant].next("runs")
                assert data["flow_run_stream"] == [{"id": run, "tenant_id": tenant, "flow": {"name": "canal"}}]
            for operation in ("times", "ids"):
                batches = [(await heard[tenant].next(operation))["log_rows_stream"] for _ in "123"]
                assert [len(batch) for batch in batches] == [2, 2, 1]
                told = [(row["message"], row["tenant_id"]) for batch in batches for row in batch]
                assert sorted(told) == [(row["message"], tenant) for row in rows]
        later = (await keyed.call("create_flow_run", "id", flow_id=flow_id, token=key))["id"]
        assert [row["id"] for row in (await heard[tenant].next("runs"))["flow_run_stream"]] == [later]
        await heard[mine["id"]].begin_also("wrong", "subscription { flow_run_stream(batch_size: 1, cursor: {initial_value: {}}) { id } }")
        refused = await heard[mine["id"]].message("wrong")
        assert refused["payload"][0]["message"] == "one streaming column field is expected"
        assert not heard[mine["id"]].kept()


async def test_a_runs_token_reads_its_own_run_only(stack: Stack) -> None:
    """With its token a run sees itself, its flow and its log, and nothing of another run of the same tenant."""
    flow_id = await stack.register()
    run_id, claimed = await stack.begun(flow_id)
    other = (await stack.call("create_flow_run", "id", flow_id=flow_id))["id"]
    query = """{ flow_run { id } task_run { flow_run_id } flow { id tasks { slug } } flow_run_state { flow_run_id }
                 project { name } tenant { id } log { id } }"""
    data = await stack.ask(query, token=claimed["run_token"])
    assert data["flow_run"] == [{"id": run_id}]
    assert data["flow"] == [{"id": flow_id, "tasks": [{"slug": "a-1"}]}]
    assert {r["flow_run_id"] for r in data["task_run"] + data["flow_run_state"]} == {run_id}
    assert len(data["project"]) == len(data["tenant"]) == 1
    assert (await stack.ask(f'{{ flow_run_by_pk(id: "{other}") {{ id }} }}', token=claimed["run_token"]))["flow_run_by_pk"] is None
    answer = await stack.client.post("/", json={"query": "{ agent { id } }"}, headers={"authorization": f"Bearer {claimed['run_token']}"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"


async def test_a_runs_token_reads_and_hears_its_children(stack: Stack) -> None:
    """A run sees the runs that it has created: rows, log, events; of another run it may not even hear."""
    flow_id = await stack.register()
    _, claimed = await stack.begun(flow_id)
    other = (await stack.call("create_flow_run", "id", flow_id=flow_id))["id"]
    token = claimed["run_token"]
    found = await stack.ask(
        '{ flow(where: {name: {_eq: "canal"}, archived: {_eq: false}}) { id parameters project { name } } }', token=token
    )
    assert found["flow"] == [{"id": flow_id, "parameters": [], "project": {"name": "default"}}]
    child = (await stack.call("create_flow_run", "id", flow_id=flow_id, parent_task_slug="a-1", token=token))["id"]
    query = """query ($id: uuid!) { flow_run_by_pk(id: $id) {
        state parent { id } parent_task { slug } states { state } task_runs { state } } }"""
    assert (await stack.ask(query, {"id": child}, token))["flow_run_by_pk"] == {
        "state": "Scheduled",
        "parent": {"id": claimed["id"]},
        "parent_task": {"slug": "a-1"},
        "states": [{"state": "Scheduled"}],
        "task_runs": [{"state": "Pending"}],
    }
    own = await stack.ask(f'{{ flow_run_by_pk(id: "{claimed["id"]}") {{ children {{ id }} }} }}', token=token)
    assert own["flow_run_by_pk"] == {"children": [{"id": child}]}
    events = "subscription ($id: UUID!) { flow_run_events(flow_run_id: $id) { type state } }"
    logs = "subscription ($id: UUID!) { log_stream(flow_run_id: $id) { logs { message } } }"
    async with stack.socket(token) as socket:
        heard = Hearing(socket)
        await heard.begin(("logs", logs, {"id": child}), ("events", events, {"id": child}), ("other", events, {"id": other}))
        refused = await heard.message("other")
        assert refused["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        await stack.call("write_run_logs", "success", logs=[{"flow_run_id": child, "message": "hello"}])
        assert (await heard.next("logs"))["log_stream"]["logs"] == [{"message": "hello"}]
        await stack.call("cancel_flow_run", "state", flow_run_id=child, token=token)
        await heard.until("events", lambda data: data["flow_run_events"] == {"type": "flow_run.state", "state": "Cancelled"})


async def test_keys_roles_and_tenants(keyed: Stack) -> None:
    """Keys give their role and no other tenant's rows; a deleted key ends within seconds; a viewer's socket sees what a viewer may."""
    refused = await keyed.client.post("/", json={"query": "{ hello }"})
    assert refused.status_code == 401
    (tenant,) = (await keyed.ask("{ tenant { id } }", token=SERVICE_TOKEN))["tenant"]
    roles = {}
    for role in ("viewer", "agent"):
        key = identity.make_api_key()
        roles[role] = key
        await _insert_key(keyed, UUID(tenant["id"]), role, key)
    assert (await keyed.ask("{ auth_info { role } tenant { id } }", token=roles["viewer"])) == {
        "auth_info": {"role": "viewer"},
        "tenant": [tenant],
    }
    refused = await keyed.client.post(
        "/", json={"query": "{ flow_run { context } }"}, headers={"authorization": f"Bearer {roles['viewer']}"}
    )
    assert refused.json()["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"
    assert (await keyed.ask("{ flow_run { context } }", token=roles["agent"])) == {"flow_run": []}
    assert (await keyed.ask("{ auth_info { role } }", token=SERVICE_TOKEN))["auth_info"]["role"] == "service"
    async with keyed.socket() as socket:
        await socket.send('{"type":"connection_init"}')
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    async with keyed.socket(roles["viewer"]) as socket:
        heard = Hearing(socket)
        await heard.begin(("q", "{ auth_info { role } }", {}))
        assert await heard.next("q") == {"auth_info": {"role": "viewer"}}


async def _insert_key(stack: Stack, tenant: UUID, role: str, key: str) -> None:
    import psycopg

    from towpath_proto.ids import uuid7

    statement = "insert into api_key (id, tenant_id, name, key_hash, role) values (%s, %s, %s, %s, %s)"
    async with await psycopg.AsyncConnection.connect(stack.dsn) as connection:
        await connection.execute(statement, (uuid7(), tenant, role, identity.hash_api_key(key), role))


async def test_tools_see_one_schema(keyed: Stack) -> None:
    """Each role's whole schema is valid, holds both sides, and fits the documents that the UI sends."""
    (tenant,) = (await keyed.ask("{ tenant { id } }", token=SERVICE_TOKEN))["tenant"]
    columns = {}
    for role in ("operator", "viewer", "agent"):
        key = identity.make_api_key()
        await _insert_key(keyed, UUID(tenant["id"]), role, key)
        schema = build_client_schema(await keyed.ask(get_introspection_query(input_value_deprecation=True), token=key))
        assert_valid_schema(schema)
        columns[role] = set(schema.type_map["flow_run"].fields)
        assert {"create_flow_run", "register_flow"} <= schema.mutation_type.fields.keys()
        assert {"flow_run", "flow_run_aggregate", "log_stream"} <= schema.subscription_type.fields.keys()
        assert validate(schema, parse("query($w: flow_run_bool_exp) { flow_run(where: $w) { id flow { name } } hello }")) == []
    assert "context" in columns["agent"] - columns["viewer"]


async def test_without_the_read_engine_mutations_go_on(stack: Stack) -> None:
    """When the read engine has stopped, reads are refused with a code and mutations are answered."""
    flow_id = await stack.register()
    await stack.reader.stop()
    answer = await stack.client.post("/", json={"query": "{ flow { id } }"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE", answer.text
    assert (await stack.call("create_flow_run", "id", flow_id=flow_id))["id"]
    health = await stack.client.get("/health")
    assert health.status_code == 503
    assert health.json()["services"]["read"]["status"] == "unavailable"
    assert (await stack.client.get("/health/ready")).status_code == 200
