"""The page of one flow in a real Chromium, against a real backend: its tabs, its schedule, its versions, and runs made by its form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.ui.driving import drive, needs_browser
from tests.ui.seeding import Api, create, move, register, write_history, write_task_runs
from towpath_server.testing import Backend

pytestmark = needs_browser
_MINUTE = timedelta(minutes=1)
_TASKS = ("fetch stations", "predict", "publish")


@dataclass(frozen=True)
class Flow:
    """A flow of two versions with a past."""

    group: str
    old: str
    new: str
    #: A run with parameters of its own.
    run: str
    #: When its schedule fires, as a clock shows it.
    fires: str


def far_away() -> int:
    """An hour of UTC that is twelve hours away: nothing that is due then is due during a test."""
    return (datetime.now(UTC).hour + 12) % 24


def make_flow(backend: Backend, hour: int) -> Flow:
    """Two versions, forty runs of which some failed, a schedule that is on and fires half past an hour of UTC, five parameters."""
    api = Api(backend.url)
    old = register(api, "tide-tables", _TASKS[:2])
    write_history(backend.dsn, old["flow_id"], 12, every=240 * _MINUTE, took=_MINUTE, fails=0, prefix="early-")
    write_task_runs(backend.dsn, old["flow_id"], 4)
    clock = {
        "type": "CronClock",
        "start_date": None,
        "end_date": None,
        "cron": f"30 {hour} * * 1-5",
        "day_or": True,
        "parameter_defaults": {"station": "Ruhrort"},
    }
    parameters = [
        {
            "name": "station",
            "required": True,
            "schema": {"type": "string", "description": "Where the gauge stands, as the water office spells it."},
        },
        {"name": "days", "required": False, "default": 7, "schema": {"type": "integer", "description": "How far ahead."}},
        {"name": "model", "required": False, "default": "harmonic", "schema": {"type": "string", "enum": ["harmonic", "residual"]}},
        {"name": "dry_run", "required": False, "default": False, "schema": {"type": "boolean"}},
        {"name": "since", "required": False, "default": None, "schema": {"type": ["string", "null"], "format": "date-time"}},
    ]
    new = register(
        api,
        "tide-tables",
        _TASKS,
        {"type": "Schedule", "clocks": [clock], "filters": [], "or_filters": [], "not_filters": [], "adjustments": []},
        mapped=["predict"],
        description="Reads the gauges along the canal and predicts the water of the coming days.",
        parameters=parameters,
    )
    write_history(backend.dsn, new["flow_id"], 28, every=60 * _MINUTE, took=2 * _MINUTE, fails=0.1, prefix="tide-")
    write_task_runs(backend.dsn, new["flow_id"], 6)
    run = create(
        api,
        new["flow_id"],
        flow_run_name="spring-tide",
        parameters={"station": "Duisburg", "days": 21, "since": "2026-03-01T06:00:00Z"},
        labels=["river"],
    )
    move(api, run, "Running")
    return Flow(new["flow_group_id"], old["flow_id"], new["flow_id"], run, f"{hour:02}:30")


@pytest.fixture
def flow(backend_of_its_own: Backend) -> Flow:
    return make_flow(backend_of_its_own, far_away())


@pytest.fixture
def backend_of_its_own() -> Iterator[Backend]:
    """Versions are archived and deleted here."""
    with Backend() as running:
        yield running


def test_the_page_of_a_flow_tells_switches_runs_and_archives(backend_of_its_own: Backend, flow: Flow) -> None:
    """Every tab says what the database says; what is refused stands at its field; what cannot be undone is asked for twice."""
    drive(
        "flow",
        backend_of_its_own.url,
        15,
        FLOW_GROUP=flow.group,
        FLOW_OLD=flow.old,
        FLOW_NEW=flow.new,
        RUN_LIKE=flow.run,
        FIRES_AT=flow.fires,
    )
