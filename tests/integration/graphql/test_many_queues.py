"""The queue of Prefect 1's agents when there is more in it than one answer holds, in many queues of different length."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

from tests.integration.graphql.limiting import label_limit
from towpath_graphql.app.agents import QUEUE_LIMIT

LABELS = ("a", "b", "c", "big")
ROOM = 2


def expected(runs: list[dict], labels: list[str]) -> list[str]:
    """The rule in its plainest form: matching runs, oldest first, no more of a queue than its limits leave room for."""
    told: list[str] = []
    queued: dict[tuple[str, ...], int] = {}
    for run in sorted(runs, key=lambda r: r["due_at"]):
        own = tuple(run["labels"])
        if not set(own) <= set(labels) or (labels and not own):
            continue
        queued[own] = queued.get(own, 0) + 1
        if "big" not in own or queued[own] <= ROOM:
            told.append(str(run["id"]))
    return told[:QUEUE_LIMIT]


async def test_an_answer_holds_the_oldest_of_all_queues(api):
    """However many queues an agent has, and however unlike their lengths, it is told the oldest runs of all of them, in order."""
    chance = random.Random(4)
    await label_limit(api, ROOM)
    flow_id = await api.register1()
    sets = [list(chosen) for size in range(len(LABELS) + 1) for chosen in combinations(LABELS, size)]
    weights = [3.0**-n for n in range(len(sets))]
    chance.shuffle(weights)
    moments = [datetime.now(UTC) - timedelta(seconds=second) for second in chance.sample(range(10, 100_000), 300)]
    items = [
        {"flow_id": str(flow_id), "labels": chance.choices(sets, weights if n % 2 else None)[0], "scheduled_start_time": moment.isoformat()}
        for n, moment in enumerate(moments)
    ]
    await api.call("create_flow_runs", "results", runs=items)
    runs = await api.rows("select id, labels, due_at from flow_run where due_at <= now()")
    assert len(runs) == len(items)
    full = 0
    for labels in sets:
        answer = await api.call("get_runs_in_queue", "flow_run_ids", labels=labels)
        assert answer["flow_run_ids"] == expected(runs, labels), labels
        full += len(answer["flow_run_ids"]) == QUEUE_LIMIT
    assert 0 < full < len(sets)
