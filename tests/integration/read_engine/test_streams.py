"""Streams where places are hard to write: who may have them, and which columns can be a cursor."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from towpath_read_engine.engine import Request, Session, Turn
from towpath_read_engine.main import Config, build
from towpath_read_engine.testing import Asker, asking
from towpath_service_kit.upstream import AsgiUpstream


def _metadata(*tables: Any, **more: Any) -> dict[str, Any]:
    return {"version": 3, "sources": [{"name": "default", "kind": "postgres", "tables": list(tables), **more}]}


def _filled(url: str, statements: str) -> str:
    with psycopg.connect(url) as connection:
        connection.execute(statements)
    return url


async def _followed(asker: Asker, table: str, column: str, initial: Any, *, most: int, ordering: str = "ASC") -> list[Any]:
    """The values of a stream followed to its end in turns of one row; one that gives more than `most` is an AssertionError."""
    document = f"""subscription ($from: {table}_stream_cursor_value_input!) {{
        {table}_stream(batch_size: 1, cursor: {{initial_value: $from, ordering: {ordering}}}) {{ value: {column} }} }}"""
    after, heard = None, []
    while True:
        answer = await asker.turn(document, {"from": {column: initial}}, turn=Turn(after))
        assert "data" in answer, answer
        after = answer["extensions"]["stream"]["after"]
        if after is None:
            return heard
        heard += [row["value"] for row in answer["data"][f"{table}_stream"]]
        assert len(heard) <= most, heard


@pytest.mark.parametrize("secret", ["a-long-secret", None])
async def test_turns_are_for_trusted_callers(new_database, tmp_path, secret):
    """A place holds the key that the role does not see: a stranger gets none and sets none; without any secret everybody is trusted."""
    url = _filled(new_database(), "create table port (id int primary key, name text); insert into port values (4711, 'Goole')")
    metadata = tmp_path / "metadata.json"
    permission = {"columns": ["name"], "filter": {}}
    grants = [{"role": role, "permission": permission} for role in ("stranger", "sailor")]
    metadata.write_text(json.dumps(_metadata({"table": "port", "select_permissions": grants})))
    env = {"TOWPATH_READ_DATABASE_URL": url, "TOWPATH_READ_METADATA": str(metadata)}
    if secret is not None:
        env |= {"TOWPATH_READ_ADMIN_SECRET": secret, "TOWPATH_READ_UNAUTHORIZED_ROLE": "stranger"}
    service = build(Config.from_env(env))
    await service.start()

    async def ask(after: Any, headers: dict[str, str], query: str = "subscription") -> Any:
        document = f'{query} {{ port_stream(batch_size: 1, cursor: {{initial_value: {{name: ""}}}}) {{ name }} }}'
        body = {"query": document, "extensions": {"stream": {"after": after}}}
        answer = await AsgiUpstream(service.app).post("/v1/graphql", json.dumps([body]).encode(), headers)
        return json.loads(answer.body)[0]

    try:
        for after in (None, ["A", "0"], ["Goole", "4710"]):
            known = await ask(after, {"x-hasura-role": "sailor", **({"x-hasura-admin-secret": secret} if secret else {})})
            assert known["extensions"]["stream"]["after"] == ["Goole", "4711"]
            if secret is None:
                continue
            for query in ("subscription", "query"):
                refused = await ask(after, {"x-hasura-role": "sailor"}, query)
                assert refused.keys() == {"errors"}
                assert refused["errors"][0]["extensions"] == {"path": "$.extensions.stream", "code": "access-denied"}
                assert "admin secret" in refused["errors"][0]["message"]
    finally:
        await service.stop()


async def test_fractions_are_places_whatever_the_database_is_set_to(new_database):
    """A place has all digits of a float: with fewer, rows would be left out or come for ever."""
    rows = [0.1, 0.3, 0.30000000000000004, 0.7, 0.7000000000000001, 1e300]
    url = _filled(new_database(), "create table level (id int primary key, height float8 not null, low float4 not null)")
    with psycopg.connect(url) as connection:
        for number, value in enumerate(rows):
            connection.execute("insert into level values (%s, %s, 0.1::float4 + %s)", [number, value, number * 7.45e-9])
        (name,) = connection.execute("select quote_ident(current_database())").fetchone()
        connection.execute(f"alter database {name} set extra_float_digits = -3")
    for given in (url, make_conninfo(url, options="-c extra_float_digits=0")):
        async with asking(given, _metadata({"table": "level"})) as asker:
            assert await _followed(asker, "level", "height", 0, most=6) == rows
            assert await _followed(asker, "level", "height", 1e301, most=6, ordering="DESC") == rows[::-1]
            assert len(await _followed(asker, "level", "low", 0, most=6)) == 6


async def test_a_root_that_is_skipped_is_no_stream(new_database):
    """Under a namespace, too, nothing to stream is refused, and not a fault."""
    url = _filled(new_database(), "create table port (id int primary key)")
    async with asking(url, _metadata({"table": "port"}, customization={"root_fields": {"namespace": "ns"}})) as asker:
        stream = "port_stream(batch_size: 1, cursor: {initial_value: {id: 0}})"
        for document in (f"ns @skip(if: true) {{ {stream} {{ id }} }}", f"ns {{ {stream} @skip(if: true) {{ id }} }}"):
            answer = await asker.turn(f"subscription {{ {document} }}")
            assert answer["errors"][0]["message"] == "a stream is the only field of its subscription"


async def test_false_is_no_size_of_a_batch(new_database):
    """JSON's false is not 0."""
    url = _filled(new_database(), "create table port (id int primary key)")
    document = "subscription ($n: Int!) { port_stream(batch_size: $n, cursor: {initial_value: {id: 0}}) { id } }"
    async with asking(url, _metadata({"table": "port"})) as asker:
        sentences = [(await asker.turn(document, {"n": n}))["errors"][0]["message"] for n in (False, 0)]
    assert "boolean" in sentences[0]
    assert "batch of 0 rows" in sentences[1]


async def test_a_key_whose_comparison_may_raise_is_compared_behind_the_filter(new_database):
    """By its key, too, a row that the role does not see is not compared where comparing may raise an error."""
    url = _filled(
        new_database(), "create type mark as (lane int, number int); create table spot (place mark primary key, is_open boolean not null)"
    )
    permission = {"columns": ["place"], "filter": {"is_open": {"_eq": True}}}
    table = {"table": "spot", "select_permissions": [{"role": "sailor", "permission": permission}]}
    async with asking(url, _metadata(table)) as asker:
        request = Request('{ spot_by_pk(place: "(1,2)") { place } }')
        statement, _ = asker.engine.bind(request, Session("sailor"))
        assert "case when" in statement
        assert "case when" not in asker.engine.bind(request, Session())[0]


_KINDS = """
create type mood as enum ('bleak', 'bright');
create type pair as (a int, b text);
create type spot as (a int, at point);
create type nest as (a int, spots spot[]);
create domain deep as int;
create domain deeper as deep;
create domain place as point;
create domain places as point[];
create table kind (id int primary key, plain {type});
"""


@pytest.mark.parametrize(
    "type_", ["point", "point[]", "path", "xid", "cid", "json", "json[]", "xml", "spot", "spot[]", "nest", "place", "places"]
)
async def test_what_has_no_order_is_no_cursor(new_database, type_):
    """It is said when the stream begins, of whatever holds such values, too."""
    url = _filled(new_database(), _KINDS.format(type=type_))
    async with asking(url, _metadata({"table": "kind"})) as asker:
        answer = await asker.turn('subscription { kind_stream(batch_size: 1, cursor: {initial_value: {plain: "1"}}) { id } }')
        assert answer["errors"][0]["extensions"]["code"] == "validation-failed"
        assert "have no order" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("int[]", ["{1}", "{2}"]),
        ("mood", ["bleak", "bright"]),
        ("mood[]", ["{bleak}", "{bright}"]),
        ("int4range", ["[1,2)", "[1,3)"]),
        ("int4multirange", ["{[1,2)}", "{[1,3)}"]),
        ("pair", ["(1,a)", "(1,b)"]),
        ("pair[]", ["{}", '{"(1,b)"}']),
        ("deep", [1, 2]),
        ("deeper", [1, 2]),
        ("varchar(3)", ["a", "b"]),
        ("char(3)", ["a", "b"]),
        ("cidr", ["10.0.0.0/8", "11.0.0.0/8"]),
        ("regclass", ["pg_type", "pg_class"]),
        ("tid", ["(0,1)", "(0,2)"]),
        ("jsonb", [1, 2]),
        ("name", ["a", "b"]),
        ("money", ["1", "2"]),
    ],
)
async def test_what_has_an_order_is_a_cursor(new_database, type_, values):
    """Arrays, rows, domains and ranges have the order of what they hold; other types may have that of a type they are stored as."""
    url = _filled(new_database(), _KINDS.format(type=type_))
    with psycopg.connect(url) as connection:
        for number, value in enumerate(values):
            connection.execute(f"insert into kind values (%s, (%s::text)::{type_})", [number, str(value)])
    async with asking(url, _metadata({"table": "kind"})) as asker:
        assert len(await _followed(asker, "kind", "plain", values[0], most=1)) == 1


@pytest.mark.parametrize("path", ["public", "public, ext"])
async def test_an_extensions_type_has_its_own_order(extended_database, tmp_path, path):
    """citext sorts without case, in whatever schema it lives: as cursor, as key, and as both, no row is left out."""
    statements = """
        create schema ext;
        create extension citext schema ext;
        create extension hstore schema ext;
        create domain word as ext.citext;
        create table label (name ext.citext primary key, part int not null, other word not null, tags ext.hstore);
        create table pair (part int, name ext.citext, primary key (part, name));
        insert into label values ('a', 1, 'x'), ('B', 1, 'Y'), ('c', 1, 'x'), ('D', 2, 'Y'), ('e', 2, 'z');
        insert into pair select part, name from label"""
    schema = tmp_path / f"own_order_{len(path)}" / "schema.sql"
    schema.parent.mkdir()
    schema.write_text(statements)
    url = extended_database("citext", "postgresql postgresql-contrib", schema)
    given = make_conninfo(url, options=f"-c search_path={path.replace(' ', '')}")
    async with asking(given, _metadata({"table": "label"}, {"table": "pair"})) as asker:
        assert await _followed(asker, "label", "name", "", most=5) == ["a", "B", "c", "D", "e"]
        assert await _followed(asker, "label", "name", "zz", most=5, ordering="DESC") == ["e", "D", "c", "B", "a"]
        assert await _followed(asker, "label", "part", 0, most=5) == [1, 1, 1, 2, 2]
        assert await _followed(asker, "label", "other", "", most=5) == ["x", "x", "Y", "Y", "z"]
        for ordering, start in (("ASC", 0), ("DESC", 9)):
            assert len(await _followed(asker, "pair", "part", start, most=5, ordering=ordering)) == 5
        stream = 'subscription { label_stream(batch_size: 1, cursor: {initial_value: {tags: "a=>1"}}) { name } }'
        assert "have no order" in (await asker.turn(stream))["errors"][0]["message"]  # hstore sorts by #>#, and has no >
