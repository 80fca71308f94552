"""Requests find their side, answers come back whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

FLOW = {"id": "f1", "name": "tow"}


async def test_a_read_goes_to_the_read_back_end_as_it_is(harness: Any) -> None:
    """A query of tables only is forwarded word for word, and its answer comes back byte for byte."""
    harness.read.tables["flow"] = [FLOW]
    query = "# mine\nquery   Q { flow(limit: 3) { id\tname } }"
    answer = await harness.post(query)
    assert answer.status_code == 200
    assert answer.content == b'{"data":{"flow":[{"id":"f1","name":"tow"}]}}'
    assert [s.query for s in harness.read.seen] == [query]
    assert not [s for s in harness.business.seen if "flow" in s.query]


async def test_a_mutation_goes_to_the_business_service(harness: Any) -> None:
    """Every mutation is the graphql service's, known or not."""
    harness.business.data["create_project"] = lambda _, **given: {"id": given["input"]["name"]}
    data = await harness.data("mutation($i: create_project_input!) { create_project(input: $i) { id } }", {"i": {"name": "p"}})
    assert data == {"create_project": {"id": "p"}}
    assert await harness.error("mutation { insert_flow(objects: []) { affected_rows } }") == (400, "VALIDATION_FAILED")
    assert not harness.read.seen


async def test_both_sides_answer_one_document(harness: Any) -> None:
    """A mixed query is divided; keys come in the document's order; each side gets its own variables only."""
    harness.read.tables["flow"] = [FLOW]
    query = """query($id: uuid!, $deep: Boolean = true, $run: UUID!) {
      now: hello ...Flows f: flow_by_pk(id: $id) { name } __typename
      get_task_run_info(task_run_id: $run) { id }
    } fragment Flows on query_root { flow @include(if: $deep) { ...Both } } fragment Both on flow { id name }"""
    harness.business.data["get_task_run_info"] = lambda _, task_run_id: {"id": task_run_id}
    answer = await harness.post(query, {"id": "f1", "run": "r1", "unused": 5})
    assert answer.json() == {
        "data": {"now": "ahoy", "flow": [FLOW], "f": {"name": "tow"}, "__typename": "Query", "get_task_run_info": {"id": "r1"}}
    }
    assert list(answer.json()["data"]) == ["now", "flow", "f", "__typename", "get_task_run_info"]
    assert harness.read.seen[-1].variables == {"id": "f1"}
    assert harness.business.seen[-1].variables == {"run": "r1"}
    assert "$run" not in harness.read.seen[-1].query


async def test_only_declared_variables_are_sent(harness: Any) -> None:
    """Variables that the document does not declare are left out: Hasura refuses them, Prefect's Apollo did not."""
    await harness.data("query($n: Int) { flow(limit: $n) { id } }", {"n": 1, "stray": 2})
    assert harness.read.seen[-1].variables == {"n": 1}


async def test_of_several_operations_the_named_one_is_sent(harness: Any) -> None:
    """Only the operation that operationName means reaches a service, with the fragments that it uses."""
    body = {"query": "query A { flow { ...F } } query B { hello } fragment F on flow { id }", "operationName": "A"}
    answer = await harness.client.post("/", json=body)
    assert answer.json() == {"data": {"flow": []}}
    assert "hello" not in harness.read.seen[-1].query
    body["operationName"] = "B"
    assert (await harness.client.post("/", json=body)).json() == {"data": {"hello": "ahoy"}}
    assert "flow" not in harness.business.seen[-1].query
    del body["operationName"]
    assert (await harness.client.post("/", json=body)).json()["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"


@pytest.mark.parametrize("variables", ['{"n": 7}', {"n": 7}])
async def test_variables_may_be_json_text(harness: Any, variables: Any) -> None:
    """Prefect 1's client sends variables as JSON text, and `"null"` for none."""
    await harness.data("query($n: Int) { flow(limit: $n) { id } }", variables)
    assert harness.read.seen[-1].variables == {"n": 7}
    await harness.data("{ flow { id } }", "null")
    await harness.data("{ flow { id } }", "")


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphql/"])
async def test_three_paths_serve_graphql(harness: Any, path: str) -> None:
    """Clients are configured with any of the three."""
    assert (await harness.post("{ hello }", path=path)).json() == {"data": {"hello": "ahoy"}}


async def test_typename_alone_needs_nobody(make: Any) -> None:
    """`{ __typename }` is answered even when everything behind is down."""
    harness = await make()
    harness.read.status = 503
    seen = len(harness.business.seen)
    assert (await harness.post("{ __typename }", x_towpath_tenant=str(harness.business.data["auth_info"]["tenant_id"]))).json() == {
        "data": {"__typename": "Query"}
    }
    assert len(harness.business.seen) == seen


async def test_introspection_goes_to_the_business_service(harness: Any) -> None:
    """`__schema` tells of the service that has it."""
    data = await harness.data("{ __schema { queryType { name } } }")
    assert data == {"__schema": {"queryType": {"name": "Query"}}}


async def test_mutations_go_on_while_reads_are_down(harness: Any) -> None:
    """Without the read back end reads say UNAVAILABLE, and mutations are answered."""
    harness.read.status = 503
    harness.business.data["archive_flow"] = {"success": True}
    assert await harness.error("{ flow { id } }") == (503, "UNAVAILABLE")
    assert await harness.data('mutation { archive_flow(input: {flow_id: "x"}) { success } }') == {"archive_flow": {"success": True}}
    mixed = await harness.post("{ hello flow { id } }")
    assert mixed.status_code == 503
    assert [e["extensions"]["code"] for e in mixed.json()["errors"]] == ["UNAVAILABLE"]
    assert "data" not in mixed.json()


async def test_the_read_back_ends_errors_get_our_codes(harness: Any) -> None:
    """A field that does not exist is VALIDATION_FAILED with HTTP 400; the dialect's own code stays beside it."""
    answer = await harness.post("{ nonsense { id } }")
    assert answer.status_code == 400
    extensions = answer.json()["errors"][0]["extensions"]
    assert (extensions["code"], extensions["read_code"], extensions["path"]) == ("VALIDATION_FAILED", "validation-failed", "$")
    harness.read.refusal = {"errors": [{"message": "boom", "extensions": {"code": "unexpected", "path": "$"}}]}
    assert await harness.error("{ flow { id } }") == (200, "INTERNAL")


async def test_a_wrong_secret_is_no_fault_of_the_client(make: Any) -> None:
    """When the services do not accept the gateway, the client hears UNAVAILABLE and which setting to mend."""
    from towpath_service_kit.settings import Secret

    harness = await make(identity_secret=Secret("another one entirely"), read_secret=Secret("yet another secret"))
    answer = await harness.post("{ flow { id } }", x_towpath_tenant=str(harness.business.data["auth_info"]["tenant_id"]))
    assert answer.status_code == 503
    assert "TOWPATH_READ_SECRET" in answer.json()["errors"][0]["message"]
    answer = await harness.post("{ hello }", x_towpath_tenant=str(harness.business.data["auth_info"]["tenant_id"]))
    assert answer.status_code == 503
    assert "TOWPATH_IDENTITY_SECRET" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "BAD_REQUEST"),
        (b'"text"', "BAD_REQUEST"),
        (b"{}", "BAD_REQUEST"),
        (b'{"query": 5}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "variables": 5}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "variables": "{"}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "variables": {"x": NaN}}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "operationName": 1}', "BAD_REQUEST"),
        (b"[" * 100_000, "BAD_REQUEST"),
        (b"[]", "BAD_REQUEST"),
        (b"\xff\xfe", "BAD_REQUEST"),
        (b'{"query": "{ hello"}', "PARSE_FAILED"),
        (b'{"query": "{ hello \\"unfinished }"}', "PARSE_FAILED"),
        (b'{"query": "{ hello(x: \\"\\ud800\\") }"}', "PARSE_FAILED"),
        (b'{"query": "type X { y: Int }"}', "VALIDATION_FAILED"),
        (b'{"query": "fragment F on flow { id }"}', "VALIDATION_FAILED"),
        (b'{"query": "{ flow { ...F } }"}', "VALIDATION_FAILED"),
        (b'{"query": "{ flow { ...F } } fragment F on flow { ...G } fragment G on flow { ...F }"}', "VALIDATION_FAILED"),
        (b'{"query": "{ a: hello a: flow { id } }"}', "VALIDATION_FAILED"),
        (b'{"query": "query($x: Int) { hello flow { id } }"}', "VALIDATION_FAILED"),
        (b'{"query": "{ hello flow { id } } fragment F on flow { id }"}', "VALIDATION_FAILED"),
        (b'{"query": "{ hello ... on flow { id } }"}', "VALIDATION_FAILED"),
        (b'{"query": "subscription { live(query: \\"{ hello }\\") { data } }"}', "BAD_REQUEST"),
    ],
)
async def test_bad_requests_get_400_and_a_code(harness: Any, body: bytes, code: str) -> None:
    """Whatever is wrong with a request, the answer is HTTP 400 and one error with a stable code."""
    answer = await harness.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == code
    assert error["message"]


async def test_a_batch_is_answered_in_order(harness: Any) -> None:
    """A list of requests gets a list of answers; one that fails does not fail the others; eleven are too many."""
    asks = [{"query": "{ hello }"}, {"query": "{ nonsense"}, 5, {"query": "{ flow { id } }"}]
    answer = await harness.client.post("/graphql", json=asks)
    assert answer.status_code == 200
    first, second, third, fourth = answer.json()
    assert (first, fourth) == ({"data": {"hello": "ahoy"}}, {"data": {"flow": []}})
    assert second["errors"][0]["extensions"]["code"] == "PARSE_FAILED"
    assert third["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    answer = await harness.client.post("/graphql", json=[{"query": "{ hello }"}] * 11)
    assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_a_body_that_is_too_long_is_not_read(make: Any) -> None:
    """A declared length is refused at once; an undeclared one is read up to the limit and no further."""
    harness = await make(max_body_bytes=1_000)
    answer = await harness.post("{ hello }", {"x": "y" * 2_000})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        while True:
            taken += 400
            yield b"x" * 400

    answer = await harness.client.post("/graphql", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert taken <= 1_600


async def test_only_plain_json_is_taken(harness: Any) -> None:
    """Forms and text, which any web page can post, are refused; so is a body compressed in a way that we do not read."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await harness.client.post("/graphql", content=b'{"query":"{hello}"}', headers={"content-type": kind})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "BAD_REQUEST")
    for encoding in ("br", "gzip, gzip", "deflate"):
        headers = {"content-type": "application/json; charset=utf-8", "content-encoding": encoding}
        answer = await harness.client.post("/graphql", content=b'{"query":"{hello}"}', headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "BAD_REQUEST")


async def test_headers_of_agents_and_traces_go_on(harness: Any) -> None:
    """The headers that services use are forwarded, a request id is made and returned, and claims of identity are dropped."""
    given = {
        "x-prefect-core-version": "1.4.1",
        "x-prefect-agent-id": "a",
        "x-prefect-heartbeat-id": "h",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "x-request-id": "mine-1",
        "x-hasura-role": "admin",
        "x-hasura-tenant-id": "someone else's",
        "x-hasura-admin-secret": "guess",
        "x-towpath-identity": "forged",
        "cookie": "c=1",
    }
    for query, service in (("{ hello }", harness.business), ("{ flow { id } }", harness.read)):
        answer = await harness.client.post("/graphql", json={"query": query}, headers=given)
        assert answer.headers["x-request-id"] == "mine-1"
        seen = service.seen[-1].headers
        assert {n: seen[n] for n in list(given)[:5]} == {n: given[n] for n in list(given)[:5]}
        assert "cookie" not in seen
    assert harness.read.seen[-1].headers["x-hasura-role"] == "operator"
    answer = await harness.post("{ hello }", x_request_id="bad id\twith space")
    assert len(answer.headers["x-request-id"]) == 32
    assert harness.business.seen[-1].headers["x-request-id"] == answer.headers["x-request-id"]


async def test_what_made_a_loop_act_is_the_id_of_its_request(harness: Any) -> None:
    """The loops name their stimulus; it goes on to the services and into the answer, so that one search finds all that it caused."""
    for given, named in (({"x-towpath-stimulus": "sweep-7"}, "sweep-7"), ({"x-towpath-stimulus": "s", "x-request-id": "r"}, "r")):
        answer = await harness.client.post("/graphql", json={"query": "{ hello }"}, headers=given)
        assert answer.headers["x-request-id"] == named
        assert harness.business.seen[-1].headers["x-towpath-stimulus"] == named
    answer = await harness.client.post("/graphql", json={"query": "{ hello }"}, headers={"x-towpath-stimulus": "not { plain"})
    assert harness.business.seen[-1].headers["x-towpath-stimulus"] == answer.headers["x-request-id"] != "not { plain"


async def test_big_answers_are_compressed_for_those_who_can_read_it(make: Any) -> None:
    """An answer over the limit is sent as gzip when the client accepts that, and only then."""
    harness = await make(compress_bytes=500)
    harness.read.tables["flow"] = [{"id": str(i), "name": "tow"} for i in range(5_000)]
    plain = await harness.post("{ flow { id name } }", accept_encoding="identity")
    packed = await harness.post("{ flow { id name } }", accept_encoding="deflate, gzip")
    refused = await harness.post("{ flow { id name } }", accept_encoding="gzip;q=0")
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in (await harness.post("{ hello }", accept_encoding="gzip")).headers


async def test_the_two_sides_are_asked_at_the_same_time(harness: Any) -> None:
    """A mixed query takes as long as its slower side, not as long as both."""
    both = asyncio.Barrier(2)
    for service in (harness.business, harness.read):
        route = service.app.routes[0]
        inner = route.app

        async def waiting(scope: Any, receive: Any, send: Any, inner: Any = inner) -> None:
            async with asyncio.timeout(60):
                await both.wait()
            await inner(scope, receive, send)

        route.app = waiting
    tenant = harness.business.data["auth_info"]["tenant_id"]
    answer = await harness.post("{ hello flow { id } }", x_prefect_tenant_id=tenant)
    assert answer.json() == {"data": {"hello": "ahoy", "flow": []}}


async def test_errors_of_one_side_keep_the_others_out(harness: Any) -> None:
    """When one side gives no data, the answer has no data: half of it would look whole."""

    def fail(*_: Any) -> Any:
        raise ValueError("broken")

    harness.business.data["hello"] = fail
    answer = (await harness.post("{ hello flow { id } }")).json()
    assert answer["data"] == {"hello": None, "flow": []}
    assert answer["errors"][0]["path"] == ["hello"]
    harness.business.data["api_keys"] = fail
    answer = (await harness.post("{ api_keys { id } flow { id } }")).json()
    assert answer["data"] is None
    assert [e["path"] for e in answer["errors"]] == [["api_keys"]]


async def test_numbers_pass_unchanged(harness: Any) -> None:
    """Large integers in variables reach a service as they were."""
    body = '{"query": "query($w: jsonb) { flow(where: $w) { id } }", "variables": {"w": {"id": {"_eq": 123456789012345678901234567890}}}}'
    await harness.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert json.loads(harness.read.seen[-1].body)["variables"]["w"]["id"]["_eq"] == 123456789012345678901234567890


async def test_an_upstream_that_is_away_is_unavailable(make: Any) -> None:
    """A service at whose address nothing answers is UNAVAILABLE with HTTP 503, which clients try again."""
    from towpath_gateway.config import Config
    from towpath_gateway.main import build
    from towpath_service_kit.settings import Secret

    secret = Secret("identity secret of the tests")
    config = Config(identity_secret=secret, read_secret=secret, graphql_url="http://127.0.0.1:9", read_url="http://127.0.0.1:9")
    gateway = build(config)
    transport = httpx.ASGITransport(gateway.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4200") as client:
        headers = {"x-prefect-tenant-id": "01930000-0000-7000-8000-000000000001"}
        for query in ("{ hello }", "{ flow { id } }"):
            answer = await client.post("/", json={"query": query}, headers=headers)
            assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
    await gateway.stop()
