"""Dividing a document, asking both sides and merging gives what one server with both schemas would give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLSchema, build_schema, graphql_sync, parse, validate
from hypothesis import event, given, settings
from hypothesis import strategies as st

from towpath_gateway.limits import Limits, check_document
from towpath_gateway.splitting import BusinessFields, Plan, Side, choose_operation, merge, split

_TYPES = "type Obj { a: Int b(n: Int): Int bad: Int inner: Obj }"
_BUSINESS = "b1: Int b2(n: Int): Int bo: Obj bbad: Int bnn: Int!"
_READ = "r1: Int r2(n: Int, flag: Boolean): Int ro: Obj rl: [Obj!]!"
WHOLE = build_schema(f"type Query {{ {_BUSINESS} {_READ} }} {_TYPES}")
BUSINESS = build_schema(f"type Query {{ {_BUSINESS} }} {_TYPES}")
READ = build_schema(f"schema {{ query: query_root }} type query_root {{ {_READ} }} {_TYPES}")
FIELDS = BusinessFields.of(f"type Query {{ {_BUSINESS} }}")

ROOT_LEAVES = ["b1", "b2", "b2(n: 3)", "b2(n: $n)", "bbad", "r1", "r2(n: 4)", "r2(n: $n, flag: $w)", "__typename"]
ROOT_OBJECTS = ["bo", "ro", "rl"]
LEAVES = ["a", "b(n: 1)", "b(n: $n)", "bad", "__typename"]
DECLARATIONS = {"v": "$v: Boolean!", "w": "$w: Boolean = true", "n": "$n: Int = 7"}


def _fail(*_: Any) -> Any:
    raise ValueError("broken on purpose")


def _object(depth: int = 4) -> dict[str, Any] | None:
    if depth == 0:
        return None
    return {"a": depth, "b": lambda _, n=None: n, "bad": _fail, "inner": _object(depth - 1)}


ROOT = {
    "b1": 1,
    "b2": lambda _, n=None: n,
    "bo": _object(),
    "bbad": _fail,
    "bnn": _fail,
    "r1": 2,
    "r2": lambda _, n=None, flag=None: (n or 0) * 10 + bool(flag),
    "ro": _object(),
    "rl": [_object(), _object()],
}


@st.composite
def _directives(draw: st.DrawFn) -> str:
    values = st.sampled_from(["true", "false", "$v", "$w"])
    text = ""
    for name in draw(st.sampled_from([(), (), (), ("include",), ("skip",), ("include", "skip")])):
        text += f" @{name}(if: {draw(values)})"
    return text


def _aliased(field: str, alias: str | None) -> str:
    """The field under an alias that no other field can have, so that documents are always valid."""
    if alias is None and "(" not in field:
        return field
    return f"{alias}_{''.join(c for c in field if c.isalnum() or c == '_')}: {field}"


@st.composite
def _selection(draw: st.DrawFn, *, root: bool, depth: int, fragments: list[str]) -> str:
    kinds = ["leaf", "leaf", "object"] + (["inline", "spread"] if depth else [])
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(kinds))
        directives = draw(_directives())
        alias = draw(st.sampled_from([None, "x", "y"]))
        if kind == "spread" and fragments:
            parts.append(f"...{draw(st.sampled_from(fragments))}{directives}")
        elif kind == "inline":
            condition = draw(st.sampled_from(["", " on Query" if root else " on Obj"]))
            inner = draw(_selection(root=root, depth=depth - 1, fragments=fragments))
            parts.append(f"...{condition}{directives} {{ {inner} }}")
        elif kind == "object" and depth:
            field = draw(st.sampled_from(ROOT_OBJECTS if root else ["inner"]))
            inner = draw(_selection(root=False, depth=depth - 1, fragments=[]))
            parts.append(f"{_aliased(field, alias)}{directives} {{ {inner} }}")
        else:
            parts.append(_aliased(draw(st.sampled_from(ROOT_LEAVES if root else LEAVES)), alias) + directives)
    return " ".join(parts)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A valid query on the whole schema, with variables for it."""
    names = [f"F{i}" for i in range(draw(st.integers(0, 3)))]
    root = draw(_selection(root=True, depth=3, fragments=names))
    bodies = {}
    for i, name in enumerate(names):
        bodies[name] = draw(_selection(root=True, depth=2, fragments=names[i + 1 :]))
    if draw(st.integers(0, 9)) == 0:
        root += " bnn"
    used = {n for n in names if f"...{n}" in root}
    for name in names:
        if name in used:
            used |= {n for n in names if f"...{n}" in bodies[name]}
    text = root + "".join(f"}} fragment {n} on Query {{ {bodies[n]} " for n in names if n in used)
    declared = ", ".join(d for n, d in DECLARATIONS.items() if f"${n}" in text)
    values: dict[str, Any] = {}
    if "$v" in text:
        values["v"] = draw(st.booleans())
    if "$w" in text and draw(st.booleans()):
        values["w"] = draw(st.booleans())
    if "$n" in text and draw(st.booleans()):
        values["n"] = draw(st.sampled_from([None, 1, 2]))
    return f"query Q{f'({declared})' if declared else ''} {{ {text} }}", values


# a random document may pass the limits; what they refuse is tested elsewhere
_ROOMY = Limits(aliases=100_000, root_fields=100_000, cost=1_000_000)


def _planned(text: str) -> Plan:
    document = parse(text, no_location=True)
    operation = choose_operation(document, None)
    check_document(document, operation, _ROOMY)
    return split(document, operation, FIELDS)


def _ask(schema: GraphQLSchema, text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    problems = validate(schema, parse(text))
    assert not problems, (text, problems)
    return dict(graphql_sync(schema, text, ROOT, variable_values=dict(values)).formatted)


@settings(max_examples=150, deadline=None)
@given(documents())
def test_dividing_and_merging_changes_nothing(case: tuple[str, dict[str, Any]]) -> None:
    """For any query the merged answer is that of one server: same data, same order of keys, same errors."""
    text, values = case
    whole = _ask(WHOLE, text, values)
    plan = _planned(text)
    schemas = {Side.BUSINESS: BUSINESS, Side.READ: READ}
    event(f"{len(plan.parts)} sides")
    answers = {
        side: _ask(schemas[side], part.text or text, {n: v for n, v in values.items() if n in part.variables})
        for side, part in plan.parts.items()
    }
    if len(plan.parts) == 1:
        merged: dict[str, Any] = next(iter(answers.values()))
        if Side.READ in answers:  # asked as it is, the read side calls its root by its own name
            merged = json.loads(json.dumps(merged).replace('"query_root"', '"Query"'))
    else:
        merged = merge(plan, values, answers)
    assert json.dumps(merged["data"]) == json.dumps(whole["data"])
    if whole["data"] is not None:
        assert _paths(merged) == _paths(whole)


def _paths(answer: dict[str, Any]) -> list[str]:
    return sorted(json.dumps(e["path"]) for e in answer.get("errors", ()))


def test_a_document_of_one_side_keeps_its_text() -> None:
    """One side, one operation: not a letter is changed."""
    assert _planned("query { r1 }").parts[Side.READ].text is None
    assert _planned("query { b1 ...F } fragment F on Query { b2 }").parts[Side.BUSINESS].text is None
    assert _planned("mutation { x y }").parts[Side.BUSINESS].text is None


def test_a_fragment_on_the_other_sides_root_type_is_rewritten() -> None:
    """A fragment on Query is understood by the read back end, whose root has another name."""
    part = _planned("{ ...F } fragment F on Query { r1 ro { ...G } } fragment G on Obj { a }").parts[Side.READ]
    assert part.text is not None
    assert "on Query" not in part.text
    assert _ask(READ, part.text, {})["data"] == {"r1": 2, "ro": {"a": 4}}


def test_every_business_field_is_known() -> None:
    """The fields come from all files of the SDL, extensions included."""
    from towpath_proto import sdl

    fields = BusinessFields.of(sdl.load())
    assert {"hello", "verify_api_key", "schedule_sources", "mapped_children", "flow_code"} <= fields.queries
    assert {"create_flow_run", "claim_flow_runs", "reap_flow_runs", "create_tenant"} <= fields.mutations
