"""Encryption of secrets at rest: keys, their order, and what is not opened."""

from __future__ import annotations

import base64

import pytest

from towpath_graphql.adapters.cipher import AesCipher, read_keys
from towpath_graphql.app.ports import Sealed
from towpath_proto.errors import Code, TowpathError

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def refused(call, *words):
    with pytest.raises(TowpathError) as caught:
        call()
    assert caught.value.code is Code.BAD_SETTING
    for word in words:
        assert word in caught.value.message
    return caught.value


def test_a_sealed_text_is_opened_at_its_place_only():
    """The ciphertext shows nothing, is another each time, and opens neither at another place nor after a change."""
    cipher = AesCipher((OLD,))
    sealed = cipher.seal(b"open sesame", place="a")
    assert b"sesame" not in sealed.ciphertext
    assert cipher.seal(b"open sesame", place="a").ciphertext != sealed.ciphertext
    assert cipher.unseal(sealed, place="a") == b"open sesame"
    refused(lambda: cipher.unseal(sealed, place="b"), "set the secret again")
    for broken in (b"", sealed.ciphertext[:5], sealed.ciphertext[:-1], sealed.ciphertext[:-1] + b"\0"):
        refused(lambda broken=broken: cipher.unseal(Sealed(sealed.key_id, broken), place="a"), "set the secret again")


def test_the_first_key_encrypts_and_all_decrypt():
    """A new key at the front takes over; the old one may go when nothing is under it any more."""
    sealed = AesCipher((OLD,)).seal(b"x", place="a")
    both = AesCipher((NEW, OLD))
    assert both.unseal(sealed, place="a") == b"x"
    anew = both.seal(b"x", place="a")
    assert anew.key_id == both.key_id == AesCipher((NEW,)).key_id != sealed.key_id
    assert AesCipher((NEW,)).unseal(anew, place="a") == b"x"
    refused(lambda: AesCipher((NEW,)).unseal(sealed, place="a"), sealed.key_id, "put that key back")


def test_without_a_key_nothing_is_kept():
    """The sentence says what to set."""
    refused(lambda: AesCipher(()).seal(b"x", place="a"), "TOWPATH_SECRET_KEY", "openssl rand")


def test_keys_are_read_from_base64_of_either_kind():
    """With or without padding, the URL's alphabet or the common one, spaces and empty parts ignored."""
    hard = bytes([251, 255] * 16)
    common, url = base64.b64encode(hard).decode(), base64.urlsafe_b64encode(hard).decode().rstrip("=")
    assert common != url
    assert read_keys(f"{common}, {url},") == (hard, hard)
    assert read_keys(None) == read_keys("") == ()


@pytest.mark.parametrize("text", ["short", "A" * 42, "é" * 43, "a b" * 15, "A" * 44])
def test_a_key_of_another_size_is_refused_without_being_shown(text):
    """A key that is no key stops the start; the sentence does not repeat it."""
    assert text not in refused(lambda: read_keys(text), "32 random bytes").message
