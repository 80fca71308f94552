"""The signed identity, run tokens and API keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity
from towpath_service_kit.identity import Identity, Role

SECRET = "a secret of this installation"
TENANT, RUN = UUID(int=1), UUID(int=2)
CALLER = Identity(tenant=TENANT, role=Role.RUN, actor="run", run=RUN, fence=7)


def refusal(header: str | None, **options: float) -> str:
    with pytest.raises(TowpathError) as caught:
        identity.verify(header, SECRET, **options)
    assert caught.value.code is Code.UNAUTHENTICATED
    return caught.value.message


@given(
    st.builds(
        Identity,
        tenant=st.none() | st.uuids(),
        role=st.sampled_from(Role),
        actor=st.text(max_size=20),
        run=st.none() | st.uuids(),
        fence=st.none() | st.integers(0, 2**63),
    )
)
def test_what_is_signed_is_what_is_verified(caller):
    """Every identity survives the way through the header."""
    assert identity.verify(identity.sign(caller, SECRET), SECRET) == caller


def test_the_header_has_the_form_that_the_contract_states():
    """Anybody who knows the contract and the secret can make and check the header."""
    body, _, signature = identity.sign(CALLER, SECRET, ttl=60, now=1000).partition(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert fields == {"tenant": str(TENANT), "role": "run", "actor": "run", "run": str(RUN), "fence": 7, "exp": 1060}
    mac = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def test_an_expired_identity_is_refused():
    """An identity is good until its expiry and a leeway for the clocks."""
    header = identity.sign(CALLER, SECRET, ttl=60, now=1000)
    assert identity.verify(header, SECRET, now=1064) == CALLER
    assert "expired" in refusal(header, now=1066)


def test_a_signer_signs_the_same_identity_again_for_some_seconds_only():
    """One header serves a caller's requests for five seconds, so that it is good for 55 more; another caller gets another one."""
    signer, other = identity.Signer(SECRET), replace(CALLER, fence=8)
    first = signer.sign(CALLER, now=1000)
    assert first == identity.sign(CALLER, SECRET, now=1000)
    assert signer.sign(CALLER, now=1004.9) == first
    assert signer.sign(other, now=1004.9) == identity.sign(other, SECRET, now=1004.9)
    assert signer.sign(CALLER, now=1005) == identity.sign(CALLER, SECRET, now=1005)
    assert signer.sign(CALLER, now=900) == identity.sign(CALLER, SECRET, now=900), "a clock that was set back"


def test_a_verifier_remembers_good_headers_and_not_for_longer_than_they_are_good():
    """A header seen before gives its identity, and is refused once it has expired; a forged one is refused as often as it comes."""
    verifier = identity.Verifier(SECRET)
    header = identity.sign(CALLER, SECRET, ttl=60, now=1000)
    assert [verifier.verify(header, now=n) for n in (1000, 1064)] == [CALLER, CALLER]
    with pytest.raises(TowpathError, match="expired"):
        verifier.verify(header, now=1066)
    for bad in (None, "", header[:-1], identity.sign(CALLER, "another secret")):
        for _ in range(2):
            with pytest.raises(TowpathError) as caught:
                verifier.verify(bad, now=1000)
            assert caught.value.code is Code.UNAUTHENTICATED


def test_what_signer_and_verifier_remember_is_bounded():
    """Many callers do not fill the memory."""
    signer, verifier = identity.Signer(SECRET), identity.Verifier(SECRET)
    for fence in range(identity.REMEMBERED + 10):
        verifier.verify(signer.sign(replace(CALLER, fence=fence), now=1000), now=1000)
    assert len(signer._signed) == len(verifier._good) == identity.REMEMBERED


@pytest.mark.parametrize("header", [None, "", ".", "abc", "abc.def", "é.é", identity.sign(CALLER, "another secret")])
def test_a_header_that_is_not_ours_is_refused(header):
    """No header, nonsense and foreign signatures are refused alike."""
    assert refusal(header)


@given(st.data())
def test_a_changed_header_is_refused(data):
    """Changing any character of a header makes it worthless."""
    header = identity.sign(CALLER, SECRET)
    place = data.draw(st.integers(0, len(header) - 1))
    # The last character of a base64 text has unused bits; those of the comparison are exact, so it counts, too.
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != header[place]))
    assert refusal(header[:place] + other + header[place + 1 :])


def test_a_signed_header_of_another_version_is_refused():
    """A well-signed header with missing fields is a refusal, not a crash."""
    body = base64.urlsafe_b64encode(b'{"role":"king"}').rstrip(b"=")
    mac = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), body, "sha256")).rstrip(b"=")
    assert "malformed" in refusal((body + b"." + mac).decode())


def test_a_run_token_names_its_run_and_fence():
    """A run token carries tenant, run and fence."""
    token = identity.make_run_token(SECRET, TENANT, RUN, 9)
    assert token.startswith("twr_")
    said = identity.verify_run_token(SECRET, token)
    assert (said.tenant, said.run, said.fence) == (TENANT, RUN, 9)


@given(st.data())
def test_a_changed_run_token_is_refused(data):
    """No other text than the token itself opens anything, trailing bits of base64 aside."""
    token = identity.make_run_token(SECRET, TENANT, RUN, 9)
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[place]))
    with pytest.raises(TowpathError) as caught:
        identity.verify_run_token(SECRET, token[:place] + other + token[place + 1 :])
    assert caught.value.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("token", ["", "twr_", "twr_AAAA", "twk_AAAA", "twr_é", "twr_" + "A" * 96])
def test_a_text_that_is_no_run_token_is_refused(token):
    """Nonsense is refused with the same code as a forgery."""
    with pytest.raises(TowpathError) as caught:
        identity.verify_run_token(SECRET, token)
    assert caught.value.code is Code.UNAUTHENTICATED


def test_the_identity_secret_does_not_sign_run_tokens_directly():
    """A run token's signature cannot be used as an identity's, for their keys differ."""
    body = TENANT.bytes + RUN.bytes + (9).to_bytes(8, "big")
    direct = hmac.digest(SECRET.encode(), body, "sha256")
    forged = "twr_" + base64.urlsafe_b64encode(body + direct).rstrip(b"=").decode()
    with pytest.raises(TowpathError):
        identity.verify_run_token(SECRET, forged)


def test_api_keys_are_random_and_stored_hashed():
    """Two keys differ, hold 256 bits, and their hash is the SHA-256 in hex."""
    one, other = identity.make_api_key(), identity.make_api_key()
    assert one != other
    assert one.startswith("twk_")
    assert len(base64.urlsafe_b64decode(one.removeprefix("twk_") + "=")) == 32
    assert identity.hash_api_key(one) == hashlib.sha256(one.encode()).hexdigest()


@pytest.mark.parametrize(
    ("header", "credential"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer ", None), ("", None), (None, None)],
)
def test_the_credential_of_an_authorization_header(header, credential):
    """Only a bearer scheme gives a credential."""
    assert identity.bearer(header) == credential
