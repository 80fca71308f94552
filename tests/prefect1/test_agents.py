"""Agents of the unmodified client side by side: equal ones, other labels, and Towpath's own."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

TOWPATH = Path(sys.executable).parent / "towpath"
OURS = """
from towpath import Flow, task
@task
def row():
    return "rowed"
with Flow("ours", run_config=None) as flow:
    row()
"""


def test_two_equal_agents_run_each_of_twenty_runs_once(site, tmp_path):
    """Both see all runs ahead of their time and submit them in the same moment; each is submitted, begun and done once."""
    trace = tmp_path / "trace"
    second = site.agent("its twin", "river")
    due = (datetime.now(UTC) + timedelta(seconds=11)).isoformat()  # an agent asks each 10 s, for what is due in the next 10 s
    try:
        ids = {site.create("note", parameters={"trace": str(trace)}, scheduled_start_time=due) for _ in range(20)}
        runs = [site.ended(i, timeout=120) for i in ids]
    finally:
        site.stop(second)
    assert {site.history(r) for r in runs} == {"Scheduled Submitted Running Success"}
    begun = Counter(line.split()[0] for line in trace.read_text().splitlines())
    assert begun == dict.fromkeys(ids, 1)
    assert {r["agent"]["name"] for r in runs} == {"everyday", "its twin"}
    rows = site.sql("select name, last_queried is not null, core_version from agent where name in ('everyday', 'its twin') order by 1")
    assert rows == [("everyday", True, "1.4.1"), ("its twin", True, "1.4.1")]
