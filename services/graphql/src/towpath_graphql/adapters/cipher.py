"""Encrypts secrets at rest: AES-256-GCM with a fresh nonce for each, the place of the row as associated data.

Keys come from `TOWPATH_SECRET_KEY`; the first encrypts, all of them decrypt. A key is known by the beginning of its SHA-256, so the list
may be put into another order. Nobody who has the database alone can read a secret, or put one into another's place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from towpath_graphql.app.ports import Sealed
from towpath_proto.errors import Code, TowpathError

KEY_BYTES = 32
_NONCE = 12


class AesCipher:
    """See `ports.Cipher` for its obligations.

    Args:
        keys: Keys of 32 bytes; without one nothing is sealed or opened.
    """

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = {hashlib.sha256(b"towpath secret key\0" + key).hexdigest()[:16]: AESGCM(key) for key in keys}

    @property
    def key_id(self) -> str:
        """Names the first key."""
        for name in self._keys:
            return name
        raise TowpathError(
            Code.BAD_SETTING,
            "This installation keeps no secrets: set TOWPATH_SECRET_KEY of the graphql service to the output of `openssl rand -base64 32`.",
            setting="TOWPATH_SECRET_KEY",
        )

    def seal(self, text: bytes, *, place: str) -> Sealed:
        """Encrypt a text for one place."""
        name, nonce = self.key_id, os.urandom(_NONCE)
        return Sealed(name, nonce + self._keys[name].encrypt(nonce, text, place.encode()))

    def unseal(self, sealed: Sealed, *, place: str) -> bytes:
        """The text, if it was sealed for this place."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            sentence = f"This secret is encrypted with key {sealed.key_id}, which is not in TOWPATH_SECRET_KEY; put that key back there."
            raise TowpathError(Code.BAD_SETTING, sentence, setting="TOWPATH_SECRET_KEY")
        try:
            return key.decrypt(sealed.ciphertext[:_NONCE], sealed.ciphertext[_NONCE:], place.encode())
        except (InvalidTag, ValueError):
            sentence = "This secret's row was damaged, or belongs to another secret; set the secret again."
            raise TowpathError(Code.BAD_SETTING, sentence) from None


def read_keys(text: str | None) -> tuple[bytes, ...]:
    """Keys from `TOWPATH_SECRET_KEY`: base64 of 32 bytes each, separated by commas.

    Raises:
        TowpathError: `BAD_SETTING` for anything else.
    """
    return tuple(_key(part.strip()) for part in (text or "").split(",") if part.strip())


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.rstrip("=").replace("-", "+").replace("_", "/") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        sentence = "TOWPATH_SECRET_KEY must be base64 of 32 random bytes (`openssl rand -base64 32`), or several with commas between."
        raise TowpathError(Code.BAD_SETTING, sentence, setting="TOWPATH_SECRET_KEY")
    return key
