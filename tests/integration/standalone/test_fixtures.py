"""The fixtures of tests/conftest.py, used the way that other tests use them."""

from __future__ import annotations

import nats
import psycopg


def _fill(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table boat (name text)")
        connection.execute("insert into boat values ('Ebenezer')")


def test_a_new_database_is_empty_and_apart(new_database):
    """Two databases of one test share nothing."""
    first, second = new_database(), new_database()
    _fill(first)
    with psycopg.connect(second) as connection:
        assert connection.execute("select to_regclass('boat')").fetchone() == (None,)


def test_a_database_is_cloned_from_a_template(new_database, new_template):
    """A database made from a template holds what the template holds."""
    for _ in range(2):
        with psycopg.connect(new_database(new_template("with_boats", _fill))) as connection:
            assert connection.execute("select name from boat").fetchall() == [("Ebenezer",)]


async def test_nats_serves_whoever_has_the_token(nats_server):
    """A client with the fixture's address gets its messages."""
    client = await nats.connect(nats_server.url)
    inbox = await client.subscribe("greeting")
    await client.publish("greeting", b"ahoy")
    assert (await inbox.next_msg(timeout=60)).data == b"ahoy"
    await client.close()
