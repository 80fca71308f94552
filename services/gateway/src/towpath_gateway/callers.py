"""Who a caller is (architecture §6).

Four credentials, told apart by their form: API keys (`twk_…`, looked up by the graphql service and remembered for ten seconds at most),
run tokens (`twr_…`, checked here by their HMAC), the service token of the loops, and none at all, which is the admin of the default
tenant on a gateway without keys. A credential that is none of these is refused, on a gateway without keys too: whoever sends one means
to be somebody. Headers of ours or Hasura's that claim an identity are never read.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from towpath_gateway.backends import FORWARDED, Backends, Caller
from towpath_gateway.splitting import Side
from towpath_proto import wire
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity as identities
from towpath_service_kit.clock import Clock
from towpath_service_kit.identity import Identity, Role

KEY_TTL = 10.0
"""Seconds for which a key that was found is trusted without another look."""
UNKNOWN_KEY_TTL = 2.0
"""The same for a key that was not found, so that guessing costs the database little."""
_TENANT_TTL = 30.0
_KEYS = 10_000
_GATEWAY = Identity(tenant=None, role=Role.SERVICE, actor="gateway")
_LOCAL = "local"


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    identity: Identity | None


class Callers:
    """Finds out who a caller is.

    Args:
        backends: Where keys are looked up.
        auth: Whether a caller needs a credential.
        identity_secret: Checks run tokens.
        service_token: The loops' token.
        clock: Measures how long a key is remembered.
    """

    def __init__(self, backends: Backends, *, auth: bool, identity_secret: str, service_token: str | None, clock: Clock) -> None:
        self._backends = backends
        self._auth = auth
        self._identity_secret = identity_secret
        self._service_token = service_token
        self._clock = clock
        self._keys: OrderedDict[str, _Known] = OrderedDict()
        self._looking: dict[str, asyncio.Task[Identity | None]] = {}
        self._default_tenant: tuple[float, UUID] | None = None

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request.

        Args:
            headers: The request's headers, by lower-case name.

        Raises:
            TowpathError: `UNAUTHENTICATED`; `FORBIDDEN` for another tenant than the credential's; `UNAVAILABLE` when a key cannot be
                looked up.
        """
        wanted = _wanted_tenant(headers)
        identity = await self._identity(headers.get("authorization"), wanted)
        if wanted is not None and identity.tenant != wanted:
            raise TowpathError(Code.FORBIDDEN, "This credential belongs to another tenant than the one that the request names.")
        return Caller(identity, {name: headers[name] for name in FORWARDED if name in headers})

    async def _identity(self, authorization: str | None, wanted: UUID | None) -> Identity:
        if not (authorization or "").strip():
            if self._auth:
                raise _refused("UNAUTHENTICATED: send an API key as `Authorization: Bearer twk_…`.")
            return Identity(tenant=wanted or await self._first_tenant(), role=Role.ADMIN, actor=_LOCAL)
        credential = identities.bearer(authorization)
        if credential is None or not credential.isascii():
            raise _refused("Malformed Authorization header; send `Authorization: Bearer <key>`.")
        if credential.startswith(identities.RUN_TOKEN_PREFIX):
            token = identities.verify_run_token(self._identity_secret, credential)
            return Identity(tenant=token.tenant, role=Role.RUN, actor=f"run {token.run}", run=token.run, fence=token.fence)
        if credential.startswith(identities.API_KEY_PREFIX):
            found = await self._key(identities.hash_api_key(credential))
            if found is None:
                raise _refused("UNAUTHENTICATED: the API key is unknown, deleted or expired; make another one.")
            return found
        if self._service_token is not None and identities.same_secret(credential, self._service_token):
            return Identity(tenant=wanted, role=Role.SERVICE, actor="service")
        raise _refused("UNAUTHENTICATED: the credential is no API key, run token or service token of this installation.")

    async def _key(self, key_hash: str) -> Identity | None:
        known = self._keys.get(key_hash)
        if known is not None and known.until > self._clock.monotonic():
            return known.identity
        task = self._looking.get(key_hash)
        if task is None:
            task = self._looking[key_hash] = asyncio.create_task(self._look_up(key_hash), name="look up key")
            task.add_done_callback(lambda done: self._looked_up(key_hash, done))
        return await asyncio.shield(task)

    def _looked_up(self, key_hash: str, task: asyncio.Task[Identity | None]) -> None:
        self._looking.pop(key_hash, None)
        if not task.cancelled():
            task.exception()  # seen, even when whoever waited for it has gone

    async def _look_up(self, key_hash: str) -> Identity | None:
        asked = self._clock.monotonic()
        query = "query($hash: String!) { verify_api_key(key_hash: $hash) { tenant_id role actor } }"
        answer = await self._backends.ask(Side.BUSINESS, query, {"hash": key_hash}, Caller(_GATEWAY))
        row = wire.decode(answer.status, answer.body).get("verify_api_key")
        identity = None
        if row is not None:
            role = Role(row["role"])
            if role in (Role.SERVICE, Role.RUN) or row["tenant_id"] is None:
                raise _refused("The API key has no tenant and role of its own; make another one.")
            identity = Identity(tenant=UUID(row["tenant_id"]), role=role, actor=str(row["actor"]))
        # counted from the question: the answer was true then, not when it arrived
        self._keys[key_hash] = _Known(asked + (KEY_TTL if identity else UNKNOWN_KEY_TTL), identity)
        self._keys.move_to_end(key_hash)
        if len(self._keys) > _KEYS:
            self._keys.popitem(last=False)
        return identity

    async def _first_tenant(self) -> UUID | None:
        """The default tenant: what the graphql service calls it, or else the oldest there is; None while there is none."""
        now = self._clock.monotonic()
        if self._default_tenant is not None and self._default_tenant[0] > now:
            return self._default_tenant[1]
        local = Caller(Identity(tenant=None, role=Role.ADMIN, actor=_LOCAL))
        try:
            answer = await self._backends.ask(Side.BUSINESS, "{ auth_info { tenant_id } }", {}, local)
            tenant = (wire.decode(answer.status, answer.body).get("auth_info") or {}).get("tenant_id")
        except TowpathError:
            if self._default_tenant is not None:
                return self._default_tenant[1]
            tenant = None
        if tenant is None:
            tenant = await self._oldest_tenant()
        if tenant is None:
            return None
        self._default_tenant = (now + _TENANT_TTL, UUID(tenant))
        return self._default_tenant[1]

    async def _oldest_tenant(self) -> str | None:
        query = "{ tenant(order_by: {created: asc}, limit: 1) { id } }"
        answer = await self._backends.ask(Side.READ, query, {}, Caller(_GATEWAY))
        try:
            rows = wire.decode(answer.status, answer.body).get("tenant") or []
        except TowpathError:
            return None
        return str(rows[0]["id"]) if rows else None


def _wanted_tenant(headers: Mapping[str, str]) -> UUID | None:
    text = headers.get("x-towpath-tenant") or headers.get("x-prefect-tenant-id")
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise TowpathError(Code.BAD_REQUEST, "The tenant that the request names in its header is no UUID; correct or drop it.") from None


def _refused(sentence: str) -> TowpathError:
    return TowpathError(Code.UNAUTHENTICATED, sentence)
