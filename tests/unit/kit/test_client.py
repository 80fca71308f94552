"""The loops' GraphQL client: what it sends, what it repeats, what it raises."""

from __future__ import annotations

import json

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.client import ApiClient, Retry
from towpath_service_kit.settings import Secret
from towpath_service_kit.stimulus import stimulus
from towpath_service_kit.upstream import Response


class Answers:
    """An upstream that gives what it is told to, and keeps what it was sent."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.sent = []
        self.slept = []

    async def post(self, path, body, headers=None):
        self.sent.append((path, json.loads(body), dict(headers)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds) -> None:
        self.slept.append(seconds)

    def client(self, **options) -> ApiClient:
        return ApiClient(self, Secret("tws_secret"), sleep=self.sleep, **options)


def data(**fields) -> Response:
    return Response(status=200, body=json.dumps({"data": fields}).encode())


def refused(code: str) -> Response:
    return Response(status=200, body=json.dumps({"errors": [{"message": "no", "extensions": {"code": code}}]}).encode())


AWAY = TowpathError(Code.UNREACHABLE, "away")


async def test_it_sends_document_token_and_stimulus():
    """One call carries document, variables, credential and the id of the stimulus."""
    answers = Answers(data(hello="you"))
    with stimulus("turn-1"):
        assert await answers.client().execute("query q { hello }", {"a": 1}, operation_name="q") == {"hello": "you"}
    assert answers.sent == [
        (
            "/graphql",
            {"query": "query q { hello }", "variables": {"a": 1}, "operationName": "q"},
            {"authorization": "Bearer tws_secret", "x-towpath-stimulus": "turn-1"},
        )
    ]


async def test_failures_on_the_way_are_repeated():
    """Unreachable, timed out and unavailable calls are sent again, with growing pauses."""
    answers = Answers(AWAY, TowpathError(Code.TIMEOUT, "slow"), Response(status=503, body=b""), data(ok=True))
    assert await answers.client(retry=Retry(tries=4, first=1, longest=10)).execute("{ ok }") == {"ok": True}
    assert [low <= pause <= 2 * low for low, pause in zip((0.5, 1, 2), answers.slept, strict=True)] == [True] * 3
    assert len({json.dumps(sent) for sent in answers.sent}) == 1


async def test_the_last_failure_is_raised():
    """After the last try the failure is the caller's."""
    answers = Answers(AWAY, AWAY)
    with pytest.raises(TowpathError) as caught:
        await answers.client(retry=Retry(tries=2)).execute("{ ok }")
    assert caught.value is AWAY
    assert len(answers.slept) == 1


@pytest.mark.parametrize("code", ["FENCED", "UNAUTHENTICATED", "BAD_STATE", "SOMETHING_NEW"])
async def test_a_refusal_is_not_repeated(code):
    """An answer that refuses is raised at once."""
    answers = Answers(refused(code))
    with pytest.raises(TowpathError):
        await answers.client().execute("{ ok }")
    assert (len(answers.sent), answers.slept) == (1, [])
