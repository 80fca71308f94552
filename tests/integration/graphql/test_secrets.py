"""Secrets and key-value pairs: who reads and writes them, what is stored, what is noted, and what one tenant sees of another's: nothing."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from towpath_graphql.main import Config, build
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import Role
from towpath_service_kit.settings import Secret
from towpath_service_kit.testing import MemoryBus
from towpath_service_kit.upstream import AsgiUpstream

VALUE = "query($name: String!) { secret_value(name: $name) }"


async def other_tenant(api):
    """The admin of another tenant."""
    document = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    tenant = UUID((await api(document, i={"name": "Others", "slug": "others"}))["create_tenant"]["id"])
    return api.as_(Role.ADMIN, tenant=tenant)


async def missing(api, name):
    with pytest.raises(TowpathError) as caught:
        await api(VALUE, name=name)
    assert caught.value.code is Code.NOT_FOUND
    assert "No value found for the requested key" in caught.value.message
    return caught.value


async def value(api, name):
    return (await api(VALUE, name=name))["secret_value"]


async def test_a_secret_is_kept_changed_read_and_deleted(api):
    """Any JSON is kept; setting it again changes it, a replay changes nothing; a deleted one is missing, in Prefect 1's words."""
    for kept in ("pa55word", {"user": "ann", "password": ["é", 1, None]}, 7, "pa55word"):
        for _ in range(2):
            assert await api.call("set_secret", name="DB", value=kept) == {"success": True}
            assert await value(api, "DB") == kept
    await api.call("set_secret", name="A", value="x")
    assert (await api("{ secret_names }"))["secret_names"] == ["A", "DB"]
    assert await api.call("delete_secret", name="DB") == {"success": True}
    await missing(api, "DB")
    assert (await api.refused("delete_secret", name="DB")).code is Code.NOT_FOUND


async def test_nothing_but_the_answer_holds_the_value(api):
    """The database holds ciphertext only: no table, event or audit line has the value, and another's row cannot be opened as one's own."""
    await api.call("set_secret", name="DB", value="pa55word")
    await api.call("set_secret", name="OTHER", value="hunter2")
    await value(api, "DB")
    tables = await api.rows(
        "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p'"
    )
    rows = [await api.rows(f"select to_jsonb(t)::text as text from {table['name']} t") for table in tables]
    everything = str(rows)
    assert "OTHER" in everything
    for text in ("pa55word", base64.b64encode(b"pa55word").decode(), b"pa55word".hex()):
        assert text not in everything
    swap = "update secret s set ciphertext = o.ciphertext from secret o where s.name = 'DB' and o.name = 'OTHER' returning s.name"
    assert await api.rows(swap)
    with pytest.raises(TowpathError) as caught:
        await value(api, "DB")
    assert caught.value.code is Code.BAD_SETTING
    assert "hunter2" not in caught.value.message


async def test_each_write_and_each_read_is_noted(api):
    """The audit trail has who, what and which name, for a read of a missing one too; it never has the value."""
    await api.call("set_secret", name="DB", value="pa55word")
    await value(api.as_(Role.OPERATOR, actor="bob"), "DB")
    await missing(api.as_(Role.AGENT, actor="hob"), "GONE")
    await api.call("delete_secret", name="DB")
    rows = await api.rows("select action, actor, role, detail from audit where entity = 'secret' order by id")
    assert [tuple(r.values()) for r in rows] == [
        ("set_secret", "ann", "admin", {"name": "DB"}),
        ("secret_value", "bob", "operator", {"name": "DB", "found": True}),
        ("secret_value", "hob", "agent", {"name": "GONE", "found": False}),
        ("delete_secret", "ann", "admin", {"name": "DB"}),
    ]


async def test_who_may_read_and_who_may_write(api):
    """Runs and agents read, under a claim that lasts; viewers do not; only admins and operators write."""
    await api.call("set_secret", name="DB", value="pa55word")
    run = await api.begun(await api.register())
    token = api.as_(Role.RUN, run=run["id"], fence=run["fence"])
    for reader in (api, api.as_(Role.OPERATOR), api.as_(Role.AGENT), token):
        assert await value(reader, "DB") == "pa55word"
        assert (await reader("{ secret_names }"))["secret_names"] == ["DB"]
    stale = api.as_(Role.RUN, run=run["id"], fence=run["fence"] - 1)
    for document in ('{ secret_value(name: "DB") }', "{ secret_names }"):
        with pytest.raises(TowpathError) as caught:
            await api.as_(Role.VIEWER)(document)
        assert caught.value.code is Code.FORBIDDEN
        with pytest.raises(TowpathError) as caught:
            await stale(document)
        assert caught.value.code is Code.FENCED
    for writer in (api.as_(Role.VIEWER), api.as_(Role.AGENT), token):
        assert (await writer.refused("set_secret", name="DB", value="x")).code is Code.FORBIDDEN
        assert (await writer.refused("delete_secret", name="DB")).code is Code.FORBIDDEN
    assert await value(api, "DB") == "pa55word"


async def test_tenants_have_secrets_of_their_own(api):
    """The same name is another secret in another tenant; a row that is moved over is not opened there."""
    other = await other_tenant(api)
    await api.call("set_secret", name="DB", value="ours")
    await missing(other, "DB")
    assert (await other("{ secret_names }"))["secret_names"] == []
    await other.call("set_secret", name="DB", value="theirs")
    assert (await value(api, "DB"), await value(other, "DB")) == ("ours", "theirs")
    assert (await other.call("delete_secret", name="DB")) == {"success": True}
    assert await value(api, "DB") == "ours"
    await api.rows("update secret set tenant_id = %s returning 1", other.identity.tenant)
    with pytest.raises(TowpathError) as caught:
        await value(other, "DB")
    assert caught.value.code is Code.BAD_SETTING


@pytest.mark.parametrize("name", ["", "  ", "n" * 256, "a\0b"])
async def test_names_out_of_bounds_are_refused(api, name):
    """A name is a short text."""
    assert (await api.refused("set_secret", name=name, value=1)).code is Code.BAD_REQUEST
    assert (await api.refused("set_key_value", "id", key=name, value=1)).code is Code.BAD_REQUEST


async def test_large_values_are_refused_without_being_repeated(api):
    """64 KiB of JSON for a secret, 10 KB for a key-value pair; one byte more is refused."""
    assert await api.call("set_secret", name="L", value="x" * (65_536 - 2))
    error = await api.refused("set_secret", name="L", value="x" * (65_536 - 1))
    assert error.code is Code.BAD_REQUEST
    assert "xxx" not in error.message
    assert await api.call("set_key_value", "id", key="l", value="é" * 5_119)
    error = await api.refused("set_key_value", "id", key="l", value="é" * 5_120)
    assert (error.code, error.detail["size"]) == (Code.BAD_REQUEST, 10_242)


async def test_a_new_key_takes_over_at_the_start(api):
    """With a new key before the old one the service encrypts everything anew; then the old one may go; without either nothing is opened."""
    await api.call("set_secret", name="DB", value={"a": 1})
    (old,) = await api.rows("select key_id, updated from secret")
    new_key, old_key = base64.b64encode(b"n" * 32).decode(), base64.b64encode(bytes(range(32))).decode()

    async def with_keys(keys, check):
        service = build(Config(Secret(api.dsn), Secret("a-secret-of-the-tests-that-is-long-enough"), secret_key=keys), bus=MemoryBus())
        await service.start()
        await api.until_ready(service)
        try:
            return await check(replace(api, service=service, upstream=AsgiUpstream(service.app)))
        finally:
            await service.stop()

    async def under_new(one):
        async with one.service.store.transaction():
            pass
        for _ in range(500):
            (row,) = await api.rows("select key_id, updated from secret")
            if row["key_id"] != old["key_id"]:
                return row, await value(one, "DB")
            await one("{ hello }")
        raise AssertionError("it was not encrypted anew")

    row, kept = await with_keys(Secret(f"{new_key},{old_key}"), under_new)
    assert kept == {"a": 1}
    assert row["updated"] == old["updated"]

    async def read(one):
        return await value(one, "DB")

    assert await with_keys(Secret(new_key), read) == {"a": 1}
    for keys in (Secret(old_key), None):
        with pytest.raises(TowpathError) as caught:
            await with_keys(keys, read)
        assert (caught.value.code, "TOWPATH_SECRET_KEY" in caught.value.message) == (Code.BAD_SETTING, True)


async def test_without_a_key_no_secret_is_taken(api):
    """An installation without TOWPATH_SECRET_KEY says so; everything else works."""
    service = build(Config(Secret(api.dsn), Secret("a-secret-of-the-tests-that-is-long-enough")), bus=MemoryBus())
    await service.start()
    await api.until_ready(service)
    try:
        bare = replace(api, upstream=AsgiUpstream(service.app))
        error = await bare.refused("set_secret", name="DB", value="pa55word")
        assert (error.code, "pa55word" in error.message) == (Code.BAD_SETTING, False)
        assert (await bare("{ secret_names }"))["secret_names"] == []
    finally:
        await service.stop()


async def test_key_values_are_kept_by_key(api):
    """One pair a key: setting it again changes the value and keeps the id, from a run too; deleting takes the id."""
    first = await api.call("set_key_value", "id", key="seen", value={"until": "2026-01-01"})
    run = await api.begun(await api.register())
    token = api.as_(Role.RUN, run=run["id"], fence=run["fence"])
    assert await token.call("set_key_value", "id", key="seen", value=[1]) == first
    assert await token.call("set_key_value", "id", key="seen", value=[1]) == first
    (row,) = await api.rows("select id, key, value, tenant_id from key_value")
    assert row == {"id": UUID(first["id"]), "key": "seen", "value": [1], "tenant_id": api.identity.tenant}
    other = await other_tenant(api)
    theirs = await other.call("set_key_value", "id", key="seen", value="theirs")
    assert theirs != first
    assert (await other.refused("delete_key_value", key_value_id=first["id"])).code is Code.NOT_FOUND
    assert (await api.as_(Role.VIEWER).refused("set_key_value", "id", key="k", value=1)).code is Code.FORBIDDEN
    assert await api.as_(Role.AGENT).call("delete_key_value", key_value_id=first["id"]) == {"success": True}
    assert (await api.refused("delete_key_value", key_value_id=uuid4())).code is Code.NOT_FOUND
    assert json.dumps([r["value"] for r in await api.rows("select value from key_value")]) == '["theirs"]'
