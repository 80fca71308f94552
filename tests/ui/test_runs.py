"""The runs explorer in a real Chromium, over 100,000 runs of a real backend."""

from __future__ import annotations

from datetime import timedelta

from tests.ui.driving import drive, needs_browser
from tests.ui.seeding import Api, register, write_history
from towpath_server.testing import Backend

pytestmark = needs_browser
MANY = 100_000


def test_the_explorer_finds_shows_and_acts_on_runs(backend: Backend) -> None:
    """Filters stand in the address, pages follow each other by key, rows stay where they are, many runs are cancelled and restarted."""
    api = Api(backend.url)
    flow = register(api, "tide-tables")
    write_history(backend.dsn, flow["flow_id"], MANY, every=timedelta(minutes=5), took=timedelta(seconds=40), fails=0.05, prefix="week-")
    drive(
        "runs",
        backend.url,
        13,
        RUNS_FLOW=flow["flow_id"],
        RUNS_GROUP=flow["flow_group_id"],
        RUNS_TOTAL=str(MANY),
    )
