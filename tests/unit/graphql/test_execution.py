"""Execution by the short way answers what graphql-core's plain executor answers, whatever is asked and whatever resolvers give."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_object_type,
    parse,
    validate,
)
from graphql import execute as execute_any
from hypothesis import given
from hypothesis import strategies as st

from towpath_graphql import execution
from towpath_graphql.documents import Documents
from towpath_graphql.resolvers import schema as ours

SDL = """
scalar Any
enum Color { RED GREEN }
interface Named { name: String }
type Thing implements Named {
  id: ID!  name: String  n: Int  must: Int!  f: Float  ok: Boolean  color: Color  any: Any  with(x: Int = 3): String  resolved: String
  child: Thing  kids: [Thing!]  rows: [[Int!]]  named: Named
}
input Inner { n: Int! words: [String!] }
input Outer { id: ID inner: Inner! color: Color f: Float ok: Boolean any: Any rows: [[Int]] }
input Defaults { n: Int! = 4 self: Defaults }
input Filled { n: Int! = 4 }
input One @oneOf { a: Int b: Int }
type Query {
  thing: Thing  things: [Thing]  surely: Thing!
  echo(o: Outer, d: Defaults, filled: Filled, one: One, n: Int = 5, words: [String!]): Any
}
type Mutation { thing: Thing  things: [Thing!]!  surely: Thing! }
"""
SCHEMA = build_schema(SDL)
THING = SCHEMA.type_map["Thing"]
assert isinstance(THING, GraphQLObjectType)
THING.fields["resolved"].resolve = lambda *_: "resolved"
LEAVES = ("id", "name", "n", "must", "f", "ok", "color", "any", "with", "__typename")


def echo(_: Any, info: Any, **arguments: Any) -> Any:
    return [arguments, info.context, {k: repr(v.value) for k, v in info.variable_values.sources.items()}]


def answer(execute: Callable[[], Any]) -> Any:
    """Data, errors with their causes, or what was raised."""
    try:
        result = execute()
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
    except Exception as e:
        return repr(e)
    assert isinstance(result, ExecutionResult)
    told = repr((result.data, [(e.formatted, e.original_error) for e in result.errors or ()]))
    return re.sub(r" at 0x\w+", "", told)  # values are made anew for each answer


async def _awaited(result: Any) -> Any:
    return await result


def same(schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any] | None = None, name: str | None = None) -> Any:
    plain = answer(
        lambda: execute_any(schema, document, None, "context", variables, operation_name=name, executor_class=Executor),
    )
    for _ in range(2):  # as something new, and as something known
        assert answer(lambda: execution.execute(schema, document, "context", variables, name)) == plain
    return plain


def plain_selections(depth: int = 3) -> st.SearchStrategy[str]:
    inner = [st.builds("{} {{ {} }}".format, st.sampled_from(("child", "kids")), plain_selections(depth - 1))] if depth else []
    field = st.one_of(st.sampled_from([name for name in LEAVES if name not in ("with", "__typename")]), st.just("rows"), *inner)
    return st.lists(field, min_size=1, max_size=5).map(" ".join)


def selections(depth: int = 3) -> st.SearchStrategy[str]:
    alias = st.sampled_from(["", "", "", "a: ", "b: "])
    directive = st.sampled_from(["", "", "", "", " @include(if: $yes)", " @skip(if: $yes)"])
    leaf = st.builds("{}{}{}".format, alias, st.sampled_from(LEAVES), directive)
    choices = [leaf, leaf, leaf, st.builds("{}rows".format, alias), st.just("...part")]
    if depth:
        inner = selections(depth - 1)
        choices.append(st.builds("{}{}{} {{ {} }}".format, alias, st.sampled_from(("child", "kids")), directive, inner))
        choices.append(st.builds("named {{ __typename ... on Thing {{ {} }} }}".format, inner))
        choices.append(st.builds("... on Thing{} {{ {} }}".format, directive, inner))
    return st.lists(st.one_of(choices), min_size=1, max_size=5).map(" ".join)


WRONG: list[Callable[[], Any]] = [
    lambda: None,
    lambda: Undefined,
    lambda: ValueError("as a value"),
    lambda: _raising,
    lambda: lambda info, **arguments: "called",
    lambda: _later,
    lambda: (1, 2),
    lambda: iter([{"id": "x"}]),
    object,
    dict,
    list,
    lambda: "RED",
    lambda: 2**40,
    lambda: float("inf"),
    lambda: True,
    lambda: type("Text", (str,), {})("sub"),
    lambda: type("Row", (dict,), {})(id="sub"),
]


def _raising(info: Any, **arguments: Any) -> Any:
    raise ValueError("raised")


async def _later(info: Any, **arguments: Any) -> Any:
    return None


Plan = Callable[[], Any]
"""Makes the same value each time: some can be used once only."""


def made(right: Any) -> Plan:
    return lambda: right


def plans(depth: int = 3, *, wrong: bool = True) -> st.SearchStrategy[Plan]:
    odd = [st.sampled_from(WRONG)] if wrong else []
    fields: dict[str, st.SearchStrategy[Plan]] = {
        "id": st.sampled_from(["a", "b", 3]).map(made),
        "name": st.sampled_from(["x", "", 7]).map(made),
        "n": st.sampled_from([1, -5, 2.0]).map(made),
        "must": st.just(made(1)),
        "f": st.sampled_from([1.5, 2]).map(made),
        "ok": st.booleans().map(made),
        "color": st.sampled_from(["RED", "GREEN"]).map(made),
        "any": st.sampled_from([{"a": [1]}, "text", UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC)]).map(made),
        "rows": st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2).map(made),
        "__typename": st.just(made("Thing")),
    }
    if depth:
        inner = plans(depth - 1, wrong=wrong)
        fields |= {"child": inner, "named": inner, "kids": st.lists(inner, max_size=2).map(lambda kids: lambda: [kid() for kid in kids])}
    right = {name: st.one_of(*[value] * 9, *odd) for name, value in fields.items()}
    return st.fixed_dictionaries({"id": right.pop("id"), "must": right.pop("must")}, optional=right).map(
        lambda parts: lambda: {name: part() for name, part in parts.items()}
    )


def schema_of(plan: Plan) -> GraphQLSchema:
    async def thing(*_: Any) -> Any:
        return plan()

    for kind in (SCHEMA.query_type, SCHEMA.mutation_type):
        assert kind is not None
        kind.fields["thing"].resolve = thing
        kind.fields["surely"].resolve = lambda *_: plan()
        kind.fields["things"].resolve = lambda *_: [plan(), plan()]
    assert SCHEMA.query_type is not None
    SCHEMA.query_type.fields["echo"].resolve = echo
    return SCHEMA


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # graphql-core's own, where an error comes first
@given(
    kind=st.sampled_from(["query", "mutation"]),
    root=st.sampled_from(["thing", "things", "surely", "thing @include(if: $yes)"]),
    chosen=st.one_of(plain_selections(), selections()),
    plan=st.one_of(plans(), plans(wrong=False), st.sampled_from(WRONG)),
    yes=st.booleans(),
)
def test_answers_are_those_of_graphql_core(kind: str, root: str, chosen: str, plan: Plan, yes: bool) -> None:
    part = " fragment part on Thing { name child { id must } }" if "...part" in chosen else ""
    variable = "($yes: Boolean!)" if "$yes" in chosen + root else ""
    document = parse(f"{kind} {variable} {{ {root} {{ {chosen} }} }}{part}", no_location=True)
    schema = schema_of(plan)
    if not validate(schema, document):  # aliases may clash
        same(schema, document, {"yes": yes})


@pytest.mark.parametrize(
    ("chosen", "value"),
    [
        ("must", {"must": None}),
        ("id must", {"id": 3}),
        ("child { must }", {"child": {"must": None}}),
        ("kids { id }", {"kids": [{"id": 1}, None]}),
        ("kids { id }", {"kids": ({"id": 1}, {"id": 2})}),
        ("kids { id }", {"kids": {"id": 1}}),
        ("rows", {"rows": [[1, None], [2]]}),
        ("name", {"name": lambda info: "called"}),
        ("name", {"name": ValueError("as a value")}),
        ("any", {"any": _later}),
        ("with", {"with": lambda info, x: str(x)}),
        ("with", {"with": "text"}),
        ("resolved", {"resolved": "text"}),
        ("id @skip(if: true) name", {"id": 1, "name": "x"}),
        ("child { id } child { name }", {"child": {"id": 1, "name": "x"}}),
        ("kids { id } kids { name }", {"kids": [{"id": 1, "name": "x"}]}),
        ("n", {"n": True}),
        ("n", {"n": 2**31}),
        ("f", {"f": float("nan")}),
        ("color", {"color": "BLUE"}),
        ("a: id b: id", {"id": "x"}),
    ],
)
@pytest.mark.parametrize("root", ["thing", "surely", "thing { ok } thing"])
def test_odd_answers_are_those_of_graphql_core(root: str, chosen: str, value: dict[str, Any]) -> None:
    document = parse(f"mutation {{ {root} {{ {chosen} }} }}", no_location=True)
    schema = schema_of(lambda: {"id": 1, "must": 2} | value)
    assert not validate(schema, document)
    same(schema, document)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("one: One", {"a": 1, "b": 2}),
        ("one: One", {"a": None}),
        ("filled: Filled", {}),
        ("filled: Filled", {"n": None}),
        ("d: Defaults", {"self": {}}),
        ("o: Outer", {"inner": {"n": 1}, "more": 1}),
        ("o: Outer", {"inner": {}}),
        ("o: Outer", {"inner": None}),
        ("o: Outer", {"inner": {"n": 1, "words": "one"}}),
        ("o: Outer", {"inner": {"n": 1, "words": [None]}}),
        ("o: Outer", {"inner": {"n": 1}, "rows": [[1], None], "any": {"deep": [{}]}}),
        ("words: [String!]", "one"),
        ("n: Int!", None),
        ("n: Int", None),
    ],
)
def test_odd_variables_are_coerced_as_by_graphql_core(variable: str, value: Any) -> None:
    name = variable.partition(":")[0]
    same(schema_of(dict), parse(f"query (${variable}) {{ echo({name}: ${name}) }}", no_location=True), {name: value})


ODD = st.sampled_from([None, "x", "RED", 1, 2.0, 2**40, True, [], {}, ["a", None], {"n": 1}, {"self": {"n": None}}, {"a": 1, "b": 2}])
INNER = st.fixed_dictionaries({"n": st.one_of(st.just(1), ODD)}, optional={"words": st.one_of(st.just(["a"]), ODD), "more": ODD})
OUTER = st.fixed_dictionaries(
    {"inner": st.one_of(INNER, INNER, ODD)},
    optional={name: ODD for name in ("id", "color", "f", "ok", "any")} | {"rows": st.one_of(st.just([[1, None], None]), ODD)},
)
TYPES = {"o": "Outer", "d": "Defaults", "filled": "Filled", "one": "One", "n": "Int", "words": "[String!]"}


@given(
    named=st.sets(st.sampled_from(sorted(TYPES)), min_size=1),
    required=st.booleans(),
    default=st.booleans(),
    variables=st.fixed_dictionaries(
        {},
        optional={
            "o": st.one_of(OUTER, ODD),
            "d": ODD,
            "filled": ODD,
            "one": ODD,
            "n": ODD,
            "words": st.one_of(st.just(["a", "b"]), ODD),
            "more": ODD,
        },
    ),
)
def test_variables_are_coerced_as_by_graphql_core(named: set[str], required: bool, default: bool, variables: dict[str, Any]) -> None:
    ends = {"n": " = 8"} if default else {}
    heads = ", ".join(f"${name}: {TYPES[name]}{ends.get(name, '!' if required else '')}" for name in sorted(named))
    document = parse(f"query ({heads}) {{ echo({', '.join(f'{name}: ${name}' for name in sorted(named))}) }}", no_location=True)
    schema = schema_of(dict)
    assert not validate(schema, document)
    same(schema, document, variables)


def test_operations_are_chosen_as_by_graphql_core() -> None:
    schema = schema_of(lambda: {"id": 1, "must": 2})
    two = parse("query a { thing { id } } query b { thing { must } }")
    for name in ("a", "b", "c", None):
        same(schema, two, None, name)
    for name in ("a", "c", None):
        same(schema, parse("query a { thing { id } }"), None, name)
    same(schema, parse("subscription { thing }"))
    same(schema, parse("fragment f on Thing { id }"))


OUR_SCHEMA = ours.build_schema.__wrapped__()
assert OUR_SCHEMA.mutation_type is not None
OBJECT_FIELDS = {name: f for name, f in OUR_SCHEMA.mutation_type.fields.items() if is_object_type(get_named_type(f.type))}
RIGHT = {"UUID": UUID(int=7), "DateTime": datetime(2026, 1, 1, tzinfo=UTC), "JSON": {"a": [1]}, "Int": 5, "Float": 1.5, "Boolean": True}
UNEXPECTED = st.sampled_from([None, "text", 5, ["x"], UUID(int=8), ValueError("no"), Undefined])


def _chosen(kind: GraphQLObjectType) -> str:
    inner = {name: get_named_type(f.type) for name, f in kind.fields.items() if not f.args}
    return " ".join(n if is_leaf_type(k) else f"{n} {{ {_chosen(k)} }}" for n, k in inner.items() if is_leaf_type(k) or is_object_type(k))


def _values(field: GraphQLField) -> st.SearchStrategy[Any]:
    kind = get_named_type(field.type)
    if not isinstance(kind, GraphQLObjectType):
        right = st.just(RIGHT.get(kind.name, "text"))
        return st.one_of(*[right] * 9, UNEXPECTED)
    value = st.fixed_dictionaries({name: _values(f) for name, f in kind.fields.items()})
    return st.lists(value, max_size=2) if "[" in str(field.type) else value


@given(st.data())
def test_answers_over_our_schema_are_those_of_graphql_core(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(OBJECT_FIELDS)))
    field = OBJECT_FIELDS[name]
    value = data.draw(_values(field))
    kind = get_named_type(field.type)
    assert isinstance(kind, GraphQLObjectType)
    field.resolve = lambda *_, **__: value
    arguments = {a: str(arg.type) for a, arg in field.args.items() if str(arg.type).endswith("!")}
    heads, uses = (", ".join(f"{mark}{a}: {of(a)}" for a in arguments) for mark, of in (("$", arguments.get), ("", "${}".format)))
    document = parse(f"mutation {f'({heads})' if heads else ''} {{ {name}{f'({uses})' if uses else ''} {{ {_chosen(kind)} }} }}")
    assert not validate(OUR_SCHEMA, document)
    variables = {a: data.draw(st.sampled_from([str(UUID(int=3)), {}, {"states": []}, {"logs": []}, "x"])) for a in arguments}
    same(OUR_SCHEMA, document, variables)


@pytest.mark.parametrize("value", [ValueError("no"), lambda info: UUID(int=1), None, Undefined, UUID(int=1)])
def test_what_a_serializer_would_take_but_nobody_may_see(value: Any) -> None:
    schema = ours.build_schema.__wrapped__()
    assert schema.mutation_type is not None
    schema.mutation_type.fields["get_or_create_task_run_info"].resolve = lambda *_, **__: {"id": value}
    document = parse(
        f'mutation {{ get_or_create_task_run_info(input: {{flow_run_id: "{UUID(int=1)}", task_id: "{UUID(int=2)}"}}) {{ id }} }}'
    )
    assert not validate(schema, document)
    same(schema, document)


def test_what_runs_send_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = ours.build_schema.__wrapped__()
    assert schema.mutation_type is not None
    given: list[Any] = []

    async def resolve(_: Any, info: Any, **arguments: Any) -> Any:
        given.append(arguments)
        return {"states": [{"id": UUID(int=1), "status": "SUCCESS", "message": None}]}

    schema.mutation_type.fields["set_task_run_states"].resolve = resolve
    document = parse("mutation($input: set_task_run_states_input!) { set_task_run_states(input: $input) { states { id status message } } }")
    variables = {"input": {"states": [{"state": {"type": "Running"}, "task_run_id": str(UUID(int=1)), "version": 1}]}}
    plain = same(schema, document, variables)
    monkeypatch.setattr(Executor, "complete_value", None)
    monkeypatch.setattr(execution, "execute_any", None)
    assert answer(lambda: execution.execute(schema, document, "context", variables)) == plain
    assert given[-1] == given[0] == {"input": {"states": [{"task_run_id": UUID(int=1), "version": 1, "state": {"type": "Running"}}]}}


def test_what_is_kept_goes_with_its_document() -> None:
    """Nothing else holds it: a document that is too long to be kept leaves nothing behind."""
    schema = schema_of(lambda: {"id": 1, "must": 2})
    document = parse("query ($n: Int) { thing { id } echo(n: $n) }")
    for number in range(3):
        same(schema, document, {"n": number})
    kept = weakref.ref(document.definitions[0])
    del document
    gc.collect()
    assert kept() is None


def test_documents_of_a_shape_share_what_was_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of the parts that are shared between them, whose literals are elsewhere; defaults are literals."""
    schema = ours.build_schema.__wrapped__()
    documents, made = Documents(schema), 0
    completer = execution._completer

    def counted(*arguments: Any) -> Any:
        nonlocal made
        made += 1
        return completer(*arguments)

    monkeypatch.setattr(execution, "_completer", counted)
    field = schema.mutation_type.fields["get_or_create_task_run_info"]

    async def resolve(*_: Any, **arguments: Any) -> Any:
        return {"id": UUID(int=1), "version": 1, "state": "Pending", "serialized_state": {}}

    field.resolve = resolve
    counts = set()
    for number in range(4):
        text = (
            f'mutation {{ get_or_create_task_run_info(input: {{ flow_run_id: "{UUID(int=number)}", task_id: "{UUID(int=2)}", '
            f"map_index: {number} }}) {{ id version }} }}"
        )
        document = documents.get(text)
        assert not isinstance(document, list)
        assert f'"id": "{UUID(int=1)}"' in answer(lambda document=document: execution.execute(schema, document, "context")).replace(
            "'", '"'
        )
        counts.add(made)
    assert len(counts) <= 2  # for the parsed document and for those made from it
