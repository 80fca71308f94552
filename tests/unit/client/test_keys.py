"""Signing keys and trust."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from towpath.client import Settings
from towpath.client.keys import SigningKey, TrustStore, parse_public_key, pin, pinned
from towpath_proto.errors import Code, TowpathError
from towpath_proto.signing import code_hash

TENANT = "0191a6c2-0000-7000-8000-000000000000"


def _store(home: Path, **env: str) -> TrustStore:
    return TrustStore.load(Settings.from_env({"TOWPATH_HOME": str(home), **env}))


def _verify(
    store: TrustStore, key: SigningKey, *, blob: bytes = b"code", signed: bytes = b"code", flow: str = "f", tenant: str = TENANT
) -> None:
    signature = key.sign(code_sha256=code_hash(signed), tenant_id=TENANT, flow_name="f")
    store.verify(code_sha256=code_hash(blob), signature=signature, key_id=key.key_id, tenant_id=tenant, flow_name=flow, offered=key.text)


def test_the_key_is_made_once_and_only_its_user_may_read_it(tmp_path: Path):
    """The first use makes the key with mode 0600 in a 0700 directory; later uses find it."""
    key = SigningKey.load_or_create(tmp_path)
    assert SigningKey.load_or_create(tmp_path).key_id == key.key_id
    assert oct((tmp_path / "keys" / "signing.pem").stat().st_mode & 0o777) == "0o600"
    assert oct((tmp_path / "keys").stat().st_mode & 0o777) == "0o700"
    assert [p.name for p in (tmp_path / "keys").iterdir()] == ["signing.pem"]


def test_processes_that_make_the_key_at_once_agree(tmp_path: Path):
    """However many make it at the same time, all get the same key."""
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(SigningKey.load_or_create(tmp_path).key_id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path: Path):
    """A key file with open permissions is not used, and the sentence says how to mend it."""
    SigningKey.load_or_create(tmp_path)
    (tmp_path / "keys" / "signing.pem").chmod(0o644)
    with pytest.raises(TowpathError, match="chmod 600"):
        SigningKey.load(tmp_path)


def test_own_flows_run_on_loopback_only(tmp_path: Path):
    """The user's own key is trusted while the API is on loopback, and not otherwise."""
    key = SigningKey.load_or_create(tmp_path)
    _verify(_store(tmp_path), key)
    with pytest.raises(TowpathError) as caught:
        _verify(_store(tmp_path, TOWPATH_API_URL="https://towpath.example.org"), key)
    assert caught.value.code == Code.UNTRUSTED_KEY
    assert f"towpath keys trust {key.text}" in caught.value.message


@pytest.mark.parametrize("change", [{"blob": b"other"}, {"flow": "g"}, {"tenant": TENANT.replace("1", "2")}])
def test_a_signature_holds_for_one_code_flow_and_tenant(tmp_path: Path, change: dict[str, object]):
    """Another blob, flow name or tenant than was signed is BAD_SIGNATURE."""
    key = SigningKey.load_or_create(tmp_path)
    with pytest.raises(TowpathError) as caught:
        _verify(_store(tmp_path), key, **change)  # type: ignore[arg-type]
    assert caught.value.code == Code.BAD_SIGNATURE


def test_code_without_a_signature_is_refused(tmp_path: Path):
    """Unsigned code is BAD_SIGNATURE."""
    with pytest.raises(TowpathError) as caught:
        _store(tmp_path).verify(code_sha256=code_hash(b""), signature=None, key_id=None, tenant_id=TENANT, flow_name="f")
    assert caught.value.code == Code.BAD_SIGNATURE


def test_keys_are_trusted_by_setting_and_by_pinning(tmp_path: Path):
    """A key in TOWPATH_TRUSTED_KEYS and a pinned one may sign; pinning twice keeps one line; a lying key id does not help."""
    ada, bob, eve = (SigningKey.load_or_create(tmp_path / name) for name in ("ada", "bob", "eve"))
    home = tmp_path / "home"
    for _ in range(2):
        pin(home, ada.public_key, name="Ada  L.")
    assert [(k.key_id, k.name) for k in pinned(home)] == [(ada.key_id, "Ada L.")]
    store = _store(home, TOWPATH_TRUSTED_KEYS=f"{bob.text}, ", TOWPATH_API_URL="https://towpath.example.org")
    _verify(store, ada)
    _verify(store, bob)
    forged = eve.sign(code_sha256=code_hash(b"code"), tenant_id=TENANT, flow_name="f")
    with pytest.raises(TowpathError) as caught:
        store.verify(code_sha256=code_hash(b"code"), signature=forged, key_id=ada.key_id, tenant_id=TENANT, flow_name="f", offered=eve.text)
    assert caught.value.code == Code.BAD_SIGNATURE


def test_what_is_no_key_is_refused():
    """Text that is no public key is BAD_SETTING."""
    for text in ("", "abc", base64.b64encode(b"short").decode()):
        with pytest.raises(TowpathError, match="44 characters"):
            parse_public_key(text)
