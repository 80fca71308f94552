"""What HTTP adds to a request: compression, request ids, persisted documents, rates."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from towpath_gateway.asking import Ask
from towpath_gateway.backends import Caller
from towpath_gateway.config import Config
from towpath_gateway.persisted import Persisted
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity
from towpath_service_kit.identity import Identity, Role

TENANT = UUID("01930000-0000-7000-8000-000000000001")
ME = Caller(Identity(tenant=TENANT, role=Role.OPERATOR, actor="me"))
QUERY = "{ hello }"
SHA = hashlib.sha256(QUERY.encode()).hexdigest()


def _by_hash(sha: str = SHA, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha}}, **more}


async def _post(harness: Any, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}}
    return await harness.client.post("/graphql", content=content, headers=given)


async def test_compressed_bodies_are_read(harness: Any) -> None:
    """A body in gzip is unpacked; one that is cut short, followed by something or no gzip at all is refused with a code."""
    whole = gzip.compress(json.dumps({"query": QUERY}).encode())
    assert (await _post(harness, whole, content_encoding="gzip")).json() == {"data": {"hello": "ahoy"}}
    for bad in (whole[:-3], whole + b"x", whole + whole, b"{}", b"", whole[:-6] + b"\xff" + whole[-5:]):
        answer = await _post(harness, bad, content_encoding="gzip")
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST"), bad


async def test_a_bomb_is_unpacked_no_further_than_the_limit(make: Any) -> None:
    """Fifty megabytes in fifty kilobytes are refused, and never held."""
    harness = await make(max_body_bytes=1_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    try:
        answer = await _post(harness, bomb, content_encoding="gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert peak < 4_000_000


@pytest.mark.parametrize(
    "query", ["{ nonsense { id } }", "{ hello nonsense2: hello(x: 1) }", "{", "subscription { agent_work { reason } }"]
)
async def test_errors_carry_the_id_of_their_request(harness: Any, query: str) -> None:
    """The id that the client gave, or that it was given in the header, stands in each error, whichever side found it."""
    answer = await _post(harness, {"query": query}, x_request_id="mine-1")
    assert answer.headers["x-request-id"] == "mine-1"
    assert [e["extensions"]["request_id"] for e in answer.json()["errors"]] == ["mine-1"]
    answer = await _post(harness, {"query": query}, x_request_id="not { plain")
    assert answer.json()["errors"][0]["extensions"]["request_id"] == answer.headers["x-request-id"] != "not { plain"


async def test_automatic_persisted_queries(harness: Any) -> None:
    """Apollo's protocol: unknown hash, hash with document, hash alone; in a batch and on a WebSocket, too."""
    unknown = (await _post(harness, _by_hash())).json()["errors"][0]
    assert (unknown["message"], unknown["extensions"]["code"]) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    assert (await _post(harness, _by_hash())).status_code == 200
    assert (await _post(harness, _by_hash(query=QUERY))).json() == {"data": {"hello": "ahoy"}}
    assert (await _post(harness, _by_hash())).json() == {"data": {"hello": "ahoy"}}
    assert (await _post(harness, {"documentId": SHA})).json() == {"data": {"hello": "ahoy"}}
    assert (await _post(harness, [_by_hash(), _by_hash("0" * 64)])).json()[0] == {"data": {"hello": "ahoy"}}
    socket = await harness.socket().begin()
    socket.say({"id": "1", "type": "subscribe", "payload": _by_hash()})
    assert await socket.next("1") == {"hello": "ahoy"}


@pytest.mark.parametrize(
    "body",
    [
        _by_hash("0" * 64, query=QUERY),
        _by_hash("", query=QUERY),
        _by_hash("x" * 300),
        {"query": QUERY, "extensions": []},
        {"query": QUERY, "extensions": {"persistedQuery": {"version": 2, "sha256Hash": SHA}}},
        {"query": QUERY, "extensions": {"persistedQuery": "x"}},
        {"extensions": {}},
        {"query": None, "extensions": None},
        {"documentId": 5},
    ],
)
async def test_wrong_persisted_queries(harness: Any, body: Any) -> None:
    """A hash of another text, another version, other forms: refused, and nothing is remembered."""
    answer = await _post(harness, body)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert (await _post(harness, _by_hash("0" * 64))).json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphql/"])
@pytest.mark.parametrize("asked", ["query=%7B+hello+%7D", 'extensions={"persistedQuery":{}}&variables={}', "documentId=a"])
async def test_a_request_in_an_address_is_no_page(harness: Any, path: str, asked: str) -> None:
    """A client that sends GETs hears how to ask; it does not get a page with 200."""
    answer = await harness.client.get(f"{path}?{asked}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert (await harness.client.get(f"{path}?page=2")).headers["content-type"].startswith("text/html")


async def test_other_extensions_are_left_alone(harness: Any) -> None:
    """Clients put their own things there."""
    assert (await _post(harness, {"query": QUERY, "extensions": {"tracing": True}})).json() == {"data": {"hello": "ahoy"}}


def test_what_clients_teach_is_bounded() -> None:
    """The oldest document is forgotten; one that was used stays; those of the list are never forgotten."""
    persisted = Persisted({"listed": "{ listed }"}, size=1_600)
    texts = [f"{{ a{i} }}" + " " * 90 for i in range(5)]
    ids = [hashlib.sha256(t.encode()).hexdigest() for t in texts]

    def known(i: int) -> bool:
        try:
            return persisted.complete(Ask("", document_id=ids[i]), ME).query == texts[i]
        except TowpathError as e:
            if e.code is not Code.PERSISTED_QUERY_NOT_FOUND:
                raise
            return False

    for i in range(3):
        persisted.complete(Ask(texts[i], document_id=ids[i]), ME)
    assert known(0)
    persisted.complete(Ask(texts[3], document_id=ids[3]), ME)
    assert [known(i) for i in range(4)] == [True, False, True, True]
    persisted.complete(Ask(texts[0], document_id=ids[0]), ME)
    assert persisted._bytes <= 1_600
    wide = "{ hello } # " + "💥" * 250
    persisted.complete(Ask(wide, document_id=hashlib.sha256(wide.encode()).hexdigest()), ME)
    assert list(persisted._taught.values()) == [wide]  # four bytes a character
    assert persisted._bytes > 1_200
    assert persisted.complete(Ask("", document_id="listed"), ME).query == "{ listed }"


@pytest.mark.parametrize(
    "content",
    [
        {"one": QUERY},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "one", "name": "H", "type": "query", "body": QUERY}],
        },
    ],
)
async def test_only_listed_documents(make: Any, tmp_path: Path, content: Any) -> None:
    """With a list and nothing else allowed, people send its documents by id or by text; runs and loops are not held to it."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps(content))
    harness = await make(persisted=str(path), persisted_only=True)
    assert (await _post(harness, {"query": QUERY})).json() == {"data": {"hello": "ahoy"}}
    assert (await _post(harness, {"documentId": "one"})).json() == {"data": {"hello": "ahoy"}}
    other = "{ api { backend } }"
    for body in ({"query": other}, _by_hash(hashlib.sha256(other.encode()).hexdigest(), query=other)):
        answer = await _post(harness, body)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert "errors" not in (await _post(harness, {"query": "{ h: hello }"}, authorization="Bearer service token of the tests")).json()
    socket = await harness.socket().begin()
    socket.subscribe("1", "subscription($q: String!) { live(query: $q) { data } }", {"q": other})
    assert (await socket.hear())["payload"][0]["extensions"]["code"] == "FORBIDDEN"


def test_settings_of_persisted_queries(tmp_path: Path) -> None:
    """A list that cannot be read, and `only` without a list, are refused at the start."""
    env = {"TOWPATH_IDENTITY_SECRET": "a" * 16}
    with pytest.raises(TowpathError, match="TOWPATH_PERSISTED_QUERIES"):
        Config.from_env({**env, "TOWPATH_PERSISTED_ONLY": "on"})
    from towpath_gateway.persisted import read_list

    for content in ("", "[]", '{"operations": [{"id": "1"}]}', '{"a": 1}'):
        (tmp_path / "list.json").write_text(content)
        with pytest.raises(TowpathError, match="cannot be read"):
            read_list(str(tmp_path / "list.json"))
    with pytest.raises(TowpathError, match="cannot be read"):
        read_list(str(tmp_path / "absent.json"))


async def test_a_key_may_ask_so_often(make: Any) -> None:
    """A burst at once, then the rate; headers say what is left; each key has its own bucket; the loops are not counted."""
    harness = await make(auth=True, rate=2.0, burst=3)
    keys = [identity.make_api_key() for _ in "12"]
    for i, key in enumerate(keys):
        harness.business.keys[identity.hash_api_key(key)] = {"tenant_id": str(TENANT), "role": "operator", "actor": f"k{i}"}
    mine, other = ({"authorization": f"Bearer {key}"} for key in keys)
    left = []
    for _ in range(3):
        answer = await _post(harness, {"query": QUERY}, **mine)
        assert (answer.status_code, answer.headers["ratelimit-limit"]) == (200, "3")
        left.append(answer.headers["ratelimit-remaining"])
    assert left == ["2", "1", "0"]
    refused = await _post(harness, {"query": QUERY}, **mine)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert (refused.headers["retry-after"], refused.headers["ratelimit-remaining"]) == ("1", "0")
    assert (await _post(harness, [{"query": QUERY}] * 3, **other)).status_code == 200
    for _ in range(10):
        assert (await _post(harness, {"query": QUERY}, authorization="Bearer service token of the tests")).status_code == 200
    harness.clock.advance(0.5)
    assert (await _post(harness, {"query": QUERY}, **mine)).status_code == 200
    assert (await _post(harness, {"query": QUERY}, **mine)).status_code == 429
    socket = await harness.socket(mine).begin()
    socket.subscribe("1", "{ hello }")
    assert (await socket.hear())["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_prefect_1s_clients_wait_and_never_hear_429(make: Any) -> None:
    """They sleep three minutes after a 429: their requests wait for their token, and beyond ten seconds are 503, which they repeat."""
    harness = await make(rate=1.0, burst=1)
    old = {"x_prefect_core_version": "1.4.1"}
    assert (await _post(harness, {"query": QUERY}, **old)).status_code == 200
    waiting = [asyncio.create_task(_post(harness, {"query": QUERY}, **old)) for _ in range(10)]
    await harness.waits(1)
    await harness.until(lambda: harness.clock.waiters == 10)
    refused = await _post(harness, {"query": QUERY}, **old)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "11")
    harness.clock.advance(10)
    assert [(await task).status_code for task in waiting] == [200] * 10


async def test_without_a_rate_nothing_is_said_of_it(harness: Any) -> None:
    """The default."""
    answer = await _post(harness, {"query": QUERY})
    assert not [name for name in answer.headers if name.startswith("ratelimit")]
