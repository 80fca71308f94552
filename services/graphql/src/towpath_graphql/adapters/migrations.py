"""Brings a database to today's schema: applies the migration files that it has not had, in order of name, in one transaction.

Files are named `NNNN_words_pre.sql` or `NNNN_words_post.sql`: `pre` ones are safe while the old version of the code still runs, `post` ones
need the new version everywhere. A database that knows migrations which we do not was made by a newer version and is refused.
"""

from __future__ import annotations

import re
from importlib.resources import files

from towpath_graphql.adapters import queries
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.connection import Connection

NAME = re.compile(r"^\d{4}_[a-z0-9_]+_(pre|post)\.sql$")


def available() -> list[tuple[str, str]]:
    """(name, SQL) of all migrations in order."""
    folder = files("towpath_graphql") / "sql" / "migrations"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    for file in found:
        if not NAME.match(file.name):
            raise ValueError(f"migration {file.name} is not named NNNN_words_pre.sql or NNNN_words_post.sql")
    return [(f.name, f.read_text(encoding="utf-8")) for f in found]


async def migrate(connection: Connection) -> list[str]:
    """Apply what is missing; the names of what was applied. Safe to call from many processes at once.

    Raises:
        TowpathError: `BAD_SETTING` when the database is newer than this version of Towpath.
    """
    named = queries.load()
    ours = available()
    async with connection.transaction():
        await connection.execute(named["migration_lock"])
        await connection.execute(named["create_migration_table"])
        done = {row["name"] for row in await (await connection.execute(named["applied_migrations"])).fetchall()}
        if unknown := sorted(done - {name for name, _ in ours}):
            raise TowpathError(
                Code.BAD_SETTING,
                f"The database was made by a newer Towpath (it has {unknown[-1]}); start that version, or another database.",
            )
        applied = []
        for name, sql in ours:
            if name not in done:
                await connection.execute(sql.encode(), prepare=False)
                await connection.execute(named["record_migration"], {"name": name})
                applied.append(name)
        await connection.execute(named["ensure_partitions"], {"weeks": 3})
    return applied
