"""The migrations lead exactly to schema.sql, once, whoever runs them."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import psycopg
import pytest
from psycopg.rows import dict_row

from towpath_graphql.adapters import migrations
from towpath_graphql.adapters.migrations import NAME, available, migrate
from towpath_proto.errors import Code, TowpathError

SCHEMA = (files("towpath_graphql") / "sql" / "schema.sql").read_text(encoding="utf-8")
CATALOG = {
    "tables": "select c.relname, c.relkind::text, c.relispartition, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid)"
    " from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')",
    "columns": "select attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated::text,"
    " attidentity::text, pg_get_expr(d.adbin, d.adrelid),"
    " col_description(attrelid, attnum) from pg_attribute a join pg_class c on c.oid = attrelid"
    " left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum"
    " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped",
    "indexes": "select indexdef from pg_indexes where schemaname = 'public'",
    "constraints": "select conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), convalidated from pg_constraint"
    " where connamespace = 'public'::regnamespace",
    "functions": "select proname, pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace and prokind <> 'a'",
    "triggers": "select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "types": "select typname, typtype::text from pg_type where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')",
    "views": "select viewname, definition from pg_views where schemaname = 'public'",
    "extensions": "select extname from pg_extension",
    "rows": "select only_row::text from write_path",
}


async def connect(dsn):
    """A connection as the store makes them."""
    return await psycopg.AsyncConnection.connect(dsn, autocommit=True, row_factory=dict_row)


async def migrated_by_us(dsn):
    """Run the migrations; what was applied."""
    async with await connect(dsn) as connection:
        return await migrate(connection)


def catalog(dsn):
    """Everything in the schema public, in words."""
    with psycopg.connect(dsn) as connection:
        return {what: sorted(connection.execute(query).fetchall(), key=repr) for what, query in CATALOG.items()}


def without_bookkeeping(found):
    """A catalog without the table that only the migrations make."""
    return {what: [r for r in rows if "schema_migration" not in repr(r)] for what, rows in found.items()}


async def test_the_migrations_lead_to_the_schema(new_database):
    """A database from schema.sql and one from all migrations are alike to the last default; schema_migration is the one difference."""
    by_migrations, by_schema = new_database(), new_database()
    assert await migrated_by_us(by_migrations) == [name for name, _ in available()]
    async with await connect(by_schema) as connection:
        await connection.execute(SCHEMA.encode(), prepare=False)
        await connection.execute("select ensure_partitions(3)")
    ours, wanted = catalog(by_migrations), catalog(by_schema)
    assert len(wanted["tables"]) > 25
    assert [t[0] for t in ours["tables"] if t not in wanted["tables"]] == ["schema_migration"]
    for what, rows in without_bookkeeping(ours).items():
        assert rows == wanted[what], what


async def test_each_migration_is_applied_once(new_database):
    """A second migrator has nothing to do and changes nothing."""
    dsn = new_database()
    await migrated_by_us(dsn)
    before = catalog(dsn)
    assert await migrated_by_us(dsn) == []
    assert catalog(dsn) == before


async def test_migrators_take_turns(new_database):
    """Four at the same time: one applies everything, the others find it done."""
    dsn = new_database()
    applied = await asyncio.gather(*(migrated_by_us(dsn) for _ in range(4)))
    assert sorted(applied) == [[], [], [], [name for name, _ in available()]]


async def test_a_newer_database_is_refused(new_database):
    """A database that knows a migration which we do not is left alone, and the sentence says what to do."""
    dsn = new_database()
    await migrated_by_us(dsn)
    async with await connect(dsn) as connection:
        await connection.execute("insert into schema_migration values ('9999_from_the_future_pre.sql')")
    with pytest.raises(TowpathError) as caught:
        await migrated_by_us(dsn)
    assert caught.value.code is Code.BAD_SETTING
    assert "9999_from_the_future_pre.sql" in caught.value.message


async def test_a_migration_that_fails_leaves_nothing(new_database, monkeypatch):
    """All migrations of a start are one transaction: a broken last one takes the good ones with it."""
    broken = [*available(), ("9000_broken_pre.sql", "create table half (id int); select 1 / 0;")]
    monkeypatch.setattr(migrations, "available", lambda: broken)
    dsn = new_database()
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrated_by_us(dsn)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select relname from pg_class where relnamespace = 'public'::regnamespace").fetchall() == []


def test_names_are_checked_and_in_order():
    """Every file is NNNN_words_pre.sql or _post.sql, each number is used once, and so they have an order."""
    names = [name for name, _ in available()]
    assert all(NAME.match(name) for name in names)
    assert len({name[:4] for name in names}) == len(names)
    for wrong in ("1_x_pre.sql", "0001_x.sql", "0001_X_pre.sql", "0001_x_pre.sql.bak"):
        assert not NAME.match(wrong)


async def test_partitions_are_made_ahead_and_rows_fall_into_them(new_database):
    """The weeks ahead have partitions, asking again makes none, and a row written now is in no DEFAULT partition."""
    dsn = new_database()
    await migrated_by_us(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        weeks = connection.execute("select count(*) from pg_inherits where inhparent = 'log'::regclass").fetchone()[0]
        assert weeks == 5
        assert connection.execute("select ensure_partitions(3)").fetchone() == (0,)
        assert connection.execute("select ensure_partitions(4)").fetchone() == (5,)
        insert = (
            "insert into log (id, tenant_id, timestamp) values (uuid7_floor(now() + make_interval(days => %s)), uuid7_floor(now()), now())"
        )
        for days in (0, 13, 20):
            connection.execute(insert, (days,))
        assert connection.execute("select count(*) from log_default").fetchone() == (0,)
        assert connection.execute("select count(*) from log").fetchone() == (3,)
