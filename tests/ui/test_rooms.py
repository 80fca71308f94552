"""Home, the flows and the agents in a real Chromium, each against a real backend of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.ui.driving import drive, needs_browser
from tests.ui.seeding import Api, create, every, move, register, register_agent, write_history
from towpath_server.testing import Backend

pytestmark = needs_browser
_MINUTE = timedelta(minutes=1)


@pytest.fixture
def backend() -> Iterator[Backend]:
    """An empty one for each test: they count what there is."""
    with Backend() as running:
        yield running


def _past(minutes: float) -> str:
    return (datetime.now(UTC) - minutes * _MINUTE).isoformat()


def test_home_says_what_needs_a_person_and_lets_it_be_done(backend: Backend) -> None:
    """Failures, approvals and late runs are told with why; approving and restarting work; nothing is lost with the connection."""
    api = Api(backend.url)
    freight = register(api, "freight-ledger")["flow_id"]
    quality = register(api, "water-quality")["flow_id"]
    failed = create(api, freight, flow_run_name="november-close")
    move(api, failed, "Running")
    move(api, failed, "Failed", message="match tolls failed: ValueError('3 tolls have no manifest').")
    paused = create(api, quality, flow_run_name="publish-limits")
    move(api, paused, "Running")
    move(api, paused, "Paused", message="Waits for approval.")
    late = create(api, freight, flow_run_name="harbour-close", labels=["harbour"], scheduled_start_time=_past(6))
    running = create(api, quality, flow_run_name="week-47")
    move(api, running, "Running")
    register_agent(api, "lockkeeper-1")
    drive("home", backend.url, 11, FAILED_ID=failed, PAUSED_ID=paused, LATE_ID=late, RUNNING_ID=running)


def test_the_flows_are_listed_and_their_schedules_switched(backend: Backend) -> None:
    """Schedule, next run and last runs of each flow; off and on; filters in the address; archived ones."""
    api = Api(backend.url)
    tides = register(api, "tide-tables", schedule=every(1))
    other = register(api, "freight-ledger")
    write_history(backend.dsn, tides["flow_id"], 30, every=60 * _MINUTE, took=_MINUTE, fails=0.1)
    drive(
        "flows",
        backend.url,
        8,
        FLOW_ID=tides["flow_id"],
        FLOW_GROUP=tides["flow_group_id"],
        OTHER_ID=other["flow_id"],
        OTHER_GROUP=other["flow_group_id"],
    )


def test_the_agents_say_what_they_run_could_run_and_what_nobody_does(backend: Backend) -> None:
    """Alive or silent, running now, could run; what nobody takes, why, and how to make it good; forgetting one."""
    api = Api(backend.url)
    flow = register(api, "tide-tables")["flow_id"]
    for number in (1, 2, 3):
        create(api, flow, flow_run_name=f"plain-{number}")
    for number in (1, 2):
        create(api, flow, flow_run_name=f"harbour-{number}", labels=["harbour"], scheduled_start_time=_past(3))
    agent = register_agent(api, "lockkeeper-1")
    old = register_agent(api, "old-laptop", ["attic"])
    with psycopg.connect(backend.dsn) as connection:
        silent = datetime.now(UTC) - timedelta(hours=2)
        connection.execute("update agent set last_queried = %s, lease_expires_at = %s where id = %s", (silent, silent, old))
    drive("agents", backend.url, 9, AGENT_ID=agent, OLD_ID=old)
