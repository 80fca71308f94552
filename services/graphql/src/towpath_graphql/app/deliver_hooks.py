"""Tells hooks what is due to be told. Deliveries are rows that were written with the state; here they are claimed, sent and settled.

Failure cases:

* *This process dies after a claim.* The delivery is due again after `LEASE`, with the same id: at least once.
* *The receiver is away, slow or says no.* It is tried again, later each time, up to `hooks.MAX_ATTEMPTS`; the hook says what happened last.
* *A tenant's receivers are slow.* They hold its own share of the attempts; other tenants' hooks are told meanwhile.
* *Some of a hook's telephones were reached.* Only the others are tried again.
* *Another process has claimed it meanwhile.* The number of attempts has grown, so what this one finds out changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.ports import Cipher, HookSender, Json, NotTold, Row, Sealed, Store
from towpath_graphql.domain import hooks
from towpath_proto import timers
from towpath_proto.errors import TowpathError
from towpath_service_kit.logs import get_log

_log = get_log(__name__)
LEASE = 30.0
"""Seconds after which what was claimed and not settled is due again: longer than any attempt."""
AT_ONCE = 32
"""Attempts of one process at the same time."""
SHARE = 8
"""Of these one tenant's: its slow receivers leave room for the others."""
GATHER = 0.05
"""Seconds after a commit before the next look."""


@dataclass(frozen=True, slots=True)
class Told:
    """How hooks are told.

    Attributes:
        sender: Sends requests.
        endpoints: Where third parties are.
    """

    sender: HookSender
    endpoints: hooks.Endpoints


def place(tenant_id: UUID, hook_id: UUID) -> str:
    """Where a sealed config belongs."""
    return f"towpath hook\0{tenant_id}\0{hook_id}"


def opened(cipher: Cipher, tenant_id: UUID, row: Row) -> dict[str, Any]:
    """A hook's `config` and `secret`."""
    hook_id = row.get("hook_id") or row["id"]
    found: dict[str, Any] = json.loads(cipher.unseal(Sealed(row["key_id"], bytes(row["sealed"])), place=place(tenant_id, hook_id)))
    return found


async def tell(store: Store, cipher: Cipher, told: Told, row: Row) -> None:
    """Tell a hook of an event: what has not been told yet, all of it, although some of it may fail.

    Raises:
        NotTold: Not all of it could be told; it names what was.
    """
    event: Mapping[str, Any] = {"id": str(row["id"]), **row["event"]}
    if row["type"] == hooks.MESSAGE:
        async with store.transaction() as tx:
            text, content = hooks.sentence(event), Json({"event": event})
            await tx.run("insert_message", id=row["id"], tenant_id=row["tenant_id"], type="CLOUD_HOOK", text=text, content=content)
        return
    try:
        kept = opened(cipher, row["tenant_id"], row)
    except TowpathError as e:
        raise NotTold(e.message.rstrip(".")) from None
    now = datetime.now(UTC)
    done, failed = set(row.get("told") or ()), []
    for number, request in enumerate(hooks.requests(row["type"], kept["config"], kept["secret"], event, now=now, endpoints=told.endpoints)):
        if number in done:
            continue
        try:
            await told.sender.send(request)
        except NotTold as e:
            failed.append(e)
        else:
            done.add(number)
    if failed:
        raise NotTold(str(failed[0]), final=all(e.final for e in failed), told=sorted(done))


class HookWorker:
    """Tells hooks, for as long as it runs.

    Args:
        store: Where deliveries are.
        cipher: Opens configs.
        told: How hooks are told.
        chance: From 0 to 1; spreads attempts.
    """

    def __init__(self, store: Store, cipher: Cipher, told: Told, *, chance: Callable[[], float] = random.random) -> None:
        self._store = store
        self._cipher = cipher
        self._told = told
        self._chance = chance
        self._wake = asyncio.Event()
        self._hooks = True
        self._under_way: dict[asyncio.Task[None], UUID] = {}
        """With their tenants."""

    def wake(self) -> None:
        """Something committed; where there are no hooks that is nothing to look at."""
        if self._hooks:
            self._wake.set()

    def expect(self) -> None:
        """A hook was made or switched on: what commits from now on may be to be told."""
        self._hooks = True
        self._wake.set()

    async def run(self) -> None:
        """Work for ever; cancel to stop. What is under way then is due again after `LEASE`."""
        try:
            while True:
                await self._turn()
        finally:
            left = list(self._under_way)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _turn(self) -> None:
        wait = timers.SWEEP
        self._wake.clear()
        try:
            await self.begin_due()
            seconds = await self._look()
            if seconds is not None and len(self._under_way) < AT_ONCE:
                wait = min(wait, max(seconds, GATHER))
        except TowpathError as e:
            _log.warning("hooks_not_told", code=str(e.code), cause=e.message)
        except Exception as e:  # whatever one row did to us: the worker must not die unnoticed while the service serves
            _log.error("hooks_not_told", error=e)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()
        await asyncio.sleep(GATHER)

    async def _look(self) -> float | None:
        """Seconds until something is due of a tenant who has room; whether there are hooks at all is noted."""
        # who has its share is left out: the end of an attempt wakes the worker
        full = [tenant for tenant, used in Counter(self._under_way.values()).items() if used >= SHARE]
        async with self._store.transaction() as tx:
            row = await tx.one("next_hook_delivery", full=full)
        assert row is not None
        self._hooks = bool(row["hooks"] or full or row["seconds"] is not None)
        seconds: float | None = row["seconds"]
        return seconds

    async def begin_due(self) -> list[asyncio.Task[None]]:
        """Claim what is due, as far as there is room, and begin to tell it; the attempts that were begun."""
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return []
        async with self._store.transaction() as tx:
            busy = Counter(self._under_way.values())
            rows = await tx.all("claim_hook_deliveries", limit=room, lease=LEASE, share=SHARE, busy=list(busy), used=list(busy.values()))
        begun = []
        for row in rows:
            task = asyncio.create_task(self._attempt(row), name="hook")
            self._under_way[task] = row["tenant_id"]
            task.add_done_callback(self._ended)
            begun.append(task)
        return begun

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._wake.set()

    async def _attempt(self, row: Row) -> None:
        status, error, delay, told = "delivered", None, None, row["told"]
        try:
            await tell(self._store, self._cipher, self._told, row)
        except NotTold as e:
            delay = None if e.final else hooks.delay_after(row["attempts"], self._chance())
            status, error, told = "failed" if delay is None else "retrying", str(e), e.told or told
            _log.warning("hook_not_told", hook_id=str(row["hook_id"]), event_id=str(row["id"]), attempts=row["attempts"], cause=error)
        except TowpathError as e:
            delay = hooks.delay_after(row["attempts"], self._chance())
            status, error = "failed" if delay is None else "retrying", e.message
        except Exception as e:  # an event of a shape that nobody foresaw: given up, and said
            _log.error("hook_not_told", error=e, hook_id=str(row["hook_id"]))
            status, error = "failed", "This event cannot be told; the service's log has the details."
        ended = {"status": status, "error": error, "delay": delay, "attempts": row["attempts"], "told": told}
        try:
            async with self._store.transaction() as tx:
                await tx.run("settle_hook_delivery", id=row["id"], tenant_id=row["tenant_id"], **ended)
        except TowpathError as e:
            _log.warning("hook_not_settled", event_id=str(row["id"]), cause=e.message)


async def re_encrypt_hooks(store: Store, cipher: Cipher, *, page: int = 200) -> int:
    """Seal with the first key what is sealed with another; how many hooks it were.

    Raises:
        TowpathError: `BAD_SETTING` when a hook's key is not among ours; the pages before it are done.
    """
    done = 0
    while True:
        async with store.transaction() as tx:
            rows = await tx.all("lock_hooks_under_other_keys", key_id=cipher.key_id, limit=page)
            for row in rows:
                where = place(row["tenant_id"], row["id"])
                sealed = cipher.seal(cipher.unseal(Sealed(row["key_id"], bytes(row["sealed"])), place=where), place=where)
                await tx.run("re_encrypt_hook", id=row["id"], tenant_id=row["tenant_id"], key_id=sealed.key_id, sealed=sealed.ciphertext)
        done += len(rows)
        if len(rows) < page:
            return done
