"""A flow of flows: runs other flows with parameters, waits for them, and makes one answer of theirs.

    towpath register -p sdk/examples/time_zones.py
    towpath register -p sdk/examples/package_index.py
    towpath register -p sdk/examples/flow_of_flows.py
    towpath run --name flow-of-flows --watch

It asks `time-zones` for three decades, one run each, and at the same time `package-index` for the packages that speak of time zones: which
decade moved the world's clocks most, and who on this machine has to know? Its children run beside each other, wherever an agent is. Each
run's page shows where it came from; cancel the parent and they are cancelled; restart it, and only what failed below it runs again.
"""

from __future__ import annotations

import sys
from typing import Any

import towpath
from towpath import Flow, Parameter, task, unmapped
from towpath.tasks.flow_runs import create_flow_run, get_task_run_result, wait_for_flow_run


@task
def choose_decades(first: int, count: int) -> list[dict[str, int]]:
    """Parameters of a run of `time-zones` for each decade."""
    return [{"first_year": year, "last_year": year + 9} for year in range(first, first + 10 * count, 10)]


@task
def summarise(decades: list[dict[str, int]], clocks: list[dict[str, Any]], packages: dict[str, Any]) -> dict[str, Any]:
    """One answer from the children's: log it as a table, and return it."""
    log = towpath.context.logger.info
    changes = {f"{d['first_year']} to {d['last_year']}": found["changes"] for d, found in zip(decades, clocks, strict=True)}
    most = max(changes, key=lambda decade: changes[decade])
    for decade, count in changes.items():
        log("%s: %6d changes of clocks%s", decade, count, "  <- most" if decade == most else "")
    who = ", ".join(packages["found"]) or "no package"
    log("of %d installed distributions these speak most of %r: %s", packages["distributions"], packages["query"], who)
    return {"changes": changes, "most": most, "packages": list(packages["found"])}


with Flow("flow-of-flows") as flow:
    decades = choose_decades(Parameter("first_year", default=2000), Parameter("decades", default=3))
    index = create_flow_run(flow_name="package-index", parameters={"query": Parameter("query", default="time zone")})
    runs = create_flow_run.map(flow_name=unmapped("time-zones"), parameters=decades)
    # all are created before the first is waited for, so they run side by side even though one worker does the waiting
    ended = wait_for_flow_run.map(runs, raise_final_state=unmapped(True), upstream_tasks=[unmapped(runs), unmapped(index)])
    clocks = get_task_run_result.map(runs, unmapped("make_report-1"), upstream_tasks=[ended])
    answer = summarise(decades, clocks, get_task_run_result(index, "make_report-1"))


if __name__ == "__main__":
    state = flow.run()
    print(state.result[answer].result)
    sys.exit(0 if state.is_successful() else 1)
