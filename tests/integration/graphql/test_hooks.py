"""Hooks on a real database and a real receiver: what is told to whom, again and again until it is taken, and to nobody else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest

import towpath_graphql.main as graphql
from towpath_graphql.app.deliver_hooks import SHARE, HookWorker, Told
from towpath_graphql.domain.hooks import Endpoints
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import Role
from towpath_service_kit.settings import Secret


class Receiver:
    """An HTTP server that keeps what it is sent and answers with `statuses`, then 204."""

    def __init__(self):
        self.got = []
        self.statuses = []
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines if x)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.got.append((line.split()[1], headers, body))
        status = self.statuses.pop(0) if self.statuses else 204
        await self.gate.wait()
        writer.write(f"HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        self.arrived.set()

    def events(self):
        return [json.loads(body)["event"] for _, _, body in self.got]


@pytest.fixture
async def receiver():
    found = Receiver()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()
    await server.wait_closed()


@pytest.fixture
async def quiet(api):
    """The service's own worker out of the way, and what it hears; the test says when hooks are told: `await quiet()`."""
    service = api.service
    tasks = [t for t in asyncio.all_tasks() if any(name in str(t.get_coro()) for name in ("HookWorker.run", "_hear_of_hooks"))]
    assert len(tasks) == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    worker = HookWorker(service.store, service._cipher, service._told, chance=lambda: 1.0)

    async def tell():
        begun = await worker.begin_due()
        await asyncio.gather(*begun)
        return len(begun)

    return tell


async def hook(api, **given):
    wanted = {"tenant_id": api.identity.tenant, "type": "WEBHOOK", "states": ["FAILED"]} | given
    return await api.call("create_cloud_hook", "id secret", **wanted)


async def end(api, make_state, kind="Failed", name="canal"):
    run = await api.begun(await api.register(name))
    await api.report(run, 1, [{"state": make_state("Running")}, {"state": make_state(kind)}])
    return run


async def seen(api, hook_id):
    (row,) = await api.rows("select last_status, last_error, last_attempts from cloud_hook where id = %s", UUID(hook_id))
    return row["last_status"], row["last_error"], row["last_attempts"]


async def test_a_state_is_told_soon_and_signed(api, receiver, make_state):
    """The service tells by itself, once, with Prefect's payload and header, signed with the secret that the creation answered."""
    made = await hook(api, config={"url": f"{receiver.url}/hook"})
    run = await end(api, make_state)
    async with asyncio.timeout(10):
        await receiver.arrived.wait()
    ((path, headers, body),) = receiver.got
    (event,) = receiver.events()
    assert (path, headers["x-prefect-event-id"]) == ("/hook", event["id"])
    assert (event["type"], event["is_test_event"]) == ("FlowRunStateChange", False)
    assert (event["flow_run"]["id"], event["state"]["state"], event["flow"]["name"]) == (str(run["id"]), "Failed", "canal")
    assert (event["tenant"]["id"], event["state"]["message"]) == (str(api.identity.tenant), "Failed.")
    signed = f"{event['id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(base64.b64decode(made["secret"].removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


async def test_the_first_hook_wakes_a_worker_that_knew_of_none(api, receiver, quiet, monkeypatch):
    """A worker that looks at no commit, for there are no hooks, learns that one was made or switched on; it does not wait for a sweep."""
    monkeypatch.setattr("towpath_proto.timers.SWEEP", 0.0)
    worker = api.service._hooks
    await worker._turn()
    worker.wake()
    assert not worker._wake.is_set()
    made = await hook(api, config={"url": receiver.url})
    assert worker._wake.is_set()
    await api.call("set_cloud_hook_inactive", cloud_hook_id=made["id"])
    await worker._turn()
    worker.wake()
    assert not worker._wake.is_set()
    await api.call("set_cloud_hook_active", cloud_hook_id=made["id"])
    assert worker._wake.is_set()


async def test_the_first_hook_wakes_the_workers_of_other_processes(api, receiver, monkeypatch):
    """They hear of it by the bus, and wait for no sweep."""
    monkeypatch.setattr("towpath_proto.timers.SWEEP", 3_600.0)
    other = graphql.build(graphql.Config(Secret(api.dsn), Secret("another process")), bus=api.bus)
    await other.start()
    try:
        async with asyncio.timeout(60):
            while await other.ready() or other._hooks._hooks or len(api.bus.patterns()) < 2:  # noqa: ASYNC110 - its, and the service's own
                await asyncio.sleep(0.01)
            await hook(api, config={"url": receiver.url})
            while not other._hooks._hooks:  # noqa: ASYNC110 - the worker has no event for it
                await asyncio.sleep(0.01)
    finally:
        await other.stop()


async def test_slow_receivers_of_one_tenant_leave_room_for_others(api, receiver, make_state, quiet):
    """A tenant has its share of the attempts and no more, however much of it is due; who is full is not asked for again and again."""
    document = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    other = api.as_(Role.ADMIN, tenant=UUID((await api(document, i={"name": "O", "slug": "o"}))["create_tenant"]["id"]))
    receiver.gate.clear()
    for number in range(SHARE + 3):
        await hook(api, config={"url": f"{receiver.url}/slow/{number}"})
    await end(api, make_state)
    worker = HookWorker(api.service.store, api.service._cipher, api.service._told, chance=lambda: 1.0)
    slow = await worker.begin_due()
    assert len(slow) == SHARE
    assert await worker.begin_due() == []
    assert await worker._look() is None
    await hook(other, config={"url": f"{receiver.url}/other"})
    await end(other, make_state)
    assert await worker._look() < 0.05
    (mine,) = await worker.begin_due()
    receiver.gate.set()
    await asyncio.gather(mine, *slow)
    assert len(await worker.begin_due()) == 3
    await asyncio.gather(*worker._under_way)


async def test_telephones_that_were_reached_are_not_called_again(api, receiver, make_state, quiet):
    """Each number of a Twilio hook is told once, although another one refuses; the others need not wait for it."""
    service = api.service
    told = Told(service._told.sender, Endpoints(pagerduty=receiver.url, twilio=receiver.url))
    worker = HookWorker(service.store, service._cipher, told, chance=lambda: 1.0)
    config = {"account_sid": "AC", "auth_token": "x", "messaging_service_sid": "MG", "to": ["+1", "+2", "+3"]}
    made = await hook(api, type="TWILIO", config=config)
    await end(api, make_state)
    receiver.statuses = [201, 400, 201]
    await asyncio.gather(*await worker.begin_due())
    assert await seen(api, made["id"]) == ("retrying", "answered 400", 1)
    await api.rows("update hook_delivery set due_at = now() returning 1")
    await asyncio.gather(*await worker.begin_due())
    assert [parse_qs(body.decode())["To"] for _, _, body in receiver.got] == [["+1"], ["+2"], ["+3"], ["+2"]]
    assert await seen(api, made["id"]) == ("delivered", None, 2)


async def test_only_what_matches_is_told(api, receiver, make_state, quiet):
    """Other states, other flows, switched-off hooks and other tenants' hooks hear nothing; a replayed report tells nothing again."""
    document = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    other = api.as_(Role.ADMIN, tenant=UUID((await api(document, i={"name": "O", "slug": "o"}))["create_tenant"]["id"]))
    await hook(other, config={"url": f"{receiver.url}/theirs"})
    await hook(api, config={"url": f"{receiver.url}/success"}, states=["success"])
    off = await hook(api, config={"url": f"{receiver.url}/off"})
    await api.call("set_cloud_hook_inactive", cloud_hook_id=off["id"])
    flow = await api.register("canal")
    (row,) = await api.rows("select version_group_id as g from flow where id = %s", flow)
    await hook(api, config={"url": f"{receiver.url}/mine"}, version_group_id=row["g"])
    await hook(api, config={"url": f"{receiver.url}/not-mine"}, version_group_id=str(uuid4()))
    run = await end(api, make_state)
    await api.report(run, 1, [{"state": make_state("Running")}, {"state": make_state("Failed")}])
    assert await quiet() == 1
    assert [path for path, _, _ in receiver.got] == ["/mine"]
    assert await quiet() == 0
    assert await api.rows("select 1 from hook_delivery") == []


async def test_states_of_new_runs_are_told_too(api, receiver, quiet):
    """A run's first state is one like the others."""
    await hook(api, config={"url": receiver.url}, states=["SCHEDULED"])
    run_id = await api.create(await api.register())
    assert await quiet() == 1
    assert [e["flow_run"]["id"] for e in receiver.events()] == [str(run_id)]


async def test_told_again_until_it_is_taken(api, receiver, make_state, quiet):
    """Refusals and redirects are tried again with the same id, later each time; the hook says what happened last."""
    receiver.statuses = [500, 302]
    made = await hook(api, config={"url": receiver.url})
    await end(api, make_state)
    for attempt, error in ((1, "answered 500"), (2, "answered 302; redirects are not followed")):
        assert await quiet() == 1
        assert await quiet() == 0  # not before its time
        assert await seen(api, made["id"]) == ("retrying", error, attempt)
        (row,) = await api.rows("select extract(epoch from due_at - now())::float8 as s from hook_delivery")
        assert 0 < row["s"] <= 5 * 4 ** (attempt - 1)
        await api.rows("update hook_delivery set due_at = now() returning 1")
    assert await quiet() == 1
    assert await seen(api, made["id"]) == ("delivered", None, 3)
    assert len({e["id"] for e in receiver.events()}) == 1
    assert await api.rows("select 1 from hook_delivery") == []


async def test_given_up_after_the_last_attempt(api, receiver, make_state, quiet):
    """What nobody takes is given up after eight attempts, and the hook says so."""
    receiver.statuses = [503] * 9
    made = await hook(api, config={"url": receiver.url})
    await end(api, make_state)
    for _ in range(8):
        assert await quiet() == 1
        await api.rows("update hook_delivery set due_at = now() returning 1")
    assert await quiet() == 0
    assert await seen(api, made["id"]) == ("failed", "answered 503", 8)
    assert len(receiver.got) == 8


async def test_a_death_between_state_and_delivery_loses_nothing(api, receiver, make_state, quiet):
    """What a worker had claimed when it died is told by another, after the claim's time, under the same id."""
    await hook(api, config={"url": receiver.url})
    await end(api, make_state)
    async with api.service.store.transaction() as tx:  # as a worker that dies before it sends
        (claimed,) = await tx.all("claim_hook_deliveries", limit=9, lease=30.0, share=9, busy=[], used=[])
    assert await quiet() == 0
    await api.rows("update hook_delivery set due_at = now() returning 1")
    assert await quiet() == 1
    assert [e["id"] for e in receiver.events()] == [str(claimed["id"])]


async def test_addresses_that_are_not_public_are_refused(api, make_state, quiet):
    """A hook that leads to what only the service can reach is not sent there, and is not tried again."""
    made = await hook(api, config={"url": "http://169.254.169.254/latest/meta-data"})
    await end(api, make_state)
    assert await quiet() == 1
    status, error, attempts = await seen(api, made["id"])
    assert (status, attempts) == ("failed", 1)
    assert "no public address" in error
    assert await api.rows("select 1 from hook_delivery") == []


async def test_the_same_hook_twice_is_one(api, receiver):
    """A repeated creation answers the hook that is there, with its secret; another config makes another hook."""
    first = await hook(api, config={"url": receiver.url}, name="n")
    assert await hook(api, config={"url": receiver.url}, name="n", states=["failed"]) == first
    assert (await hook(api, config={"url": f"{receiver.url}/b"}, name="n"))["id"] != first["id"]
    assert len(await api.rows("select 1 from cloud_hook")) == 2
    await api.call("delete_cloud_hook", cloud_hook_id=first["id"])
    assert (await api.refused("delete_cloud_hook", cloud_hook_id=first["id"])).code is Code.NOT_FOUND


async def test_secrets_lie_in_no_row(api, make_state):
    """Neither tokens nor addresses that are secrets stand in any row as text."""
    words = ["s3cr3t-token", "s3cr3t-key", "T0/B0/s3cr3t"]
    twilio = {"account_sid": "AC", "auth_token": words[0], "messaging_service_sid": "MG", "to": "+1"}
    await hook(api, type="TWILIO", config=twilio)
    await hook(api, type="PAGERDUTY", config={"routing_key": words[1], "severity": "info"})
    await hook(api, type="SLACK_WEBHOOK", config={"url": f"https://hooks.slack.com/services/{words[2]}"})
    for table in ("cloud_hook", "audit", "event", "outbox"):
        text = str(await api.rows(f"select to_jsonb(t)::text as row from {table} t"))
        assert not [w for w in words if w in text]
    (row,) = await api.rows("select config from cloud_hook where type = 'TWILIO'")
    assert row["config"] == twilio | {"auth_token": "…"}


async def test_third_parties(api, receiver, make_state, quiet):
    """PagerDuty and Twilio are called at the addresses of the settings, Slack at its own."""
    service = api.service
    told = Told(service._told.sender, Endpoints(pagerduty=f"{receiver.url}/enqueue", twilio=receiver.url))
    worker = HookWorker(service.store, service._cipher, told)
    await hook(api, type="PAGERDUTY", config={"routing_key": "rk", "severity": "error"})
    await hook(api, type="TWILIO", config={"account_sid": "AC", "auth_token": "x", "messaging_service_sid": "MG", "to": "+1"})
    await hook(api, type="SLACK_WEBHOOK", config={"url": f"{receiver.url}/slack"})
    await end(api, make_state)
    await asyncio.gather(*await worker.begin_due())
    assert sorted(path for path, _, _ in receiver.got) == ["/2010-04-01/Accounts/AC/Messages.json", "/enqueue", "/slack"]


async def test_messages(api, make_state, quiet):
    """A PREFECT_MESSAGE hook writes one message a state; people mark it as read, as unread, and delete it."""
    made = await hook(api, type="PREFECT_MESSAGE", config=None)
    assert made["secret"] is None
    run = await end(api, make_state)
    assert await quiet() == 1
    (row,) = await api.rows("select * from message")
    assert (row["tenant_id"], row["read"], row["content"]["event"]["flow_run"]["id"]) == (api.identity.tenant, False, str(run["id"]))
    assert "of canal is Failed" in row["text"]
    for mutation, read in (("mark_message_as_read", True), ("mark_message_as_read", True), ("mark_message_as_unread", False)):
        await api.call(mutation, message_id=row["id"])
        assert (await api.rows("select read from message"))[0]["read"] is read
    await api.call("delete_message", message_id=row["id"])
    assert await api.rows("select 1 from message") == []
    assert (await api.refused("mark_message_as_read", message_id=row["id"])).code is Code.NOT_FOUND


async def test_trying_a_hook(api, receiver, make_state):
    """A test event is sent at once, marked as one, with the run that is named; why it could not be told is answered."""
    receiver.statuses = [204, 204, 418]
    made = await hook(api, config={"url": receiver.url})
    run = await api.begun(await api.register())
    assert await api.call("test_cloud_hook", "success error", cloud_hook_id=made["id"]) == {"success": True, "error": None}
    await api.call("test_cloud_hook", cloud_hook_id=made["id"], flow_run_id=run["id"], state_type="FAILED")
    first, second = receiver.events()
    assert first["is_test_event"] and first["state"]["state"] == "Success"  # noqa: PT018
    assert (second["flow_run"]["id"], second["state"]["state"]) == (str(run["id"]), "Failed")
    answer = await api.call("test_cloud_hook", "success error", cloud_hook_id=made["id"])
    assert answer == {"success": False, "error": "The hook could not be told: answered 418."}
    with pytest.raises(TowpathError) as caught:
        await api.call("test_cloud_hook", cloud_hook_id=made["id"], flow_run_id=uuid4())
    assert caught.value.code is Code.NOT_FOUND
