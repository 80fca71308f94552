"""Parameters with types at the API: a run, a bulk of runs and a schedule with a wrong one are refused by name."""

from __future__ import annotations

import pytest

from towpath_proto.errors import Code, TowpathError

TYPED = [
    {"name": "n", "required": True, "default": None, "schema": {"type": "integer"}, "enforced": True},
    {"name": "mode", "required": False, "default": "a", "schema": {"type": "string", "enum": ["a", "b"]}, "enforced": True},
    {"name": "free", "required": False, "default": 1, "schema": {"type": "integer"}, "enforced": False},
]
SENTENCE = "Flow 'canal': parameter 'n' must be an integer; got '12' (a string)."


async def test_a_run_is_refused_with_the_parameters_name(api):
    """Nothing is created; what was only derived from a default refuses nothing."""
    flow = await api.register(parameters=TYPED)
    refused = await api.refused("create_flow_run", "id", flow_id=flow, parameters={"n": "12"})
    assert (refused.code, refused.message) == (Code.BAD_PARAMETERS, SENTENCE)
    assert await api.rows("select 1 from flow_run") == []
    assert await api.create(flow, parameters={"n": 12, "mode": "b", "free": "text"})
    refused = await api.refused("create_flow_run", "id", flow_id=flow, parameters={"n": 1, "mode": "c"})
    assert "parameter 'mode' must be one of 'a', 'b'; got 'c' (a string)" in refused.message


async def test_one_wrong_item_does_not_stop_the_others(api):
    """In a bulk, each item has its own answer."""
    flow = str(await api.register(parameters=TYPED))
    runs = [{"flow_id": flow, "parameters": {"n": value}} for value in (1, "12", 3)]
    results = (await api.call("create_flow_runs", "results", runs=runs))["results"]
    assert [r.get("code") for r in results] == [None, "BAD_PARAMETERS", None]
    assert results[1]["message"] == SENTENCE


async def test_a_schedule_with_a_wrong_value_is_refused_at_registration(api):
    """Better then than at three in the morning."""
    clock = {"type": "CronClock", "cron": "0 3 * * *", "parameter_defaults": {"n": "12"}}
    with pytest.raises(TowpathError) as refused:
        await api.register(parameters=TYPED, schedule={"type": "Schedule", "clocks": [clock]})
    assert (refused.value.code, refused.value.message) == (Code.BAD_PARAMETERS, SENTENCE)
    assert await api.rows("select 1 from flow") == []
