"""Documents that ask for too much are refused cheaply, and ordinary ones are planned once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath_gateway.documents import Documents
from towpath_gateway.limits import Limits
from towpath_gateway.splitting import BusinessFields
from towpath_proto import sdl
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.documents import shape

BUSINESS = BusinessFields.of(sdl.load())


@pytest.fixture
def documents() -> Documents:
    """A planner with the default limits."""
    return Documents(BUSINESS, Limits(), size=3)


def _bomb(levels: int) -> str:
    fragments = " ".join(f"fragment F{i} on flow {{ ...F{i + 1} ...F{i + 1} }}" for i in range(levels))
    return f"{{ flow {{ ...F0 }} }} {fragments} fragment F{levels} on flow {{ id }}"


def _chain(length: int, inner: str, *, end: str = "a", on: str = "T") -> str:
    """Fragments, each within the one before."""
    links = " ".join(f"fragment F{i} on {on} {{ {inner % f'...F{i + 1}'} }}" for i in range(length))
    return f"{{ ...F0 }} {links} fragment F{length} on {on} {{ {end} }}"


TOO_MUCH = {
    "bytes": '{ flow(where: {id: {_eq: "' + "x" * 1_000_000 + '"}}) { id } }',
    "bytes in long letters": '{ flow(where: {id: {_eq: "' + "ä" * 600_000 + '"}}) { id } }',
    "tokens": "{ flow { " + "id " * 21_000 + "} }",
    "brackets": "{ a" * 60 + "}" * 60,
    "lists": "{ flow(where: " + "[" * 100_000 + "]" * 100_000 + ") { id } }",
    "open brackets": "{" * 100_000,
    "depth": "{ a" * 21 + "}" * 21,
    "depth by fragments": _chain(25, "a { %s }"),
    "nesting by fragments": _chain(60, "%s"),
    "many fragments": _chain(101, "%s"),
    "doubling fragments": _bomb(40),
    "aliases": "{ flow { " + " ".join(f"a{i}: id" for i in range(201)) + " } }",
    "aliases by fragments": "{ "
    + " ".join(f"f{i}: flow {{ ...F }}" for i in range(20))
    + " } fragment F on flow { "
    + " ".join(f"a{i}: id" for i in range(10))
    + " }",
    "root fields": "{ " + " ".join(f"f{i}" for i in range(61)) + " }",
    "cost": "{ flow { " + "tasks { id } " * 501 + " } }",
    "cost in a mutation": "mutation { archive_flow(input: {}) { " + "x { y } " * 501 + " } }",
}


@pytest.mark.parametrize("what", list(TOO_MUCH))
def test_each_limit_is_an_error_with_a_sentence(documents: Documents, what: str) -> None:
    """Whatever is too much, the error is LIMIT_EXCEEDED and says the limit, within a fraction of a second."""
    began = time.thread_time()
    with pytest.raises(TowpathError) as caught:
        documents.plan(TOO_MUCH[what], None)
    assert caught.value.code is Code.LIMIT_EXCEEDED
    assert str(caught.value.detail["limit"]) in caught.value.message
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    "text",
    [
        "{ flow(where: " + "{_not: " * 46 + "{}" + "}" * 46 + ") { id } }",
        "{ flow(where: " + "[" * 47 + "]" * 47 + ") { id } }",
        "{ a" * 20 + "}" * 20,
        "{ " + "... { " * 45 + "hello" + " }" * 45 + " }",
        '{ flow(where: {id: {_in: ["' + '", "'.join(["01930000-0000-7000-8000-000000000001"] * 5_000) + '"]}}) { id } }',
        _chain(45, "%s", end="flow { id } hello", on="Query"),
    ],
)
def test_documents_at_the_limits_are_planned(documents: Documents, text: str) -> None:
    """What is allowed does not overflow the parser, the planner or the printer."""
    assert documents.plan(text, None).kind == "query"


@pytest.mark.parametrize(
    "unit", ['"', "\\", '"\\', '\\"', '"a', '"""a ', '"""\\', '"a\n', "1.", "-", "1", "#", "#\n", "...", "a", "\n", "é", "{"]
)
@pytest.mark.parametrize("start", ["", '"', '"""', "{ a(b: ", "#"])
def test_a_hostile_text_is_refused_in_linear_time(documents: Documents, start: str, unit: str) -> None:
    """However a text is built, it is not looked at for long: the time grows with its length, not with the square."""
    text = (start + unit * (900_000 // len(unit.encode())))[:900_000]
    began = time.thread_time()
    with pytest.raises(TowpathError) as caught:
        documents.plan(text, None)
    assert caught.value.code in (Code.PARSE_FAILED, Code.LIMIT_EXCEEDED)
    assert time.thread_time() - began < 5


async def test_limits_hold_over_http(harness: Any) -> None:
    """A refused document reaches no service."""
    await harness.data("{ hello }")
    before = len(harness.business.seen)
    assert await harness.error(TOO_MUCH["depth"]) == (400, "LIMIT_EXCEEDED")
    assert await harness.error(_bomb(60)) == (400, "LIMIT_EXCEEDED")
    assert (len(harness.business.seen), len(harness.read.seen)) == (before, 0)


async def test_hostile_variables_are_an_error(harness: Any) -> None:
    """Variables nested too deeply for JSON are BAD_REQUEST, not a crash."""
    body = b'{"query": "{ hello }", "variables": {"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}"
    answer = await harness.client.post("/", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


def test_documents_that_differ_in_literals_are_planned_once(documents: Documents) -> None:
    """Prefect 1's client writes ids into its documents; they are parsed once all the same."""
    template = '{ flow_run(where: {id: {_eq: "%s"}, version: {_gt: %d}}, limit: %d) { id } } # %s'
    for i in range(5):
        documents.plan(template % (f"id-{i}", -i, i, f"comment {i}"), None)
    assert (documents.hits, documents.misses) == (4, 1)
    documents.plan((template % ("x", 1, 1, "")).replace("{ id }", "{ name }"), None)
    assert documents.misses == 2


def test_a_divided_document_is_remembered_with_its_literals(documents: Documents) -> None:
    """A plan that holds texts of its own is never used for other literals."""
    first = documents.plan('{ hello flow(where: {id: {_eq: "a"}}) { id } }', None)
    second = documents.plan('{ hello flow(where: {id: {_eq: "b"}}) { id } }', None)
    again = documents.plan('{ hello flow(where: {id: {_eq: "a"}}) { id } }', None)
    assert again is first
    assert any('"b"' in (part.text or "") for part in second.parts.values())
    assert documents.hits == 1


def test_conditions_that_are_literals_tell_documents_apart(documents: Documents) -> None:
    """`true` and `false` are words, not literals of a shape."""
    assert shape("{ a @include(if: true) }") != shape("{ a @include(if: false) }")


def test_literals_stand_apart_from_names_in_a_shape() -> None:
    """A name may end in a digit."""
    assert shape('{ a(l: [$v"x"]) }') != shape("{ a(l: [$v0]) }")
    assert shape("{ b#c\n}") != shape("{ b0\n}")


def test_memory_is_bounded(documents: Documents) -> None:
    """The least recently used plan goes; long documents are not kept at all."""
    for name in "abcd":
        documents.plan(f"{{ {name} }}", None)
    documents.plan("{ a }", None)
    assert documents.misses == 5
    long = "{ flow { id } } #" + "x" * 20_000
    documents.plan(long, None)
    documents.plan(long, None)
    assert documents.misses == 7


@given(st.text(alphabet='"\\#\n {}0a-.1é', max_size=40))
def test_shapes_never_hide_an_unfinished_string(text: str) -> None:
    """Two texts of one shape are both parsable or both not, as far as strings go: a text that fails to parse has no plan to share."""
    from graphql import GraphQLSyntaxError, parse

    document = f'{{ a(x: "{text}") }}'
    try:
        parse(document, no_location=True)
    except GraphQLSyntaxError:
        return
    assert '"' not in shape(document)
