"""Ids keep their time, signatures keep their parts apart, and the wire gives back what was sent: for any values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from towpath_proto import signing, wire
from towpath_proto.ids import uuid7_floor, uuid7_time

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is the strategy's
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(MOMENTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=365)))
def test_floors_sort_as_their_moments_do(moment, later):
    """A floor carries its millisecond, and a later millisecond has a greater floor."""
    floor = uuid7_floor(moment)
    assert moment - timedelta(milliseconds=2) < uuid7_time(floor) <= moment
    assert floor < uuid7_floor(moment + later)


@given(st.binary(max_size=20), st.binary(max_size=20), NAMES, NAMES, NAMES, NAMES)
def test_a_signed_message_says_one_thing(blob_a, blob_b, tenant_a, tenant_b, name_a, name_b):
    """Two messages are equal exactly when their parts are."""
    a, b = (signing.code_hash(blob_a), tenant_a, name_a), (signing.code_hash(blob_b), tenant_b, name_b)
    same = (a[0], a[1].lower(), a[2]) == (b[0], b[1].lower(), b[2])
    assert (signing.signed_message(*a) == signing.signed_message(*b)) == same


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_variables_come_through(variables):
    """Any JSON is written so that it can be read back."""
    assert json.loads(wire.encode("{ hello }", variables))["variables"] == variables


@given(st.integers(100, 599), st.binary(max_size=60) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_no_answer_breaks_the_decoder(status, body):
    """Whatever comes back, decode gives data or a TowpathError, never another exception."""
    try:
        assert isinstance(wire.decode(status, body), dict)
    except wire.TowpathError as e:
        assert e.message  # noqa: PT017 - either is right
