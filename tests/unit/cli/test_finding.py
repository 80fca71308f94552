"""How a person's word for a flow, run or task run becomes one of them, or an error that lists the candidates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from towpath.client.lookups import id_range
from towpath.client.testing import FakeApi

RUNS = [
    {"id": f"01a2243d-d44d-7048-8d3f-ac90fdf440e{i}", "name": name, "state": "Running", "flow": {"name": "hello"}}
    for i, name in enumerate(["brisk-heron", "calm-otter"])
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("01a2", ("01a20000-0000-0000-0000-000000000000", "01a2ffff-ffff-ffff-ffff-ffffffffffff")),
        ("01A2243D-d4", ("01a2243d-d400-0000-0000-000000000000", "01a2243d-d4ff-ffff-ffff-ffffffffffff")),
        (RUNS[0]["id"], (RUNS[0]["id"], RUNS[0]["id"])),
        ("01a", None),
        ("01a2243-d", None),
        ("brisk-heron", None),
        ("01a2243d-d44d-7048-8d3f-ac90fdf440e00", None),
    ],
)
def test_the_beginning_of_an_id_is_a_range_of_ids(text: str, found: Any):
    """Four digits or more, dashes where an id has them, are a range; everything else is a name only."""
    assert id_range(text) == found


def test_what_fits_several_is_an_error_that_lists_them(api: FakeApi, towpath: Any):
    """Two candidates are named with their ids; the sentence says what to do, the code stands in its line."""
    api.answers["flow_run"] = lambda v: RUNS
    status, out, err = towpath("logs", "01a2243d")
    assert (status, out) == (1, "")
    first, *candidates = err.splitlines()
    assert first == "towpath: '01a2243d' means several flow runs; say more of the id. (BAD_REQUEST)"
    assert [line.split()[:2] for line in candidates] == [[run["id"], run["name"]] for run in RUNS]


def test_a_whole_id_wins_over_a_name_that_looks_like_it(api: FakeApi, towpath: Any):
    """The run of exactly this id is meant although another one has it as its name."""
    api.answers["flow_run"] = lambda v: [{**RUNS[1], "name": RUNS[0]["id"]}, RUNS[0]]
    api.answers["cancel_flow_run"] = lambda v: {"state": "Cancelled"}
    assert towpath("cancel", RUNS[0]["id"])[0] == 0
    assert api.of("cancel_flow_run") == [{"input": {"flow_run_id": RUNS[0]["id"]}}]


@pytest.mark.parametrize(
    ("arguments", "field", "lists"),
    [
        (["describe", "flow", "x"], "flow", "towpath get flows"),
        (["describe", "flow-run", "x"], "flow_run", "towpath get flow-runs"),
        (["describe", "agent", "x"], "agent", "towpath get agents"),
        (["schedule", "show", "x"], "flow", "towpath get flows"),
        (["archive", "flow", "x", "-y"], "flow", "towpath get flows"),
        (["delete", "project", "x", "-y"], "project", "towpath get projects"),
    ],
)
def test_what_is_not_there_says_where_to_look(api: FakeApi, towpath: Any, arguments: list[str], field: str, lists: str):
    """NOT_FOUND names what was asked for and the command that lists what there is."""
    api.answers[field] = lambda v: []
    status, _, err = towpath(*arguments)
    assert (status, err.count("\n")) == (1, 1)
    assert "'x'" in err
    assert f"`{lists}`" in err
    assert err.endswith("(NOT_FOUND)\n")


def test_cancel_all_takes_what_has_not_ended_and_asks_first(api: FakeApi, towpath: Any):
    """Without a terminal and --yes nothing is stopped; with --yes each run is; runs made ahead by a schedule are not asked for."""
    api.answers["flow_run"] = lambda v: RUNS
    api.answers["cancel_flow_run"] = lambda v: {"state": "Cancelling"}
    status, _, err = towpath("cancel", "--all", "--name", "hello")
    assert (status, api.of("cancel_flow_run")) == (2, [])
    assert "Cancel 2 runs of hello (2 Running)? Nobody can be asked here; add --yes" in err
    done = json.loads(towpath("cancel", "--all", "--name", "hello", "-y", "--json")[1])
    assert [(row["name"], row["state"]) for row in done] == [("brisk-heron", "Cancelling"), ("calm-otter", "Cancelling")]
    where = api.of("flow_run")[-1]["where"]
    assert "Running" not in where["state"]["_nin"]
    assert where["_not"]["auto_scheduled"] == {"_eq": True}
