"""What no client would send: each is answered with a code of the dialect, leaks nothing, and leaves the engine as it was.

An "unexpected" code would mean that the engine failed, or made a statement that PostgreSQL does not take; none may come.
"""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_read_engine.main import Config, build
from towpath_read_engine.service import ReadEngineService
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "the-secret-of-the-fuzzed-engine"
CASES = sorted((Path(__file__).parents[2] / "conformance" / "read_engine" / "cases").glob("*/*.graphql"))
DOCUMENTS = [
    (
        path.read_text(encoding="utf-8"),
        json.loads(found[1]) if (found := re.search(r"^# variables: (.*)$", path.read_text("utf-8"), re.M)) else {},
    )
    for path in CASES
]
CODES = {
    "validation-failed",
    "parse-failed",
    "not-supported",
    "not-found",
    "data-exception",
    "bad-request",
    "invalid-json",
    "access-denied",
    "unexpected-payload",
}
LEAKS = re.compile(r"the-secret-of|postgres(ql)?://|pg_catalog|Traceback|\.py\b|select row_to_json|\bselect .* from \"", re.I)
INJECTIONS = [
    "' or 1=1 --",
    '"; drop table author; --',
    "$1",
    "$$",
    "\\",
    "\\'",
    "{{x}}",
    "%(a)s",
    "*/ select 1 /*",
    "a\tb",
    "\u202e",
    "x-hasura-admin-secret",
    "admin",
    "\u0000",
    "__proto__",
    "é" * 100,
]
_settings = settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


@pytest.fixture
async def fuzzed(library_url, library_metadata) -> AsyncIterator[ReadEngineService]:
    """The service, with a secret and the metadata API on."""
    service = build(
        Config.from_env(
            {
                "TOWPATH_READ_DATABASE_URL": library_url,
                "TOWPATH_READ_METADATA": str(library_metadata),
                "TOWPATH_READ_ADMIN_SECRET": SECRET,
                "TOWPATH_READ_METADATA_API": "true",
            }
        )
    )
    await service.start()
    await service.loaded()
    yield service
    await service.stop()


async def _post(service: ReadEngineService, body: bytes, path: str = "/v1/graphql", **headers: str) -> tuple[int, Any]:
    sent = {"x-hasura-admin-secret": SECRET} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await AsgiUpstream(service.app).post(path, body, sent)
    text = answer.body.decode()
    if "errors" in text or "error" in text:
        assert not LEAKS.search(text), text
    return answer.status, json.loads(text)


def _check(answer: Any) -> None:
    """Data, or one error of the dialect's shape with a known code; for a batch each on its own."""
    if isinstance(answer, list):
        for item in answer:
            _check(item)
    elif "data" in answer:
        assert set(answer) == {"data"}
    else:
        (error,) = answer["errors"]
        assert set(error) == {"message", "extensions"}
        assert set(error["extensions"]) == {"path", "code"}
        assert error["extensions"]["code"] in CODES, answer
        assert error["extensions"]["path"].startswith("$")
        assert error["message"]


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(INJECTIONS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["query", "variables", "operationName", "type", "args", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@_settings
@given(body=st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()))
async def test_any_body(fuzzed, body):
    """Bytes that are no JSON, and JSON that is no request, at both endpoints."""
    status, answer = await _post(fuzzed, body)
    assert status == 200
    _check(answer)
    status, answer = await _post(fuzzed, body, "/v1/metadata")
    assert status in (200, 400) if isinstance(answer, list) or "error" not in answer else status == 400
    if isinstance(answer, dict) and "error" in answer:
        assert set(answer) - {"internal"} == {"error", "path", "code"}
        assert answer["code"] in CODES


_TOKENS = re.compile(r'"""(?:[^"]|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|\w+|\.\.\.|\S')
_PIECES = st.sampled_from(
    ["{", "}", "(", ")", "[", "]", ":", "$", "@", "!", "...", "on", "null", "true", "-1", "1e400", "0x1", '"a"', '"""b"""']
)
_WORDS = st.sampled_from(
    ["author", "article", "id", "where", "_eq", "_in", "_and", "order_by", "asc", "limit", "__typename", "__schema", "fragment"]
)


@st.composite
def _mutated(draw: st.DrawFn) -> tuple[str, Any]:
    """A document of the conformance suite with tokens lost, doubled, swapped or put in."""
    text, variables = draw(st.sampled_from(DOCUMENTS))
    tokens = [token for token in _TOKENS.findall(re.sub(r"^#.*$", "", text, flags=re.M)) if token != ","]
    for _ in range(draw(st.integers(1, 3))):
        if not tokens:
            break
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, tokens[at])
            case 2:
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at] = draw(_PIECES | _WORDS | st.sampled_from(INJECTIONS).map(json.dumps))
            case _:
                tokens.insert(at, draw(_PIECES | _WORDS))
    if draw(st.booleans()) and isinstance(variables, dict):
        variables = {name: draw(_json) if draw(st.booleans()) else value for name, value in variables.items()}
    return " ".join(tokens), variables


@settings(_settings, max_examples=300)
@given(mutated=_mutated(), role=st.sampled_from(["admin", "reader", "tenant", "nobody"]))
async def test_documents_gone_wrong(fuzzed, mutated, role):
    """Almost right is answered or refused; it never becomes a statement that PostgreSQL refuses for its form."""
    query, variables = mutated
    status, answer = await _post(
        fuzzed, json.dumps({"query": query, "variables": variables}).encode(), x_hasura_role=role, x_hasura_tenant_id="red"
    )
    assert status == 200
    _check(answer)


@pytest.mark.parametrize("text", INJECTIONS)
async def test_injections_in_every_place(fuzzed, text):
    """As value, key, name, path, operation, role and session variable: a word of the caller is data, or no name at all."""
    literal = json.dumps(text)
    before = await _post(fuzzed, b'{"query": "{ author_aggregate { aggregate { count } } tag: label { id } }"}')
    for query, variables in [
        (f"{{ author(where: {{name: {{_eq: {literal}}}}}) {{ id }} }}", {}),
        (f"{{ author(where: {{settings: {{_contains: {{a: {literal}}}}}}}) {{ id }} }}", {}),
        (f"{{ author(where: {{settings: {{_has_keys_any: [{literal}]}}}}) {{ settings(path: {literal}) }} }}", {}),
        (f"{{ author(where: {{born: {{_gt: {literal}}}}}, limit: {literal}) {{ id }} }}", {}),
        (f"{{ article(where: {{id: {{_eq: {literal}}}, labels: {{_contains: [{literal}]}}}}) {{ id }} }}", {}),
        (f"{{ author(order_by: {{name: {literal}}}) {{ id }} }}", {}),
        (f"{{ author(distinct_on: {literal}) {{ id }} }}", {}),
        (f"{{ {text}: author {{ id }} }}", {}),
        (f"{{ author {{ {text} }} }}", {}),
        (f"{{ author {{ ...{text} }} }}", {}),
        (f"query ${text} {{ author {{ id }} }}", {}),
        ("query ($w: author_bool_exp) { author(where: $w) { id } }", {"w": {text: {"_eq": 1}}}),
        ("query ($w: author_bool_exp) { author(where: $w) { id } }", {"w": {"name": {text: 1}}}),
        ("query ($w: author_bool_exp) { author(where: $w) { id } }", {"w": {"settings": {"_contains": {text: [text]}}}}),
        ("query ($o: [author_order_by!]) { author(order_by: $o) { id } }", {"o": [{text: "asc"}, {"name": text}]}),
        ("{ author { id } }", {text: text}),
        ('{ __type(name: "author") { name } }', {text: 1}),
    ]:
        _check((await _post(fuzzed, json.dumps({"query": query, "variables": variables}).encode()))[1])
    named = json.dumps({"query": "query a { author { id } }", "operationName": text}).encode()
    _check((await _post(fuzzed, named))[1])
    if text.isascii() and text.isprintable():
        for role in (text, "writer", "tenant"):
            body = b'{"query": "{ author { id name } }"}'
            _check((await _post(fuzzed, body, x_hasura_role=role, x_hasura_author_id=text, x_hasura_tenant_id=text))[1])
    assert await _post(fuzzed, b'{"query": "{ author_aggregate { aggregate { count } } tag: label { id } }"}') == before


_DEEP = 10_000
_BOMBS = {
    "json": b"[" * _DEEP,
    "json_object": b'{"variables":' + b'{"a":' * _DEEP,
    "ten_megabytes": b'{"query": "' + b" " * 10_000_000 + b'"}',
    "document": json.dumps({"query": "{ author " * _DEEP}).encode(),
    "closed_document": json.dumps({"query": "{ author " * _DEEP + "{ id }" + "}" * _DEEP}).encode(),
    "list": json.dumps({"query": "{ author(where: {id: {_in: " + "[" * _DEEP + "1" + "]" * _DEEP + "}}) { id } }"}).encode(),
    "where": json.dumps({"query": "{ author(where: " + "{_not: " * _DEEP + "{}" + "}" * _DEEP + ") { id } }"}).encode(),
    "type": json.dumps({"query": "query ($a: " + "[" * _DEEP + "Int" + "]" * _DEEP + ") { author { id } }"}).encode(),
    "aliases": json.dumps({"query": "{ " + " ".join(f"a{n}: author {{ id }}" for n in range(_DEEP)) + " }"}).encode(),
    "fragments": json.dumps(
        {
            "query": "{ author { ...f0 } } "
            + " ".join(f"fragment f{n} on author {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))
            + " fragment f60 on author { id }"
        }
    ).encode(),
    "same_alias": json.dumps(
        {"query": "{ author { " + "mentor { " * 15 + " ".join(f"a{n}: name" for n in range(1900)) + " }" * 15 + " } }"}
    ).encode(),
    "directives": json.dumps({"query": "{ author { id " + "@include(if: true) " * 5000 + "} }"}).encode(),
    "strings": json.dumps({"query": "{ author(where: {name: {_in: [" + '"x", ' * 300_000 + '"y"]}}) { id } }'}).encode(),
    "spaces": json.dumps({"query": "{ author" + "\n " * 900_000 + "{ id } }"}).encode(),
    "comments": json.dumps({"query": "{ author" + "#x\n" * 500_000 + "{ id } }"}).encode(),
    "block_string": json.dumps({"query": '{ author(where: {name: {_eq: """' + 'x"y\\z ' * 300_000 + '"""}}) { id } }'}).encode(),
    "open_string": json.dumps({"query": '{ author(where: {name: {_eq: "' + "x" * 2_000_000}).encode(),
    "batch": json.dumps([{"query": "{ author { id } }"}] * _DEEP).encode(),
    "number": json.dumps({"query": "{ author(limit: " + "9" * 100_000 + ") { id } }"}).encode(),
    "exponent": b'{"query": "query ($l: Int) { author(limit: $l) { id } }", "variables": {"l": 1e999999999}}',
    "long_integer": b'{"query": "query ($l: Int) { author(limit: $l) { id } }", "variables": {"l": ' + b"9" * 100_000 + b"}}",
}


@pytest.mark.parametrize("bomb", sorted(_BOMBS))
async def test_bombs(fuzzed, bomb):
    """A request that would blow up in depth, width or length is refused, or answered, in a bounded amount of memory; the next is served."""
    body = _BOMBS[bomb]
    tracemalloc.start()
    try:
        status, answer = await _post(fuzzed, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 200
    _check(answer)
    assert peak < 2 * len(body) + 64_000_000
    assert (await _post(fuzzed, b'{"query": "{ author_by_pk(id: 1) { id } }"}'))[1] == {"data": {"author_by_pk": {"id": 1}}}


async def test_caches_do_not_grow_with_what_is_sent(fuzzed):
    """Thousands of different documents and roles leave as many entries as there is room for."""
    for number in range(1500):
        await _post(fuzzed, json.dumps({"query": f"{{ a{number}: author {{ id }} }}"}).encode(), x_hasura_role=f"role{number}")
    schema = fuzzed.engine.schema
    assert len(schema._operations) <= 1000
    assert len(schema._texts) <= 1000
    assert len(schema._roles) < 20
