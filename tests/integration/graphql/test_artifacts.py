"""Artifacts: made, replaced and deleted by calls and by reports, each once, for task runs of the own run only, and within their bounds."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from towpath_proto.artifacts import MAX_BYTES
from towpath_proto.errors import Code
from towpath_proto.ids import uuid7
from towpath_service_kit.identity import Role

LINK = {"link": "https://example.com/report"}


async def stored(api):
    """Every artifact as (id, slug, kind, data), oldest first."""
    rows = await api.rows(
        "select a.id, a.tenant_id, k.slug, t.map_index, a.kind, a.data, a.updated > a.created as changed"
        " from task_run_artifact a join task_run t on t.id = a.task_run_id join task k on k.id = t.task_id order by a.id"
    )
    assert {r["tenant_id"] for r in rows} <= {api.identity.tenant}
    return [(r["id"], r["slug"], r["map_index"], r["kind"], r["data"]) for r in rows]


async def test_made_replaced_deleted(api):
    """The three mutations of Prefect 1 do what they say; what is not there is NOT_FOUND."""
    run = await api.begun(await api.register())
    token = api.as_(Role.RUN, run=run["id"], fence=run["fence"])
    given = {"task_run_id": run["tasks"]["a-1"], "kind": "link", "data": LINK, "tenant_id": api.identity.tenant}
    made = UUID((await token.call("create_task_run_artifact", "id", **given))["id"])
    assert await stored(api) == [(made, "a-1", -1, "link", LINK)]
    for _ in range(2):
        await token.call("update_task_run_artifact", task_run_artifact_id=made, data={"link": "https://other"})
    assert await stored(api) == [(made, "a-1", -1, "link", {"link": "https://other"})]
    await token.call("delete_task_run_artifact", task_run_artifact_id=made)
    assert await stored(api) == []
    for mutation, more in (("update_task_run_artifact", {"data": LINK}), ("delete_task_run_artifact", {})):
        assert (await token.refused(mutation, task_run_artifact_id=made, **more)).code is Code.NOT_FOUND
    given["task_run_id"] = uuid4()
    assert (await token.refused("create_task_run_artifact", "id", **given)).code is Code.NOT_FOUND


async def test_a_repeated_call_makes_one_artifact(api):
    """With an id of the caller's, a call that comes again changes nothing, not even what was updated meanwhile; no id is used twice."""
    run = await api.begun(await api.register())
    mine = uuid7()
    given = {"id": mine, "task_run_id": run["tasks"]["a-1"], "kind": "link", "data": LINK}
    await api.call("create_task_run_artifact", "id", **given)
    await api.call("update_task_run_artifact", task_run_artifact_id=mine, data={"link": "https://newer"})
    assert (await api.call("create_task_run_artifact", "id", **given))["id"] == str(mine)
    assert await stored(api) == [(mine, "a-1", -1, "link", {"link": "https://newer"})]
    given["task_run_id"] = run["tasks"]["a-2"]
    assert (await api.refused("create_task_run_artifact", "id", **given)).code is Code.UNIQUENESS_VIOLATION
    assert len(await stored(api)) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"data": {"markdown": "é" * (MAX_BYTES // 2)}}, Code.PAYLOAD_TOO_LARGE),
        ({"kind": " "}, Code.BAD_REQUEST),
        ({"kind": "k" * 101}, Code.BAD_REQUEST),
    ],
)
async def test_what_is_no_artifact(api, given, code):
    """More than a million bytes of JSON, and kinds that are no names, are refused with their code."""
    run = await api.begun(await api.register())
    wanted = {"task_run_id": run["tasks"]["a-1"], "kind": "markdown", "data": {"markdown": "é" * (MAX_BYTES // 2 - 10)}}
    made = await api.call("create_task_run_artifact", "id", **wanted)
    assert (await api.refused("create_task_run_artifact", "id", **(wanted | given))).code is code
    if "data" in given:
        assert (await api.refused("update_task_run_artifact", task_run_artifact_id=made["id"], **given)).code is code
    assert len(await stored(api)) == 1


async def test_a_report_tells_of_artifacts_in_order(api, make_state):
    """Made, replaced, deleted within one report and across reports; each item has its answer; a replay stores nothing again."""
    run = await api.begun(await api.register())
    first, second, third = uuid7(), uuid7(), uuid7()
    fields = "results artifact_results replayed"

    async def report(sequence, *items, states=()):
        given = {"flow_run_id": run["id"], "fence": run["fence"], "reporter": "engine", "sequence": sequence}
        return await api.call("report_run", fields, **given, states=list(states), artifacts=list(items))

    started = [{"state": make_state("Running")}, {"slug": "a-1", "map_index": 3, "state": make_state("Running")}]
    child = {"slug": "a-1", "map_index": 3}
    items = [
        {"id": first, **child, "kind": "link", "data": LINK},
        {"id": first, "data": {"link": "https://replaced"}},
        {"id": second, "slug": "a-2", "kind": "markdown", "data": {"markdown": "# Two"}},
        {"id": second, "delete": True},
        {"id": third, "task_run_id": run["tasks"]["a-2"], "kind": "mine", "data": [1, 2]},
    ]
    answer = await report(1, *items, states=started)
    assert [r["status"] for r in answer["artifact_results"]] == ["SUCCESS"] * 5
    now = [(first, "a-1", 3, "link", {"link": "https://replaced"}), (third, "a-2", -1, "mine", [1, 2])]
    assert await stored(api) == now
    replay = await report(1, *items, states=started)
    assert (replay["replayed"], [r["status"] for r in replay["artifact_results"]]) == (True, ["REPLAYED"] * 5)
    assert await stored(api) == now
    answer = await report(2, items[0], {"id": third, "data": [3]}, {"id": first, "delete": True}, {"id": first, "data": LINK})
    assert [r.get("code", "ok") for r in answer["artifact_results"]] == ["ok", "ok", "ok", Code.NOT_FOUND]
    assert await stored(api) == [(third, "a-2", -1, "mine", [3])]


async def test_one_bad_artifact_spoils_no_other(api):
    """Items that name no task run of the run, nobody's or another run's artifact, or hold too much, are refused one by one with a code."""
    run, other = await api.begun(await api.register("mine")), await api.begun(await api.register("other"))
    theirs = (await api.call("create_task_run_artifact", "id", task_run_id=other["tasks"]["a-1"], kind="link", data=LINK))["id"]
    good = {"kind": "link", "data": LINK}
    items = [
        ({"slug": "no-such", **good}, Code.UNKNOWN_TASK),
        ({"slug": "a-1", "map_index": 7, **good}, Code.UNKNOWN_TASK),  # a child that has had no state
        ({"task_run_id": other["tasks"]["a-1"], **good}, Code.UNKNOWN_TASK),
        ({"task_run_id": "no id", **good}, Code.UNKNOWN_TASK),
        ({"id": theirs, "slug": "a-1", **good}, Code.UNIQUENESS_VIOLATION),
        ({"id": theirs, "data": LINK}, Code.NOT_FOUND),
        ({"id": theirs, "delete": True}, Code.NOT_FOUND),
        ({"id": uuid7(), "data": LINK}, Code.NOT_FOUND),
        ({"id": "no id", "delete": True}, Code.BAD_REQUEST),
        (good, Code.BAD_REQUEST),
        ({"slug": "a-1", "kind": "link"}, Code.BAD_REQUEST),
        ({"slug": "a-1", "kind": 7, "data": LINK}, Code.BAD_REQUEST),
        ({"slug": "a-1", "kind": "markdown", "data": "x" * MAX_BYTES}, Code.PAYLOAD_TOO_LARGE),
        ({"slug": "a-1", **good}, "ok"),
    ]
    given = {"flow_run_id": run["id"], "fence": run["fence"], "reporter": "engine", "sequence": 1}
    answer = await api.call("report_run", "artifact_results", **given, artifacts=[item for item, _ in items])
    assert [r.get("code", "ok") for r in answer["artifact_results"]] == [code for _, code in items]
    kept = await stored(api)
    assert sorted((slug, data["link"]) for _, slug, _, _, data in kept) == [("a-1", LINK["link"]), ("a-1", LINK["link"])]


async def test_artifacts_go_with_their_run(api):
    """When a flow run is deleted, so are its artifacts."""
    run = await api.begun(await api.register())
    await api.call("create_task_run_artifact", "id", task_run_id=run["tasks"]["a-1"], kind="link", data=LINK)
    await api.call("delete_flow_run", flow_run_id=run["id"])
    assert await stored(api) == []


async def test_an_id_of_another_tenant_stays_its(api):
    """Ids that belong to another tenant's artifacts can be neither used nor seen: not made again, not replaced, by call or by report."""
    document = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    tenant = UUID((await api(document, i={"name": "Others", "slug": "others"}))["create_tenant"]["id"])
    other = api.as_(Role.ADMIN, tenant=tenant)
    theirs = await other.begun(await other.register())
    made = (await other.call("create_task_run_artifact", "id", task_run_id=theirs["tasks"]["a-1"], kind="link", data=LINK))["id"]
    run = await api.begun(await api.register())
    given = {"id": made, "task_run_id": run["tasks"]["a-1"], "kind": "link", "data": {"link": "https://mine"}}
    assert (await api.refused("create_task_run_artifact", "id", **given)).code is Code.UNIQUENESS_VIOLATION
    items = [given, {"id": made, "data": given["data"]}, {"id": uuid7(), "slug": "a-2", "kind": "link", "data": LINK}]
    owned = {"flow_run_id": run["id"], "fence": run["fence"], "reporter": "engine", "sequence": 1}
    answer = await api.call("report_run", "artifact_results", **owned, artifacts=items)
    assert [r.get("code", "ok") for r in answer["artifact_results"]] == [Code.UNIQUENESS_VIOLATION] * 2 + ["ok"]
    rows = await api.rows("select tenant_id, data from task_run_artifact order by created")
    assert [(r["tenant_id"], r["data"]) for r in rows] == [(tenant, LINK), (api.identity.tenant, LINK)]
