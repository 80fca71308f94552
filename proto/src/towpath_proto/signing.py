"""The bytes that the signature of a flow covers (architecture §6).

Flow code is an opaque blob to every service. Its author's key signs the blob's hash together with the tenant and the flow's name, so a
blob cannot be moved to another flow or tenant. No cryptography happens here: the SDK and the agents sign and verify with Ed25519.
"""

from __future__ import annotations

import hashlib

_DOMAIN = b"towpath.flow.v1"


def code_hash(blob: bytes) -> str:
    """The content address of a flow's code: sha256 in lower-case hex (64 characters)."""
    return hashlib.sha256(blob).hexdigest()


def signed_message(code_sha256: str, tenant_id: str, flow_name: str) -> bytes:
    """The message to sign or verify.

    Args:
        code_sha256: Hex digest from `code_hash`.
        tenant_id: The tenant's id, any spelling of the UUID's case.
        flow_name: The flow's name as registered.
    """
    parts = (_DOMAIN, bytes.fromhex(code_sha256), tenant_id.lower().encode(), flow_name.encode())
    # each part is preceded by its length, so no two different triples give one message
    return b"".join(len(p).to_bytes(4, "big") + p for p in parts)


def key_id(public_key: bytes) -> str:
    """Short stable name of a public key: the first 32 hex digits of its sha256."""
    return hashlib.sha256(public_key).hexdigest()[:32]
