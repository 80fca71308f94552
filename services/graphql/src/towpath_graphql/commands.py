"""`towpath-graphql migrate` and `towpath-graphql create-key`: what an operator does to the database without a running service.

They need the database's address only. Both may be repeated: a schema that is up to date stays as it is, and a key's name is taken once,
unless the key is given.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from uuid import UUID

from towpath_graphql.adapters.migrations import migrate
from towpath_graphql.adapters.postgres import PostgresStore
from towpath_graphql.app.caller import ADMIN, Caller
from towpath_graphql.app.tenants import KEY_ROLES, create_api_key, ensure_default_tenant, put_api_key
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity

PATIENCE = 60.0
"""Seconds that a database which is just starting is waited for."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; `command` is None when the service itself is to run."""
    parser = argparse.ArgumentParser("towpath-graphql", description="Serve the business API, or do one thing to its database and end.")
    commands = parser.add_subparsers(dest="command", metavar="[COMMAND]")
    commands.add_parser("migrate", help="bring the schema up to date")
    key = commands.add_parser("create-key", help="make an API key and print it, once")
    key.add_argument("--name", required=True, help="whose it is, or what for")
    key.add_argument("--role", default=ADMIN, choices=sorted(KEY_ROLES), help="what it may do (default: %(default)s)")
    key.add_argument("--from-env", metavar="VARIABLE", help="take the key from this variable; a key of that name becomes this one")
    key.add_argument("--tenant", type=UUID, help="id of its tenant (default: the first one)")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace, dsn: str) -> None:
    """Do what `options.command` says.

    Raises:
        TowpathError: `UNAVAILABLE` when the database does not answer within `PATIENCE` seconds, or what the command refuses.
    """
    store = PostgresStore(dsn, size=1)
    await store.open()
    try:
        await _migrate(store)
        if options.command == "create-key":
            tenant = options.tenant or await ensure_default_tenant(store)
            caller = Caller(tenant_id=tenant, role=ADMIN, actor="towpath-graphql create-key")
            if options.from_env:
                key_hash = identity.hash_api_key(_given_key(options.from_env))
                changed = await put_api_key(store, caller, name=options.name, role=options.role, key_hash=key_hash)
                print(f"The key {options.name!r} is {'set' if changed else 'as it was'}.")
                return
            wanted = {"name": options.name, "role": options.role, "tenant_id": None, "user_id": None, "expires_at": None}
            _, key = await create_api_key(store, caller, identity.make_api_key, identity.hash_api_key, **wanted)
            print(key)
    finally:
        await store.close()


def _given_key(variable: str) -> str:
    key = os.environ.get(variable, "")
    if not key.startswith(identity.API_KEY_PREFIX) or len(key) < len(identity.make_api_key()):
        raise TowpathError(
            Code.BAD_SETTING,
            f"{variable} holds no API key: one begins with {identity.API_KEY_PREFIX} and 32 random bytes in base64 follow.",
        )
    return key


async def _migrate(store: PostgresStore) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            async with store.connection(timeout=2) as connection:
                await migrate(connection)
            return
        except TowpathError as e:
            if e.code != Code.UNAVAILABLE or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)
