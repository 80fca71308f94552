"""A tenant's secrets: kept encrypted, shown to those who run flows, each write and each read in the audit trail.

A value stands in the answer to who asked for it and nowhere else: in no event, log, history or error.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Cipher, Sealed, Store
from towpath_graphql.app.storing import must_hold
from towpath_proto.errors import Code, TowpathError

MAX_BYTES = 65_536
"""Largest secret, as JSON."""
LONGEST_NAME = 255
PAGE = 500
MISSING = "No value found for the requested key"
"""Prefect 1's client looks for these very words."""


async def set_secret(store: Store, caller: Caller, cipher: Cipher, *, name: str, value: Any) -> None:
    """Keep a secret, or change it.

    Raises:
        TowpathError: `BAD_REQUEST` for a name or value out of bounds, `BAD_SETTING` where this installation has no key.
    """
    if not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
        raise TowpathError(Code.BAD_REQUEST, f"A secret needs a name of {LONGEST_NAME} characters at most.")
    text = json.dumps(value, separators=(",", ":")).encode()
    if len(text) > MAX_BYTES:
        raise TowpathError(Code.BAD_REQUEST, f"A secret may be {MAX_BYTES:,} bytes of JSON at most; this one is {len(text):,}.")
    tenant = caller.tenant()
    sealed = cipher.seal(text, place=_place(tenant, name))
    async with store.transaction() as tx:
        await tx.run("store_secret", tenant_id=tenant, name=name, ciphertext=sealed.ciphertext, key_id=sealed.key_id)
        await note(tx, caller, "set_secret", "secret", None, name=name)


async def secret_value(store: Store, caller: Caller, cipher: Cipher, name: str) -> Any:
    """A secret's value.

    Raises:
        TowpathError: `NOT_FOUND`; `FENCED` for the token of a claim that is over; `BAD_SETTING` when its key is not among ours.
    """
    tenant = caller.tenant()
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        row = await tx.one("secret", tenant_id=tenant, name=name)
        await note(tx, caller, "secret_value", "secret", None, name=name[:LONGEST_NAME], found=row is not None)
    if row is None:  # told after the commit: that somebody asked is noted all the same
        raise TowpathError(Code.NOT_FOUND, f"{MISSING}: there is no secret of this name; set it with `towpath secret set`.")
    return json.loads(cipher.unseal(Sealed(row["key_id"], bytes(row["ciphertext"])), place=_place(tenant, name)))


async def secret_names(store: Store, caller: Caller) -> list[str]:
    """Names of the tenant's secrets, in order.

    Raises:
        TowpathError: `FENCED` for the token of a claim that is over.
    """
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        return [row["name"] for row in await tx.all("secret_names", tenant_id=caller.tenant())]


async def delete_secret(store: Store, caller: Caller, name: str) -> None:
    """Delete a secret.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    async with store.transaction() as tx:
        if await tx.one("delete_secret", tenant_id=caller.tenant(), name=name) is None:
            raise TowpathError(Code.NOT_FOUND, f"{MISSING}: there is no secret of this name.")
        await note(tx, caller, "delete_secret", "secret", None, name=name)


async def re_encrypt(store: Store, cipher: Cipher) -> int:
    """Encrypt with the first key what is encrypted with another, so that the others can be taken out of the list; how many it were.

    Raises:
        TowpathError: `BAD_SETTING` when a secret's key is not among ours; the pages before it are done.
    """
    done = 0
    while True:
        async with store.transaction() as tx:
            rows = await tx.all("lock_secrets_under_other_keys", key_id=cipher.key_id, limit=PAGE)
            anew = [
                cipher.seal(cipher.unseal(Sealed(r["key_id"], bytes(r["ciphertext"])), place=place), place=place).ciphertext
                for r in rows
                for place in (_place(r["tenant_id"], r["name"]),)
            ]
            if rows:
                tenants, names = [r["tenant_id"] for r in rows], [r["name"] for r in rows]
                await tx.run("re_encrypt_secrets", key_id=cipher.key_id, tenant_ids=tenants, names=names, ciphertexts=anew)
        done += len(rows)
        if len(rows) < PAGE:
            return done


def _place(tenant_id: UUID, name: str) -> str:
    return f"towpath secret\0{tenant_id}\0{name}"
