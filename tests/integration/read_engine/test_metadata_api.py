"""`POST /v1/metadata` and the callers of the service over HTTP (in process), against a database that knows nothing of Towpath."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_read_engine.main import Config, build
from towpath_read_engine.service import ReadEngineService
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "a-long-secret"
_PORTS = {
    "table": "port",
    "select_permissions": [
        {"role": "sailor", "permission": {"columns": ["name"], "filter": {"open": {"_eq": True}}}},
        {"role": "stranger", "permission": {"columns": ["name"], "filter": {"name": {"_eq": "X-Hasura-Name"}}}},
        {"role": "guest", "permission": {"columns": ["name"], "filter": {}}},
    ],
}
_GHOST = {"table": {"schema": "public", "name": "ghost"}}


def _document(*tables: Any, **more: Any) -> dict[str, Any]:
    return {"version": 3, "sources": [{"name": "default", "kind": "postgres", "tables": list(tables), "configuration": {}}], **more}


async def _post(service: ReadEngineService, path: str, payload: Any, **headers: str | None) -> tuple[int, Any]:
    sent = {"x-hasura-admin-secret": SECRET, **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = await AsgiUpstream(service.app).post(path, json.dumps(payload).encode(), {k: v for k, v in sent.items() if v is not None})
    return answer.status, json.loads(answer.body)


async def _manage(service: ReadEngineService, kind: str, args: Any = None, **more: Any) -> tuple[int, Any]:
    return await _post(service, "/v1/metadata", {"type": kind, "args": args or {}, **more})


async def _ask(service: ReadEngineService, query: str, **headers: str | None) -> Any:
    return (await _post(service, "/v1/graphql", {"query": query}, **headers))[1]


def _fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table port (id int primary key, name text not null, open boolean not null)")
        connection.execute("insert into port values (1, 'Goole', true), (2, 'Hull', false)")


@pytest.fixture
def address(new_database, new_template) -> str:
    """A database with one table."""
    return str(new_database(new_template("read_engine_harbour", _fill)))


@pytest.fixture
async def harbour(address, request) -> AsyncIterator[ReadEngineService]:
    """A service on a database of its own, with the metadata API and no metadata; parameters are further settings."""
    env = {
        "TOWPATH_READ_DATABASE_URL": address,
        "TOWPATH_READ_ADMIN_SECRET": SECRET,
        "TOWPATH_READ_METADATA_API": "true",
        **getattr(request, "param", {}),
    }
    service = build(Config.from_env({name: value for name, value in env.items() if value}))
    await service.start()
    yield service
    await service.stop()


@pytest.mark.parametrize("wrap", [False, True])
async def test_both_forms_of_replacing(harbour, wrap):
    """The document itself, or the document with a word on inconsistencies, whose answer says whether there are any."""
    assert (await _ask(harbour, "{ port { name } }"))["errors"][0]["extensions"]["code"] == "validation-failed"
    document = _document(_PORTS)
    args = {"allow_inconsistent_metadata": False, "metadata": document} if wrap else document
    wanted = {"is_consistent": True, "inconsistent_objects": []} if wrap else {"message": "success"}
    assert await _manage(harbour, "replace_metadata", args, version=2 if wrap else 1) == (200, wanted)
    assert await _ask(harbour, "{ port { name } }", x_hasura_role="sailor") == {"data": {"port": [{"name": "Goole"}]}}
    assert await _manage(harbour, "export_metadata") == (200, document)
    assert (await _manage(harbour, "export_metadata", version=2))[1]["metadata"] == document


async def test_metadata_of_version_two(harbour):
    """Documents of before sources are taken, too."""
    await _manage(harbour, "replace_metadata", {"version": 2, "tables": [_PORTS]})
    assert await _ask(harbour, "{ port_by_pk(id: 2) { name } }") == {"data": {"port_by_pk": {"name": "Hull"}}}


async def test_inconsistent_metadata(harbour):
    """It is refused with what is wrong and the old goes on; where it is allowed, what can be served is served."""
    await _manage(harbour, "replace_metadata", _document(_PORTS))
    status, answer = await _manage(harbour, "replace_metadata", _document(_GHOST))
    assert (status, answer["code"], answer["path"]) == (400, "unexpected", "$.args")
    assert answer["internal"][0]["definition"] == {"schema": "public", "name": "ghost"}
    assert "data" in await _ask(harbour, "{ port { name } }")
    allowed = {"allow_inconsistent_metadata": True, "metadata": _document(_PORTS, _GHOST)}
    status, answer = await _manage(harbour, "replace_metadata", allowed)
    assert (status, answer["is_consistent"]) == (200, False)
    assert [item["type"] for item in answer["inconsistent_objects"]] == ["table"]
    assert (await _manage(harbour, "get_inconsistent_metadata"))[1] == answer
    assert "public.ghost" in (await harbour.ready())["schema"]
    assert "data" in await _ask(harbour, "{ port { name } }")


async def test_replacing_reads_the_tables_again(harbour, address):
    """A table that was made after the start is found, by replacing and by reloading."""
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as admin:
        await admin.execute("create table ghost (id int primary key)")
        assert (await _manage(harbour, "replace_metadata", _document(_GHOST)))[0] == 200
        assert await _ask(harbour, "{ ghost { id } }") == {"data": {"ghost": []}}
        await admin.execute("alter table ghost add column sheet text")
        assert await _manage(harbour, "reload_metadata") == (200, {"message": "success", "is_consistent": True})
        assert await _ask(harbour, "{ ghost { sheet } }") == {"data": {"ghost": []}}
    assert await _manage(harbour, "clear_metadata") == (200, {"message": "success"})
    assert "errors" in await _ask(harbour, "{ ghost { id } }")


async def test_bulk_runs_in_order_and_does_not_nest(harbour):
    """The answers stand in the order of the commands; a list in a list is refused."""
    commands = [{"type": "replace_metadata", "args": _document(_PORTS)}, {"type": "get_inconsistent_metadata", "args": {}}]
    assert (await _manage(harbour, "bulk", commands))[1] == [{"message": "success"}, {"is_consistent": True, "inconsistent_objects": []}]
    for args in ([{"type": "bulk", "args": []}], {"a": 1}, [1]):
        assert (await _manage(harbour, "bulk", args))[0] == 400


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({}, "sources"),
        ({"metadata": None}, "object"),
        ({"metadata": {"version": 3, "sources": {}}}, "list of objects"),
        ({"version": 3, "sources": [{"kind": "mssql", "tables": []}]}, "exactly one"),
        (_document({"table": "port", "select_permissions": [{"permission": {}}]}), "malformed"),
        (_document(_PORTS, _PORTS), "twice"),
        (_document(_PORTS, inherited_roles=[{"role_name": "x"}]), "inherited_roles"),
        (_document(_PORTS, inherited_roles=5), "inherited_roles"),
        (_document({"table": 7}), "malformed"),
        (_document({"table": {"name": ["x"]}}), "cannot continue"),
    ],
)
async def test_malformed_metadata_is_refused_flat(harbour, args, word):
    """Nothing is half taken, and the error has the flat shape and a real status."""
    await _manage(harbour, "replace_metadata", _document(_PORTS))
    status, answer = await _manage(harbour, "replace_metadata", args)
    assert status == 400
    assert set(answer) - {"internal"} == {"error", "path", "code"}
    assert word in answer["error"]
    assert "data" in await _ask(harbour, "{ port { name } }")


@pytest.mark.parametrize("payload", [None, [], 5, {}, {"type": 5}, {"type": "run_sql", "args": {"sql": "drop table port"}}])
async def test_unknown_commands_are_refused(harbour, payload):
    """What is not served says what is."""
    status, answer = await _post(harbour, "/v1/metadata", payload)
    assert (status, answer["code"]) in [(400, "parse-failed"), (400, "not-supported")]


async def test_only_the_admin_manages(harbour):
    """Neither a missing nor a wrong secret nor a lower role may look or change."""
    for headers in ({"x_hasura_admin_secret": None}, {"x_hasura_admin_secret": "wrong"}, {"x_hasura_role": "sailor"}):
        for kind in ("replace_metadata", "export_metadata", "reload_metadata"):
            status, answer = await _post(harbour, "/v1/metadata", {"type": kind, "args": _document(_PORTS)}, **headers)
            assert (status, answer["code"]) == (401, "access-denied")
    assert "errors" in await _ask(harbour, "{ port { name } }")


@pytest.mark.parametrize("harbour", [{"TOWPATH_READ_METADATA_API": ""}], indirect=True)
async def test_the_api_is_off_by_default(harbour):
    """Then reloading is all there is, and the refusal says how to allow more."""
    for kind in ("replace_metadata", "export_metadata", "clear_metadata", "get_inconsistent_metadata"):
        status, answer = await _manage(harbour, kind, _document(_PORTS))
        assert (status, answer["code"], "--metadata-api" in answer["error"]) == (400, "not-supported", True)
    assert (await _manage(harbour, "reload_metadata"))[0] == 200


@pytest.mark.parametrize("harbour", [{"TOWPATH_READ_ADMIN_SECRET": ""}], indirect=True)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:4202"}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:4202", "content_type": "application/json; charset=utf-8"}, 200),
        ({"host": "127.0.0.1", "content_type": "text/plain"}, 401),
        ({"host": "evil.example"}, 401),
    ],
)
async def test_without_a_secret_a_web_page_cannot_manage(harbour, headers, status):
    """What a browser sends for a foreign page, or to a name that was bent to this machine, is refused."""
    command = {"type": "replace_metadata", "args": _document(_PORTS)}
    assert (await _post(harbour, "/v1/metadata", command, x_hasura_admin_secret=None, **headers))[0] == status


@pytest.mark.parametrize(
    "harbour", [{"HASURA_GRAPHQL_UNAUTHORIZED_ROLE": "guest"}, {"TOWPATH_READ_UNAUTHORIZED_ROLE": "stranger"}], indirect=True
)
async def test_forged_headers_are_not_believed(harbour):
    """Without the secret a caller has the strangers' role, whatever role or variable it claims; a wrong secret is refused."""
    await _manage(harbour, "replace_metadata", _document(_PORTS))
    forged = {"x_hasura_role": "admin", "x_hasura_name": "Hull", "x_hasura_user_id": "1", "x_hasura_admin_secret": None}
    answer = await _ask(harbour, "{ port(order_by: {name: asc}) { name } }", **forged)
    role = harbour._settings.callers.unauthorized_role
    if role == "guest":
        assert answer == {"data": {"port": [{"name": "Goole"}, {"name": "Hull"}]}}
    else:
        assert answer["errors"][0]["message"] == 'missing session variable: "x-hasura-name"'
    assert (await _ask(harbour, "{ port { id } }", **forged))["errors"][0]["extensions"]["code"] == "validation-failed"
    assert (await _ask(harbour, "{ port { name } }", x_hasura_admin_secret="wrong"))["errors"][0]["extensions"]["code"] == "access-denied"


@pytest.mark.parametrize(
    ("tables", "strict", "status", "word"),
    [([_PORTS], "", 200, "OK"), ([_GHOST], "", 200, "WARN"), ([_GHOST], "?strict=true", 500, "ERROR")],
)
async def test_the_health_check_of_the_image(harbour, tables, strict, status, word):
    """`GET /healthz` is fine, warns of what is not served, or with `strict` fails for it."""
    await _manage(harbour, "replace_metadata", {"allow_inconsistent_metadata": True, "metadata": _document(*tables)})
    answer = await AsgiUpstream(harbour.app).get(f"/healthz{strict}")
    assert (answer.status, answer.body.decode().startswith(word)) == (status, True)


async def test_what_was_replaced_is_there_after_a_restart(address, tmp_path):
    """With a store the last metadata that was taken counts, also nothing at all; without its file the folder does again."""
    folder, store = tmp_path / "metadata.json", tmp_path / "store.json"
    folder.write_text(json.dumps(_document(_GHOST)))
    env = {"TOWPATH_READ_DATABASE_URL": address, "TOWPATH_READ_ADMIN_SECRET": SECRET, "TOWPATH_READ_METADATA_API": "true"}
    env |= {"TOWPATH_READ_METADATA": str(folder), "TOWPATH_READ_METADATA_STORE": str(store)}

    @asynccontextmanager
    async def serving():
        service = build(Config.from_env(env))
        await service.start()
        await service.loaded()
        yield service
        await service.stop()

    async with serving() as service:
        assert service.metadata.tables[0].key.name == "ghost"
        filtered = {"role": "r", "permission": {"columns": "*", "filter": {"id": {"_lt": 1.0}}}}
        document = _document(_PORTS | {"select_permissions": [filtered]})
        assert (await _manage(service, "replace_metadata", document))[0] == 200
        assert (await _manage(service, "replace_metadata", _document(_GHOST)))[0] == 400
        assert await _manage(service, "export_metadata") == (200, document)
    async with serving() as service:
        assert await _ask(service, "{ port { name } }") == {"data": {"port": [{"name": "Goole"}, {"name": "Hull"}]}}
        assert (await _manage(service, "reload_metadata"))[0] == 200
        assert await _manage(service, "export_metadata") == (200, document)
        assert (await _manage(service, "clear_metadata"))[0] == 200
    async with serving() as service:
        assert service.metadata.tables == ()
        store.unlink()
        assert (await _manage(service, "reload_metadata"))[1]["is_consistent"] is True
        assert service.metadata.tables == ()
    async with serving() as service:
        assert service.metadata.tables[0].key.name == "ghost"


async def test_metadata_that_cannot_be_stored_are_not_served(address, tmp_path):
    """What would be forgotten by a restart is refused, and the old goes on."""
    store = tmp_path / "inner" / "store.json"
    store.parent.mkdir()
    env = {"TOWPATH_READ_DATABASE_URL": address, "TOWPATH_READ_ADMIN_SECRET": SECRET, "TOWPATH_READ_METADATA_API": "true"}
    service = build(Config.from_env(env | {"TOWPATH_READ_METADATA_STORE": str(store)}))
    await service.start()
    try:
        assert (await _manage(service, "replace_metadata", _document(_PORTS)))[0] == 200
        store.unlink()
        store.parent.rmdir()
        status, answer = await _manage(service, "clear_metadata")
        assert (status, answer["code"], str(store) in answer["error"]) == (400, "unexpected", True)
        assert "data" in await _ask(service, "{ port { name } }")
        assert (await _manage(service, "reload_metadata"))[0] == 200
        assert "data" in await _ask(service, "{ port { name } }")
    finally:
        await service.stop()


async def test_a_store_that_makes_no_sense_is_an_error_at_start(address, tmp_path):
    """A file that was damaged is named with its setting, as is one in a folder that does not exist."""
    store = tmp_path / "store.json"
    store.write_text('{"version": 3, "sourc')
    with pytest.raises(TowpathError) as caught:
        await build(Config.from_env({"TOWPATH_READ_DATABASE_URL": address, "TOWPATH_READ_METADATA_STORE": str(store)})).start()
    assert (caught.value.code, caught.value.detail.get("setting")) == (Code.BAD_SETTING, "TOWPATH_READ_METADATA_STORE")
    for path in (tmp_path, tmp_path / "nowhere" / "store.json"):
        with pytest.raises(TowpathError, match="TOWPATH_READ_METADATA_STORE"):
            Config.from_env({"TOWPATH_READ_DATABASE_URL": address, "TOWPATH_READ_METADATA_STORE": str(path)})


async def test_a_new_row_of_an_enum_table_is_a_value_after_a_reload(harbour, address):
    """Until then it is no word of the enum; rows that refer to it are read, whatever they hold."""
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as admin:
        await admin.execute("create table kind (value text primary key)")
        await admin.execute("insert into kind values ('dry'), ('wet')")
        await admin.execute("create table dock (id int primary key, kind text not null references kind)")
        await admin.execute("insert into dock values (1, 'dry')")
        document = _document({"table": "kind", "is_enum": True}, {"table": "dock"})
        assert (await _manage(harbour, "replace_metadata", document))[0] == 200
        await admin.execute("insert into kind values ('floating')")
        await admin.execute("insert into dock values (2, 'floating')")
    query = "{ dock(where: {kind: {_eq: floating}}) { id kind } }"
    refused = (await _ask(harbour, query))["errors"][0]
    assert refused["message"] == "expected one of the values ['dry', 'wet'] for type 'kind_enum', but found 'floating'"
    everything = await _ask(harbour, "{ dock(order_by: {id: asc}) { kind } }")
    assert everything == {"data": {"dock": [{"kind": "dry"}, {"kind": "floating"}]}}
    assert (await _manage(harbour, "reload_metadata"))[0] == 200
    assert await _ask(harbour, query) == {"data": {"dock": [{"id": 2, "kind": "floating"}]}}
