"""The signing key of this user, and the public keys whose flows may run here (architecture §6).

Flow code is signed where it is registered and verified where it runs, before it is unpickled. The API carries signatures and public keys
but is not believed: a key counts only when it is in TOWPATH_TRUSTED_KEYS, was pinned by `towpath keys trust`, or is this user's own while
the API is on this machine's loopback. The private key never leaves `<home>/keys`.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import getpass
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from towpath.client.settings import Settings, is_loopback
from towpath_proto import signing
from towpath_proto.errors import Code, TowpathError

_KEY_FILE = "signing.pem"
_TRUST_FILE = "trusted"


def _private_folder(home: Path) -> Path:
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key that may sign flows.

    Attributes:
        public_key: Raw Ed25519 bytes.
        name: Whose it is, for people.
        source: Where the trust comes from.
    """

    public_key: bytes
    name: str
    source: str

    @property
    def key_id(self) -> str:
        """Short stable name."""
        return signing.key_id(self.public_key)

    @property
    def text(self) -> str:
        """Base64 of the key."""
        return base64.b64encode(self.public_key).decode()


class SigningKey:
    """An Ed25519 private key.

    Args:
        private: The key.
        name: Whose it is, for people.
    """

    def __init__(self, private: Ed25519PrivateKey, *, name: str) -> None:
        self._private = private
        self.name = name
        self.public_key = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = signing.key_id(self.public_key)

    @property
    def text(self) -> str:
        """Base64 of the public half."""
        return base64.b64encode(self.public_key).decode()

    def sign(self, *, code_sha256: str, tenant_id: str, flow_name: str) -> bytes:
        """Signature of a flow's code for one tenant and flow name."""
        return self._private.sign(signing.signed_message(code_sha256, tenant_id, flow_name))

    @classmethod
    def load(cls, home: Path) -> SigningKey | None:
        """This user's key, or None when it has not been made yet.

        Raises:
            TowpathError: `BAD_SETTING` when others may read the file, or it is no key.
        """
        path = home / "keys" / _KEY_FILE
        try:
            content = path.read_bytes()
            mode = path.stat().st_mode
        except FileNotFoundError:
            return None
        if mode & 0o077:
            raise TowpathError(Code.BAD_SETTING, f"Other users may read the signing key {path}; run: chmod 600 {path}")
        try:
            private = load_pem_private_key(content, password=None)
        except ValueError as e:
            raise _no_key(path) from e
        if not isinstance(private, Ed25519PrivateKey):
            raise _no_key(path)
        return cls(private, name=_user_name())

    @classmethod
    def load_or_create(cls, home: Path) -> SigningKey:
        """This user's key; made when it does not exist. Two processes that make it at once get the same one."""
        found = cls.load(home)
        if found is not None:
            return found
        folder = _private_folder(home)
        private = Ed25519PrivateKey.generate()
        descriptor, draft = tempfile.mkstemp(dir=folder)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as f:
                f.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            with contextlib.suppress(FileExistsError):  # the other process was first: its key is the key
                os.link(draft, folder / _KEY_FILE)
        finally:
            os.unlink(draft)
        made = cls.load(home)
        assert made is not None
        return made


def _no_key(path: Path) -> TowpathError:
    return TowpathError(Code.BAD_SETTING, f"{path} is no Ed25519 private key; move it away and a new one is made at the next register.")


def _user_name() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def parse_public_key(text: str) -> bytes:
    """Raw bytes of a base64 public key.

    Raises:
        TowpathError: `BAD_SETTING` when it is none.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise TowpathError(Code.BAD_SETTING, f"{text!r} is no public key; it is the 44 characters that `towpath keys show` prints.")
    return raw


class TrustStore:
    """The keys whose flows may run here, by key id."""

    def __init__(self, keys: Mapping[str, TrustedKey]) -> None:
        self.keys = dict(keys)

    @classmethod
    def load(cls, settings: Settings) -> TrustStore:
        """Read the settings, the pinned keys and, on loopback, this user's own key."""
        found: dict[str, TrustedKey] = {}

        def add(key: TrustedKey) -> None:
            found.setdefault(key.key_id, key)

        for text in settings.trusted_keys.replace(",", " ").split():
            add(TrustedKey(parse_public_key(text), "", "TOWPATH_TRUSTED_KEYS"))
        for key in pinned(settings.home):
            add(key)
        if is_loopback(settings.api_url):
            own = SigningKey.load(settings.home)
            if own is not None:
                add(TrustedKey(own.public_key, own.name, "own key (the API is on loopback)"))
        return cls(found)

    def as_setting(self) -> str:
        """The public keys as `TOWPATH_TRUSTED_KEYS` takes them; they are no secret."""
        return " ".join(key.text for key in self.keys.values())

    def verify(
        self, *, code_sha256: str, signature: bytes | None, key_id: str | None, tenant_id: str, flow_name: str, offered: str | None = None
    ) -> None:
        """Return when a trusted key signed exactly this code for this tenant and flow name.

        Args:
            code_sha256: Hash of the code, computed here.
            signature: The signature that came with it.
            key_id: The key that is said to have signed it.
            tenant_id: The tenant in which it runs.
            flow_name: The flow as which it runs.
            offered: The public key that the API offers (base64); used in the error's sentence only.

        Raises:
            TowpathError: `UNTRUSTED_KEY` or `BAD_SIGNATURE`.
        """
        if not signature or not key_id:
            sentence = f"The code of flow {flow_name!r} is not signed, so it is not run. Register the flow again."
            raise TowpathError(Code.BAD_SIGNATURE, sentence)
        key = self.keys.get(key_id)
        if key is None:
            spelled = offered if offered and signing.key_id(parse_public_key(offered)) == key_id else "<public key>"
            raise TowpathError(
                Code.UNTRUSTED_KEY,
                f"The flow {flow_name!r} is signed by key {key_id}, which this machine does not trust. Ask its author for that id, "
                f"and if it is theirs run: towpath keys trust {spelled}",
                key_id=key_id,
            )
        try:
            message = signing.signed_message(code_sha256, tenant_id, flow_name)
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
        except InvalidSignature:
            raise TowpathError(
                Code.BAD_SIGNATURE,
                f"The signature on flow {flow_name!r} does not fit its code, name and tenant, so it is not run. "
                "Either it was changed after signing or it is not what its key's owner registered; register the flow again.",
                key_id=key_id,
            ) from None


def pinned(home: Path) -> list[TrustedKey]:
    """The keys pinned by `towpath keys trust`, in the order in which that happened."""
    path = home / "keys" / _TRUST_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    keys = []
    for line in lines:
        text, _, name = line.strip().partition(" ")
        if text and not text.startswith("#"):
            keys.append(TrustedKey(parse_public_key(text), name.strip(), str(path)))
    return keys


def pin(home: Path, public_key: bytes, *, name: str = "") -> TrustedKey:
    """Trust a key from now on. Pinning it again changes nothing."""
    path = _private_folder(home) / _TRUST_FILE
    key = TrustedKey(public_key, " ".join(name.split()), str(path))
    if key.key_id not in {k.key_id for k in pinned(home)}:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as f:
            f.write(f"{key.text} {key.name}".rstrip() + "\n")
    return key
