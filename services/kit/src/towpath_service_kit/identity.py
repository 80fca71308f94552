"""Who a caller is: the signed identity header, run tokens and API keys.

The gateway decides who a caller is and signs that for the services behind it (architecture §6); this module makes and checks the signatures
and the token formats. It does not decide what a role may do, and keeps no keys. Formats:

- identity header: `<base64url(json)>.<base64url(hmac_sha256(secret, first part))>`, without padding.
- run token: `twr_<base64url(tenant ‖ run ‖ fence ‖ hmac)>`; the key is derived from the identity secret. It names one run and one fence and
  needs no expiry: when the run's fence has risen, it opens nothing.
- API key: `twk_<256 random bits>`; only its SHA-256 is stored. A slow hash would guard guessable secrets, and this is none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import struct
import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from towpath_proto.errors import Code, TowpathError

HEADER = "x-towpath-identity"
"""Name of the identity header."""
API_KEY_PREFIX = "twk_"
RUN_TOKEN_PREFIX = "twr_"
DEFAULT_TTL = 60.0
"""Seconds that a signed identity is good for."""
SIGNED_ANEW = 5.0
"""Seconds after which a `Signer` signs the same identity anew."""
REMEMBERED = 1_000
"""Identities that a `Signer` or a `Verifier` remembers."""

_LEEWAY = 5.0  # the gateway's clock and ours may differ by this much
_RUN_TOKEN = struct.Struct(">16s16sQ")
_MAC = hashlib.sha256().digest_size
_K = TypeVar("_K")
_V = TypeVar("_V")


class Role(StrEnum):
    """What a caller is to the services."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    AGENT = "agent"
    SERVICE = "service"
    """The loops; across tenants."""
    RUN = "run"
    """One run only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A caller.

    Attributes:
        tenant: The caller's tenant; None for the loops, which serve all.
        role: What the caller may do.
        actor: Who it is, for history and logs: a key's name, `scheduler`, `run`.
        run: The one run of a caller of role `run`.
        fence: The fence that its token was made for.
    """

    tenant: UUID | None
    role: Role
    actor: str
    run: UUID | None = None
    fence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunToken:
    """What a run token says.

    Attributes:
        tenant: Tenant of the run.
        run: The flow run.
        fence: The claim for which the token was made.
    """

    tenant: UUID
    run: UUID
    fence: int


def sign(identity: Identity, secret: str, *, ttl: float = DEFAULT_TTL, now: float | None = None) -> str:
    """The value of the identity header.

    Args:
        identity: The caller.
        secret: `TOWPATH_IDENTITY_SECRET`.
        ttl: Seconds until it expires.
        now: Unix time; the clock's by default.
    """
    expiry = (time.time() if now is None else now) + ttl
    fields = {
        "tenant": None if identity.tenant is None else str(identity.tenant),
        "role": str(identity.role),
        "actor": identity.actor,
        "run": None if identity.run is None else str(identity.run),
        "fence": identity.fence,
        "exp": int(expiry),
    }
    body = _encode(json.dumps(fields, separators=(",", ":")).encode())
    return f"{body}.{_encode(_mac(secret.encode(), body.encode()))}"


def verify(header: str | None, secret: str, *, now: float | None = None) -> Identity:
    """The identity that a header carries.

    Raises:
        TowpathError: `UNAUTHENTICATED` when it is missing, forged, malformed or expired.
    """
    identity, expiry = _signed(header, secret)
    _check_expiry(expiry, now)
    return identity


def _check_expiry(expiry: float, now: float | None) -> None:
    if (time.time() if now is None else now) > expiry + _LEEWAY:
        raise _refused("The identity of the request has expired; check the clocks of the gateway and of this service.")


def _signed(header: str | None, secret: str) -> tuple[Identity, float]:
    """The identity of a header whose signature is good, and when it expires."""
    if not header:
        raise _refused("This service answers the gateway only; send the request there.")
    body, dot, signature = header.partition(".")
    if not dot or not header.isascii() or not hmac.compare_digest(_encode(_mac(secret.encode(), body.encode())), signature):
        raise _refused("The identity of the request is not signed with this installation's secret; check TOWPATH_IDENTITY_SECRET.")
    try:
        fields: dict[str, Any] = json.loads(_decode(body))
        expiry = float(fields["exp"])
        identity = Identity(
            tenant=None if fields["tenant"] is None else UUID(fields["tenant"]),
            role=Role(fields["role"]),
            actor=str(fields["actor"]),
            run=None if fields.get("run") is None else UUID(fields["run"]),
            fence=None if fields.get("fence") is None else int(fields["fence"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise _refused("The identity of the request is signed but malformed; gateway and service are of different versions.") from e
    return identity, expiry


class Signer:
    """Signs identities; the same one again for a few seconds, since a caller's requests come in numbers.

    Args:
        secret: `TOWPATH_IDENTITY_SECRET`.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._signed: OrderedDict[Identity, tuple[float, str]] = OrderedDict()

    def sign(self, identity: Identity, *, now: float | None = None) -> str:
        """As `sign`; the header is good for `DEFAULT_TTL - SIGNED_ANEW` seconds at least."""
        moment = time.time() if now is None else now
        made, header = self._signed.get(identity, (0.0, ""))
        if 0 <= moment - made < SIGNED_ANEW:
            return header
        header = sign(identity, self._secret, now=moment)
        _remember(self._signed, identity, (moment, header))
        return header


class Verifier:
    """Verifies headers; a signature that was good is not calculated again, the expiry is looked at each time.

    Args:
        secret: `TOWPATH_IDENTITY_SECRET`.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._good: OrderedDict[str, tuple[Identity, float]] = OrderedDict()

    def verify(self, header: str | None, *, now: float | None = None) -> Identity:
        """As `verify`."""
        known = self._good.get(header or "")
        if known is None:
            known = _signed(header, self._secret)
            _remember(self._good, header or "", known)
        identity, expiry = known
        _check_expiry(expiry, now)
        return identity


def _remember(memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)


def make_run_token(secret: str, tenant: UUID, run: UUID, fence: int) -> str:
    """The token with which a run's process speaks for its run."""
    body = _RUN_TOKEN.pack(tenant.bytes, run.bytes, fence)
    return RUN_TOKEN_PREFIX + _encode(body + _mac(_run_token_key(secret), body))


def verify_run_token(secret: str, token: str) -> RunToken:
    """What a run token says, once its signature is checked.

    Raises:
        TowpathError: `UNAUTHENTICATED` when it is none of ours.
    """
    try:
        raw = _decode(token.removeprefix(RUN_TOKEN_PREFIX)) if token.startswith(RUN_TOKEN_PREFIX) else b""
    except ValueError:
        raw = b""
    body, mac = raw[: _RUN_TOKEN.size], raw[_RUN_TOKEN.size :]
    if len(raw) != _RUN_TOKEN.size + _MAC or not hmac.compare_digest(_mac(_run_token_key(secret), body), mac):
        raise _refused("The run token is not one of this installation.")
    tenant, run, fence = _RUN_TOKEN.unpack(body)
    return RunToken(tenant=UUID(bytes=tenant), run=UUID(bytes=run), fence=fence)


def make_api_key() -> str:
    """A new API key. It is shown once; `hash_api_key` of it is what is stored."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def hash_api_key(key: str) -> str:
    """What is stored and looked up of an API key: its SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def same_secret(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def bearer(authorization: str | None) -> str | None:
    """The credential of an `Authorization: Bearer …` header; None when there is none."""
    scheme, _, credential = (authorization or "").strip().partition(" ")
    return credential.strip() or None if scheme.lower() == "bearer" else None


def _run_token_key(secret: str) -> bytes:
    return _mac(secret.encode(), b"towpath run token 1")


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as e:
        raise ValueError("not base64url") from e


def _refused(sentence: str) -> TowpathError:
    return TowpathError(Code.UNAUTHENTICATED, sentence)
