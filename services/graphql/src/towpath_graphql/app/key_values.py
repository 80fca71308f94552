"""A tenant's key-value pairs: small JSON values that flows leave for each other. Not for secrets: everybody in the tenant reads them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Store
from towpath_graphql.app.storing import must_hold
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

MAX_BYTES = 10_240
"""Largest value, as JSON: the 10 KB of Prefect Cloud."""
LONGEST_KEY = 255


async def set_key_value(store: Store, caller: Caller, *, key: str, value: Any) -> UUID:
    """Keep a value under a key, or change it; the pair's id, which stays.

    Raises:
        TowpathError: `BAD_REQUEST` for a key or value out of bounds; `FENCED` for the token of a claim that is over.
    """
    if not key.strip() or len(key) > LONGEST_KEY or "\0" in key:
        raise TowpathError(Code.BAD_REQUEST, f"A key is a text of 1 to {LONGEST_KEY} characters.")
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
    if size > MAX_BYTES:
        sentence = f"A value may be {MAX_BYTES:,} bytes of JSON at most; this one is {size:,}. Keep it in a Result, and its location here."
        raise TowpathError(Code.BAD_REQUEST, sentence, size=size)
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        row = await tx.one("store_key_value", id=uuid7(), tenant_id=caller.tenant(), key=key, value=Json(value))
        assert row is not None
        kept: UUID = row["id"]
        return kept


async def delete_key_value(store: Store, caller: Caller, key_value_id: UUID) -> None:
    """Delete a pair.

    Raises:
        TowpathError: `NOT_FOUND`; `FENCED` for the token of a claim that is over.
    """
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        if await tx.one("delete_key_value", id=key_value_id, tenant_id=caller.tenant()) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no key-value pair {key_value_id}.")
