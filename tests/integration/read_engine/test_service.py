"""The service over HTTP (in process), against a real database: who may ask, in what form, and how it heals."""

import asyncio
import json

import psycopg
import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_read_engine.database import Database
from towpath_read_engine.main import Config, build, environment
from towpath_read_engine.service import ReadEngineService, ServiceSettings
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "a-long-secret"


async def _post(service, payload, path="/v1/graphql", **headers):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = {"x-hasura-admin-secret": SECRET, **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = await AsgiUpstream(service.app).post(path, body, {name: value for name, value in sent.items() if value is not None})
    return answer.status, json.loads(answer.body)


@pytest.fixture
async def service(library_url, library_metadata):
    config = Config.from_env(
        {"TOWPATH_READ_DATABASE_URL": library_url, "TOWPATH_READ_METADATA": str(library_metadata), "TOWPATH_READ_ADMIN_SECRET": SECRET}
    )
    service = build(config)
    await service.start()
    yield service
    await service.stop()


async def test_a_request_right_after_start_is_answered(service):
    """Nobody has to wait for readiness; a request waits for the first reading of the schema itself."""
    assert await _post(service, {"query": "{ author_by_pk(id: 1) { name } }"}) == (200, {"data": {"author_by_pk": {"name": "Ada"}}})
    assert await service.ready() == {}


@pytest.mark.parametrize("variables", [{"id": 2}, '{"id": 2}', None, "", "null"])
async def test_variables_come_in_every_form(service, variables):
    """An object, JSON text and null are all variables."""
    status, answer = await _post(
        service,
        {
            "query": "query ($id: Int = 2) { author_by_pk(id: $id) { id } }".replace(
                "author_by_pk(id: $id)", "author(where: {id: {_eq: $id}})"
            ),
            "variables": variables,
        },
    )
    assert (status, answer) == (200, {"data": {"author": [{"id": 2}]}})


async def test_without_the_secret_nothing_is_said(service):
    """A missing or wrong secret is refused before the query is looked at."""
    for secret, message in ((None, "required, but not found"), ("wrong", "invalid x-hasura-admin-secret"), ("é", "invalid")):
        status, answer = await _post(service, b"not even JSON", x_hasura_admin_secret=secret)
        assert status == 200
        assert answer["errors"][0]["extensions"] == {"path": "$", "code": "access-denied"}
        assert message in answer["errors"][0]["message"]


async def test_role_and_session_variables_are_headers(service):
    """With the secret a caller may lower its role, and gives the session variables."""
    query = {"query": "{ author { id } }"}
    assert len((await _post(service, query))[1]["data"]["author"]) == 5
    assert (await _post(service, query, x_hasura_role="writer", X_Hasura_Author_Id="3"))[1] == {"data": {"author": [{"id": 3}]}}
    assert "errors" in (await _post(service, query, x_hasura_role="nobody"))[1]


async def test_a_batch_answers_each_on_its_own(service):
    """A list of requests gives a list of the same length; one failure does not fail the others."""
    batch = [
        {"query": "{ author_by_pk(id: 1) { id } }"},
        {"query": "{ nothing }"},
        {"query": 5},
        7,
        {"query": "{ labels(limit: 1) { id } }"},
    ]
    status, answers = await _post(service, batch)
    assert status == 200
    assert [sorted(answer) for answer in answers] == [["data"], ["errors"], ["errors"], ["errors"], ["data"]]
    assert (await _post(service, []))[1]["errors"][0]["extensions"]["code"] == "validation-failed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid-json"),
        (b"[" * 100_000, "invalid-json"),
        (b'{"query": NaN}', "invalid-json"),
        (b'{"query": 1e99999999999999999999}', "invalid-json"),
        (b"{}", "parse-failed"),
        (b'{"query": "{ a }", "variables": [1]}', "parse-failed"),
        (b'{"query": "{ a }", "extensions": [1]}', "parse-failed"),
        (b'{"query": "{ a }", "extensions": {"live": "yes"}}', "parse-failed"),
        (b'{"query": "{ a }", "extensions": {"stream": {"rows": true}}}', "parse-failed"),
        (b'{"query": "' + b"x" * 5_000_000 + b'"}', "validation-failed"),
        (b"\xff", "invalid-json"),
    ],
)
async def test_malformed_requests_have_codes(service, body, code):
    """Nothing a caller sends is an internal error."""
    status, answer = await _post(service, body)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (200, code)


async def test_a_live_query_may_use_what_its_role_may_subscribe_to(service):
    """Whoever keeps live queries says of a query that it is one; other extensions are no concern of this engine."""
    query = '{ article_by_pk(id: "00000000-0000-4000-8000-000000000001") { title } }'
    gated = {"x_hasura_role": "gated", "x_hasura_gate": "science"}
    for extensions, root in (({"live": True}, None), ({"live": False}, "query_root"), ({"tracing": 1}, "query_root"), (None, "query_root")):
        _, answer = await _post(service, {"query": query.replace("title", "id"), "extensions": extensions}, **gated)
        if root is None:
            assert answer == {"data": {"article_by_pk": {"id": "00000000-0000-4000-8000-000000000001"}}}
        else:
            assert answer["errors"][0]["message"] == f"field 'article_by_pk' not found in type: '{root}'"
    _, answer = await _post(service, {"query": "{ article { id } }", "extensions": {"live": True}}, **gated)
    assert answer["errors"][0]["message"] == "field 'article' not found in type: 'subscription_root'"


async def test_deep_requests_are_refused(service):
    """Depth in the document, in fragments and in variables ends in a refusal, not in a crash."""
    where: dict = {}
    for _ in range(900):
        where = {"_not": where}
    fragments = " ".join(f"fragment f{n} on author {{ ...f{n + 1} }}" for n in range(2000))
    for payload in (
        {"query": "query ($w: author_bool_exp) { author(where: $w) { id } }", "variables": where},
        {"query": "query ($w: author_bool_exp) { author(where: $w) { id } }", "variables": {"w": where}},
        {"query": "{ author { " + "mentor { " * 30 + "id" + " }" * 30 + " } }"},
        {"query": f"{{ author {{ ...f0 }} }} {fragments}"},
        {"query": "{ author { " + " ".join(f"a{n}: id" for n in range(3000)) + " } }"},
    ):
        _, answer = await _post(service, payload)
        assert answer["errors"][0]["extensions"]["code"] == "validation-failed"


async def test_slow_statements_are_stopped(library_url):
    """A statement that takes longer than allowed is a timeout, and the connection goes on serving."""
    database = Database(library_url, statement_timeout=0.05)
    await database.open()
    try:
        with pytest.raises(Exception, match="took too long") as caught:
            await database.fetch("select pg_sleep(5)")
        assert caught.value.code == "timeout"
        assert await database.fetch("select 1") == b"1"
    finally:
        await database.close()


async def test_killed_connections_are_replaced(service, library_url):
    """When the database drops every connection, the next request does not notice."""
    query = {"query": "{ author_by_pk(id: 1) { id } }"}
    await asyncio.gather(*(_post(service, query) for _ in range(5)))
    with psycopg.connect(library_url, autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'towpath-read-engine' and datname = current_database()"
        )
    assert await _post(service, query) == (200, {"data": {"author_by_pk": {"id": 1}}})


async def test_tables_that_change_are_read_again(new_database, tmp_path):
    """Tables may come after the engine, and columns may go: the engine says so, heals by itself, and can be told to reload."""
    url = new_database()
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps({"version": 3, "sources": [{"kind": "postgres", "tables": [{"table": "boat"}]}]}))
    service = ReadEngineService(Database(url), ServiceSettings(metadata=metadata, retry_interval=0.01))
    await service.start()
    try:
        await service.loaded()
        assert "public.boat" in (await service.ready())["schema"]
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
            await admin.execute("create table boat (id int primary key, old text); insert into boat values (1, 'x')")
            async with asyncio.timeout(10):
                again = service.next_read()
                while await service.ready():
                    await again.wait()
                    again = service.next_read()
            query = {"query": "{ boat { id old } }"}
            assert (await _post(service, query))[1] == {"data": {"boat": [{"id": 1, "old": "x"}]}}
            await admin.execute("alter table boat drop column old")
            again = service.next_read()
            assert (await _post(service, query))[1]["errors"][0]["extensions"]["code"] == "unexpected"
            async with asyncio.timeout(10):
                await again.wait()
            assert (await _post(service, query))[1]["errors"][0]["extensions"]["code"] == "validation-failed"
            await admin.execute("alter table boat add column new text")
            assert "errors" in (await _post(service, {"query": "{ boat { new } }"}))[1]
            assert await _post(service, {"type": "reload_metadata", "args": {}}, "/v1/metadata", host="127.0.0.1") == (
                200,
                {"message": "success", "is_consistent": True},
            )
            assert (await _post(service, {"query": "{ boat { new } }"}))[1] == {"data": {"boat": [{"new": None}]}}
        assert (await _post(service, {"type": "drop"}, "/v1/metadata", host="127.0.0.1"))[0] == 400
    finally:
        await service.stop()


async def test_a_database_that_is_away_is_a_reason_and_not_a_crash(library_metadata):
    """Start returns, readiness names the database, requests are refused with a code, stop ends it all."""
    database = Database("postgresql://nobody@127.0.0.1:1/none", wait=0.1)
    service = ReadEngineService(database, ServiceSettings(metadata=library_metadata, first_wait=0.1))
    await service.start()
    try:
        assert set(await service.ready()) == {"schema", "database"}
        assert (await _post(service, {"query": "{ author { id } }"}))[1]["errors"][0]["extensions"]["code"] == "postgres-error"
    finally:
        await service.stop()


async def test_starting_and_stopping_in_any_order(service):
    """A service may be started twice, stopped twice, both at once, and started again."""
    await asyncio.gather(service.start(), service.start(), service.stop(), service.start(), service.stop())
    await service.stop()
    assert "database" in await service.ready()
    await service.start()
    assert (await _post(service, {"query": "{ author_by_pk(id: 1) { id } }"}))[1] == {"data": {"author_by_pk": {"id": 1}}}


async def test_stopping_at_any_moment_of_the_start(service):
    """However far the start has come, stopping ends it; a library that swallows a cancellation cannot keep it alive."""
    for steps in range(40):
        await service.stop()
        await service.start()
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await service.stop()


async def test_health_and_metrics(service):
    """The three routes of every service are there, and requests are counted by outcome."""
    await _post(service, {"query": "{ author_by_pk(id: 1) { id } }"})
    await _post(service, {"query": "{ nothing }"})
    upstream = AsgiUpstream(service.app)
    assert (await upstream.get("/health/live")).status == 200
    assert json.loads((await upstream.get("/health/ready")).body) == {"status": "ready", "checks": {}}
    metrics = (await upstream.get("/metrics")).body.decode()
    assert 'towpath_read_requests_total{code="ok"} 1.0' in metrics
    assert 'towpath_read_requests_total{code="validation-failed"} 1.0' in metrics


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({}, "TOWPATH_READ_DATABASE_URL"),
        ({"TOWPATH_READ_DATABASE_URL": "nonsense with spaces", "TOWPATH_READ_METADATA": "x"}, "no PostgreSQL address"),
        (
            {"TOWPATH_READ_DATABASE_URL": "postgresql:///x", "TOWPATH_READ_METADATA": "x", "TOWPATH_READ_HOST": "0.0.0.0"},
            "TOWPATH_READ_ADMIN_SECRET",
        ),
        (
            {"TOWPATH_READ_DATABASE_URL": "postgresql:///x", "TOWPATH_READ_HOST": "::", "TOWPATH_READ_ADMIN_SECRET": "short"},
            "too short",
        ),
        ({"TOWPATH_READ_DATABASE_URL": "postgresql:///x", "TOWPATH_READ_UNAUTHORIZED_ROLE": "admin"}, "cannot be admin"),
    ],
)
def test_bad_settings_say_what_to_set(env, word):
    """A wrong or missing setting is BAD_SETTING with the variable's name."""
    with pytest.raises(TowpathError, match=word) as caught:
        build(Config.from_env(env))
    assert caught.value.code is Code.BAD_SETTING


async def test_wrong_metadata_stops_the_start(library_url, tmp_path):
    """What no waiting heals is an error at start."""
    service = build(Config.from_env({"TOWPATH_READ_DATABASE_URL": library_url, "TOWPATH_READ_METADATA": str(tmp_path / "none")}))
    with pytest.raises(TowpathError, match="cannot be read") as caught:
        await service.start()
    assert caught.value.code is Code.BAD_SETTING


def test_the_image_s_names_count_where_ours_are_not_set():
    """A deployment of the image runs as it is; our own names win, and both switches are off by default, as in the image."""
    image = {
        "HASURA_GRAPHQL_DATABASE_URL": "postgresql:///image",
        "HASURA_GRAPHQL_ADMIN_SECRET": "image-secret",
        "HASURA_GRAPHQL_UNAUTHORIZED_ROLE": "anonymous",
        "HASURA_GRAPHQL_SERVER_PORT": "8080",
        "HASURA_GRAPHQL_SERVER_HOST": "*",
        "HASURA_GRAPHQL_V1_BOOLEAN_NULL_COLLAPSE": "true",
        "HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES": "true",
        "HASURA_GRAPHQL_INFER_FUNCTION_PERMISSIONS": "false",
        "HASURA_GRAPHQL_PG_CONNECTIONS": "50",
        "HASURA_GRAPHQL_METADATA_DIR": "/hasura-metadata",
        "HASURA_GRAPHQL_ENABLED_APIS": "graphql,metadata",
    }
    config = Config.from_env(image)
    assert (config.database_url.value, config.admin_secret.value) == ("postgresql:///image", "image-secret")
    assert (config.host, config.port, config.pool_size, str(config.metadata)) == ("0.0.0.0", 8080, 50, "/hasura-metadata")
    assert (config.unauthorized_role, config.metadata_api) == ("anonymous", True)
    assert (config.null_collapse, config.stringify_numeric, config.infer_function_permissions) == (True, True, False)
    ours = {
        "TOWPATH_READ_PORT": "1",
        "TOWPATH_DATABASE_URL": "postgresql:///ours",
        "TOWPATH_READ_NULL_COLLAPSE": "off",
        "TOWPATH_READ_HOST": "::1",
    }
    config = Config.from_env(image | ours)
    assert (config.port, config.database_url.value, config.null_collapse, config.host) == (1, "postgresql:///ours", False, "::1")
    plain = Config.from_env({"HASURA_GRAPHQL_DATABASE_URL": "postgresql:///image"})
    assert (plain.null_collapse, plain.stringify_numeric, plain.metadata_api, plain.metadata) == (False, False, False, None)


def test_options_win_over_the_environment():
    """The command line lies over the environment."""
    env = environment(["--port", "5000", "--metadata", "m"], {"TOWPATH_READ_PORT": "1", "TOWPATH_READ_DATABASE_URL": "postgresql:///x"})
    config = Config.from_env(env)
    assert (config.port, str(config.metadata)) == (5000, "m")
    assert "postgresql" not in repr(config)
