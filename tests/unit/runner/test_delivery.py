"""Delivery: order, exactly once, patience, and what happens to what the API refuses."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from towpath.runner.delivery import Delivery
from towpath_proto.errors import Code, TowpathError


class Backend:
    """Takes batches; fails as told."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[Any], list[Any]]] = []
        self.artifacts: list[Any] = []
        self.artifact_results: Any = lambda artifacts: [{"status": "SUCCESS"} for _ in artifacts]
        self.tries: list[int] = []
        self.failures: list[TowpathError] = []
        self.refuse: Any = lambda states, logs: None
        self.results: Any = lambda states: [{"status": "SUCCESS"} for _ in states]
        self.cancel = False
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, *, sequence: int, states: list[Any], logs: list[Any], artifacts: list[Any]) -> dict[str, Any]:
        self.gate.wait(10)
        self.tries.append(sequence)
        if self.failures:
            raise self.failures.pop(0)
        error = self.refuse(states, logs)
        if error is not None:
            raise error
        self.batches.append((sequence, [s["n"] for s in states], [log["n"] for log in logs]))
        self.artifacts.append([(a["id"], len(states)) for a in artifacts])
        answer = {"results": self.results(states), "cancel": self.cancel, "replayed": False}
        return {**answer, "artifact_results": self.artifact_results(artifacts)}


class Heard:
    """What the delivery called back."""

    def __init__(self) -> None:
        self.cancels = 0
        self.lost: list[TowpathError] = []
        self.lost_event = threading.Event()

    def on_cancel(self) -> None:
        self.cancels += 1

    def on_lost(self, why: TowpathError) -> None:
        self.lost.append(why)
        self.lost_event.set()


def _delivery(backend: Backend) -> tuple[Delivery, Heard, list[float]]:
    heard, pauses = Heard(), list[float]()
    return Delivery(backend, on_cancel=heard.on_cancel, on_lost=heard.on_lost, pause=pauses.append), heard, pauses


def _state(n: int, **more: Any) -> dict[str, Any]:
    return {"n": n, "slug": f"t-{n}", "state": {"type": "Success", "message": "m", "_result": {"big": 1}}, **more}


def test_everything_arrives_once_and_in_order():
    """What was reported while a batch was under way goes with the next ones; order and completeness hold; sequences grow by one."""
    backend = Backend()
    delivery, _, _ = _delivery(backend)
    for n in range(2000):
        delivery.state(_state(n))
    delivery.flush()
    assert [n for _, states, _ in backend.batches for n in states] == list(range(2000))
    assert backend.tries == list(range(1, len(backend.batches) + 1))
    assert max(len(states) for _, states, _ in backend.batches) <= 500


def test_a_state_does_not_wait_for_a_flush():
    """A state is sent by itself, soon after it was reported."""
    backend = Backend()
    done = threading.Event()
    backend.results = lambda states: done.set() or [{"status": "SUCCESS"}]
    delivery, _, _ = _delivery(backend)
    delivery.state(_state(1))
    assert done.wait(5)


def test_the_same_sequence_until_there_is_an_answer():
    """An API that is away gets the same batch again, under the same number, with growing pauses; nothing is lost."""
    backend = Backend()
    backend.failures = [TowpathError(Code.UNREACHABLE, "away"), TowpathError(Code.UNAVAILABLE, "503"), TowpathError(Code.INTERNAL, "oops")]
    delivery, heard, pauses = _delivery(backend)
    delivery.state(_state(1))
    delivery.flush()
    delivery.state(_state(2))
    delivery.flush()
    assert backend.tries == [1, 1, 1, 1, 2]
    assert len(pauses) == 3
    assert not heard.lost


@pytest.mark.parametrize("code", [Code.FENCED, Code.NOT_OWNED, Code.NOT_FOUND, Code.UNAUTHENTICATED])
def test_a_lost_run_is_told_once_and_nothing_more_is_sent(code: Code):
    """When the run has another owner the delivery says so and stops; a flush does not hang."""
    backend = Backend()
    backend.failures = [TowpathError(code, "gone")]
    delivery, heard, _ = _delivery(backend)
    delivery.state(_state(1))
    assert heard.lost_event.wait(5)
    delivery.state(_state(2))
    delivery.flush()
    assert ([e.code for e in heard.lost], backend.batches, backend.tries) == ([code], [], [1])


def test_cancel_is_told_once():
    """The answer's cancel is passed on, once."""
    backend = Backend()
    backend.cancel = True
    delivery, heard, _ = _delivery(backend)
    for n in range(2):
        delivery.state(_state(n))
        delivery.flush()
    assert heard.cancels == 1


def test_one_bad_item_does_not_spoil_its_batch(capsys: pytest.CaptureFixture[str]):
    """A batch that is refused for what is in it is halved until the item at fault is alone; the others arrive, in order."""
    backend = Backend()
    backend.gate.clear()
    bad = TowpathError(Code.PAYLOAD_TOO_LARGE, "too large")
    backend.refuse = lambda states, logs: bad if any(s["n"] == 3 and not s.get("stripped") for s in states) else None
    delivery, _, _ = _delivery(backend)
    for n in range(6):
        delivery.state(_state(n))
    backend.gate.set()
    delivery.flush()
    assert [n for _, states, _ in backend.batches for n in states] == [0, 1, 2, 3, 4, 5]
    assert delivery.refused == []


def test_a_state_that_is_too_large_is_kept_without_its_load():
    """STATE_TOO_LARGE for one state leads to the same state without result and with a short message."""
    backend = Backend()
    seen: list[dict[str, Any]] = []

    def results(states: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen.extend(s["state"] for s in states)
        return [
            {"status": "ERROR", "code": "STATE_TOO_LARGE", "message": "x"} if "_result" in s["state"] else {"status": "SUCCESS"}
            for s in states
        ]

    backend.results = results
    delivery, _, _ = _delivery(backend)
    delivery.state(_state(1))
    delivery.flush()
    assert seen[-1] == {"type": "Success", "message": "m (the rest of this state was too large to be stored)"}


def test_a_refused_state_is_said_and_remembered(capsys: pytest.CaptureFixture[str]):
    """A state that the API refuses is told on standard error, with the API's own reason."""
    backend = Backend()
    backend.results = lambda states: [{"status": "ERROR", "code": "ILLEGAL_TRANSITION", "message": "has ended"} for _ in states]
    delivery, _, _ = _delivery(backend)
    delivery.state(_state(7))
    delivery.flush()
    assert [(item["n"], why) for item, why in delivery.refused] == [(7, "has ended (ILLEGAL_TRANSITION)")]
    assert "the API did not take state Success of t-7: has ended (ILLEGAL_TRANSITION)" in capsys.readouterr().err


def _artifact(n: int, size: int = 10) -> dict[str, Any]:
    return {"id": n, "slug": "t", "map_index": -1, "kind": "markdown", "data": {"markdown": "x" * size}}


def test_artifacts_go_with_the_rest_and_large_ones_in_small_batches():
    """Artifacts arrive once, in order and never before the states that were reported before them; 2 MB of them fill a batch."""
    backend = Backend()
    backend.gate.clear()
    delivery, _, _ = _delivery(backend)
    delivery.state(_state(0))
    for n in range(7):
        delivery.artifact(_artifact(n, 900_000))
    backend.gate.set()
    delivery.flush()
    assert [n for batch in backend.artifacts for n, _ in batch] == list(range(7))
    assert max(len(batch) for batch in backend.artifacts) <= 3
    assert backend.batches[0][1] == [0]


def test_a_refused_artifact_is_said_and_stops_nothing(capsys):
    """An artifact that the API does not take is named on standard error; what comes after it is delivered."""
    backend = Backend()
    refused = {"status": "ERROR", "message": "There is no artifact.", "code": "NOT_FOUND"}
    backend.artifact_results = lambda artifacts: [refused if a["id"] == 1 else {"status": "SUCCESS"} for a in artifacts]
    delivery, _, _ = _delivery(backend)
    delivery.artifact(_artifact(0))
    delivery.artifact({"id": 1, "delete": True})
    delivery.artifact(_artifact(2))
    delivery.flush()
    assert [n for batch in backend.artifacts for n, _ in batch] == [0, 1, 2]
    assert [item["id"] for item, _ in delivery.refused] == [1]
    assert "the end of artifact 1: There is no artifact. (NOT_FOUND)" in capsys.readouterr().err


def test_a_batch_is_taken_apart_states_first():
    """When a batch is halved to find the item at fault, artifacts still come after every state."""
    backend = Backend()
    backend.gate.clear()
    big = TowpathError(Code.PAYLOAD_TOO_LARGE, "too large")
    seen: list[int] = []
    backend.results = lambda states: seen.extend(s["n"] for s in states) or [{"status": "SUCCESS"} for _ in states]
    delivery, _, _ = _delivery(backend)
    backend.failures = [big]
    for n in range(3):
        delivery.artifact(_artifact(n))
        delivery.state(_state(n))
    backend.gate.set()
    delivery.flush()
    assert seen == [0, 1, 2]
    assert [n for batch in backend.artifacts for n, _ in batch] == [0, 1, 2]
