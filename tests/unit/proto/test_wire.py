"""GraphQL on the wire, errors, signatures and subjects."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from uuid import UUID

import pytest

from towpath_proto import signing, subjects, wire
from towpath_proto.errors import Code, TowpathError

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TENANT = "0190a0a0-0000-7000-8000-000000000001"


def test_a_request_is_json_with_text_for_times_and_ids():
    """Aware datetimes and UUIDs become text; absent parts are left out."""
    body = json.loads(wire.encode("{ hello }", {"at": MOMENT, "id": UUID(TENANT)}, "Q"))
    assert body == {"query": "{ hello }", "variables": {"at": "2026-01-02T03:04:05+00:00", "id": TENANT}, "operationName": "Q"}
    assert json.loads(wire.encode("{ hello }")) == {"query": "{ hello }"}


@pytest.mark.parametrize("value", [object(), float("nan"), datetime(2026, 1, 1), {1, 2}])  # noqa: DTZ001 - refused for that
def test_what_json_cannot_say_is_refused_here(value):
    """A variable that is no JSON is a BAD_REQUEST before anything is sent."""
    with pytest.raises(TowpathError) as caught:
        wire.encode("{ hello }", {"x": value})
    assert caught.value.code is Code.BAD_REQUEST


def test_data_comes_back():
    """The data of a good answer."""
    assert wire.decode(200, b'{"data": {"hello": "you"}}') == {"hello": "you"}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"data": null, "errors": [{"message": "m", "extensions": {"code": "FENCED", "fence": 3}}]}', Code.FENCED),
        (400, b'{"errors": [{"message": "m", "extensions": {"code": "PARSE_FAILED"}}]}', Code.PARSE_FAILED),
        (200, b'{"errors": [{"message": "m", "extensions": {"code": "FROM_THE_FUTURE"}}]}', Code.API_ERROR),
        (200, b'{"errors": [{"message": "m"}]}', Code.API_ERROR),
        (503, b"<html>no</html>", Code.UNAVAILABLE),
        (502, b"", Code.UNAVAILABLE),
        (200, b"<html>hello</html>", Code.API_ERROR),
        (200, b"[]", Code.API_ERROR),
        (404, b'{"data": {}}', Code.API_ERROR),
        (200, b'{"data": null}', Code.API_ERROR),
    ],
)
def test_errors_become_codes(status, body, code):
    """Each kind of bad answer has one code, whatever the transport says."""
    with pytest.raises(TowpathError) as caught:
        wire.decode(status, body)
    assert caught.value.code is code


def test_an_errors_fields_survive_the_wire():
    """to_graphql and error_from are each other's inverse, an unknown code is kept, and an error can be pickled."""
    error = TowpathError(Code.FENCED, "Stop.", run_id="r", fence=3)
    for copy in (wire.error_from(error.to_graphql(["report_run"])), pickle.loads(pickle.dumps(error))):
        assert (copy.code, copy.message, copy.detail) == (error.code, error.message, error.detail)
    assert wire.error_from({"message": "x", "extensions": {"code": "NEW"}}).detail == {"remote_code": "NEW"}
    assert "path" in error.to_graphql(["a", 0])
    assert "path" not in error.to_graphql()


def test_codes_are_what_they_are_called():
    """A code's value is its name: it can be searched for in code and logs alike."""
    assert [c for c in Code if c.value != c.name] == []


def test_a_signature_covers_hash_tenant_and_name():
    """Another blob, tenant or name is another message; no two triples run together into one."""
    digest = signing.code_hash(b"blob")
    message = signing.signed_message(digest, TENANT, "flow")
    assert message == signing.signed_message(digest, TENANT.upper(), "flow")
    others = [(signing.code_hash(b"other"), TENANT, "flow"), (digest, TENANT[:-1] + "2", "flow"), (digest, TENANT, "flow2")]
    shifted = [(digest, TENANT + "f", "low"), (digest, TENANT[:-1], "1flow")]
    assert len({message, *(signing.signed_message(*x) for x in others + shifted)}) == 6
    assert len(digest) == 64
    assert signing.key_id(b"k" * 32) != signing.key_id(b"l" * 32)


@pytest.mark.parametrize("event_type", subjects.EVENT_TYPES)
def test_every_event_has_a_subject_and_a_schema(event_type):
    """The pattern of a type differs from its subject only in the wildcards, and its schema is closed and named after it."""
    subject = subjects.subject(event_type, TENANT, "x")
    assert subject.split(".")[:3] == ["towpath", "v1", TENANT]
    assert subjects.pattern(event_type) == subject.replace(TENANT, "*").replace(".x.", ".*.")
    schema = subjects.schema(event_type)
    assert schema["title"] == event_type
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= set(schema["properties"])


def test_no_two_events_share_a_subject():
    """A subscriber of one type never hears another."""
    assert len({subjects.subject(t, TENANT, "x") for t in subjects.EVENT_TYPES}) == len(subjects.EVENT_TYPES)


def test_an_envelope_says_what_and_when():
    """The body of an event, with and without a trace."""
    given = {"event_id": "e", "event_type": "flow_run.state", "tenant_id": TENANT, "occurred_at": MOMENT, "data": {"a": 1}}
    body = json.loads(subjects.envelope(**given))
    assert body == {
        "event_id": "e",
        "type": "flow_run.state",
        "version": 1,
        "tenant_id": TENANT,
        "occurred_at": "2026-01-02T03:04:05+00:00",
        "data": {"a": 1},
    }
    assert json.loads(subjects.envelope(**given, trace="00-t"))["traceparent"] == "00-t"
    assert json.loads(subjects.envelope(**{**given, "data": '{"a": 1}'})) == body, "data as JSON text"
