"""The agent's base class with a kind that only takes notes, against the fake API."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from towpath.agent import Agent, AgentSettings, CannotStartError, ClaimedRun
from towpath.agent.base import _wait
from towpath.client import Settings
from towpath.client.testing import FakeApi, Refusal

FLOW = {"id": "f", "serialized_flow": {"name": "n", "tasks": []}}


class NotingAgent(Agent):
    """Notes what it is asked to do.

    Attributes:
        news: Told of each note.
    """

    kind = "noting"
    news: threading.Condition
    run_config_types = ("UniversalRun",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.deployed: list[ClaimedRun] = []
        self.cancelled: list[tuple[str, str, bool]] = []
        self.on_deploy: Callable[[ClaimedRun], None] = lambda run: None

    def deploy(self, run: ClaimedRun) -> None:
        self.deployed.append(run)
        self.on_deploy(run)

    def cancel(self, run: ClaimedRun, reason: str, *, fenced: bool) -> None:
        with self.news:
            self.cancelled.append((run.id, reason, fenced))
            self.news.notify_all()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        fake.flows["f"] = FLOW
        yield fake


@pytest.fixture
def agent(api: FakeApi, tmp_path: Path) -> NotingAgent:
    settings = Settings.from_env({"TOWPATH_API_URL": api.url, "TOWPATH_HOME": str(tmp_path)})
    agent = NotingAgent(AgentSettings("blue", labels=("a",)), client_settings=settings)
    agent.news = api.changed
    return agent


@pytest.fixture
def running(agent: NotingAgent) -> Iterator[NotingAgent]:
    thread = threading.Thread(target=agent.run)
    thread.start()
    yield agent
    agent.stop()
    thread.join(15)
    assert not thread.is_alive()


def test_it_registers_and_claims_what_it_serves(api: FakeApi, running: NotingAgent):
    """It registers with its kind, name and labels, and deploys a claimed run once."""
    run = api.create_run("f", labels=["a"])
    api.create_run("f", labels=["b"])
    api.wait_for(lambda: run.phase == "launching")
    claims = len(api.of("claim_flow_runs"))
    api.ring()
    api.wait_for(lambda: len(api.of("claim_flow_runs")) > claims)
    assert [(r.id, r.fence, r.flow_name) for r in running.deployed] == [(run.id, 1, "n")]
    assert api.of("register_agent") == [{"input": {"type": "noting", "name": "blue", "labels": ["a"]}}]
    assert "token-of" not in repr(running.deployed[0])


def test_a_run_that_cannot_be_started_is_given_back_with_the_reason(api: FakeApi, running: NotingAgent, caplog: pytest.LogCaptureFixture):
    """CannotStartError and any other error of `deploy` lead to release_run, and the agent goes on."""

    def fail(run: ClaimedRun) -> None:
        raise CannotStartError("no room") if len(running.deployed) == 1 else OSError("broken")

    running.on_deploy = fail
    first = api.create_run("f")
    api.wait_for(lambda: first.released)
    second = api.create_run("f")
    api.wait_for(lambda: second.released)
    assert (first.released, second.released) == (["no room"], ["OSError: broken"])
    assert len(running.launching) == 0


def test_launching_leases_are_renewed_in_bulk_and_judged(api: FakeApi, running: NotingAgent):
    """A cancel hint makes it renew at once; what is cancelled or not ours any more is stopped, what has begun is left alone."""
    api.wait_for(lambda: api.sockets)
    runs = [api.create_run("f") for _ in range(4)]
    api.wait_for(lambda: all(r.phase == "launching" for r in runs))
    kept, cancelled, fenced, begun = runs
    api.wait_for(lambda: len(running.launching) == 4)
    with api.changed:  # a renewal by the timer, which a slow machine may see here, must find all of it or nothing
        cancelled.cancel = True
        fenced.fence += 1
        running.run_begun(begun.id, 1)
    api.ring({"agent_work": {"reason": "cancel", "flow_run_id": cancelled.id}})
    api.wait_for(lambda: len(running.cancelled) == 2)
    assert sorted(running.cancelled) == sorted(
        [(cancelled.id, "The run was cancelled", False), (fenced.id, "The run is not this agent's any more", True)]
    )
    # such a renewal may have been on its way with all four when the last one began
    asked = [{lease["flow_run_id"] for lease in call["input"]["leases"]} for call in api.of("renew_leases")]
    assert any({kept.id, cancelled.id, fenced.id} <= ids for ids in asked)
    assert [run.id for run in running.launching.all()] == [kept.id]


def test_an_agent_that_was_deleted_registers_again(api: FakeApi, running: NotingAgent):
    """NOT_FOUND at a claim leads to a new registration, and the work goes on."""
    api.wait_for(lambda: api.of("claim_flow_runs"))
    api.failures["claim_flow_runs"] = [Refusal("NOT_FOUND", "no such agent")]
    api.ring()
    api.wait_for(lambda: len(api.of("register_agent")) == 2)
    run = api.create_run("f")
    api.wait_for(lambda: run.phase == "launching")


def test_an_outage_is_said_once(api: FakeApi, running: NotingAgent, caplog: pytest.LogCaptureFixture):
    """Failing claims lead to one warning and, at the end, one line that all is well."""
    caplog.set_level(logging.INFO, logger="towpath.agent")
    api.wait_for(lambda: api.of("claim_flow_runs") and api.sockets)
    api.http_failures = [503, 503]
    api.ring()
    api.wait_for(lambda: not api.http_failures)
    run = api.create_run("f")
    api.wait_for(lambda: run.phase == "launching")
    said = [r.message for r in caplog.records if "keeps trying" in r.message or "answers again" in r.message]
    assert len(said) == 2


def test_what_was_claimed_while_stopping_is_given_back(api: FakeApi, agent: NotingAgent):
    """A claim that arrives while the agent is being stopped is released, not deployed."""
    run = api.create_run("f")
    api.answers["register_agent"] = lambda v: {"id": "a"}
    original = api._on_claim_flow_runs

    def claim(variables: dict[str, Any]) -> dict[str, Any]:
        agent.stop()
        return original(variables["input"])

    api.answers["claim_flow_runs"] = claim
    agent.run()
    assert (run.released, agent.deployed) == (["the agent was stopped"], [])


@pytest.mark.parametrize(
    ("due", "since", "wait"),
    [
        (None, 0.0, 5.0),
        ("2026-01-01T00:00:02+00:00", 0.5, 1.5),
        ("2026-01-01T01:00:00+00:00", 0.0, 5.0),
        ("2025-12-31T00:00:00+00:00", 0.0, 0.25),
    ],
)
def test_how_long_it_sleeps(due: str | None, since: float, wait: float):
    """Until the next due time on the API's clock, never longer than a sweep, and never in a tight loop."""
    assert _wait({"next_due": due, "now": "2026-01-01T00:00:00+00:00"}, sweep=5.0, since=since) == pytest.approx(wait)
