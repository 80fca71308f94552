"""Schedules of the unmodified client: runs lie ahead, start in time, and go when the schedule is switched off."""

from __future__ import annotations

from datetime import datetime

SCHEDULED = """
import pendulum
from prefect import Flow, Parameter, task
from prefect.schedules import Schedule, clocks, filters
@task
def tide(level): print(level)
now, new_year = pendulum.now("UTC"), pendulum.datetime(2026, 1, 1, tz="Europe/Amsterdam")
dates = [now.add(seconds=given["seconds"]), now.add(years=1)]
parts = [
    clocks.DatesClock(dates=dates, parameter_defaults={"level": "high"}),
    clocks.CronClock("0 6 * * *", start_date=new_year, parameter_defaults={"level": "low"}),
    clocks.IntervalClock(pendulum.duration(hours=12), start_date=new_year.in_tz("UTC"), parameter_defaults={"level": "12"}),
]
schedule = Schedule(clocks=parts, filters=[filters.is_weekday] if given.get("weekdays") else [])
with Flow("tides", schedule=schedule) as flow:
    tide(Parameter("level"))
flow.register("river", labels=["river"])
answer = [d.isoformat() for d in schedule.next(30)]
"""


def test_a_schedule_of_three_clocks(site, until):
    """Ten runs ahead at the times that the client itself computes; the next one is started by the agent, with its clock's parameters."""
    expected = [datetime.fromisoformat(d) for d in site.ask(SCHEDULED, seconds=6)]
    ((flow_id,),) = site.sql("select id::text from flow where name = 'tides' and not archived")
    runs = "select scheduled_start_time, parameters ->> 'level', id::text from flow_run where flow_id = %s and auto_scheduled order by 1"
    made = until("the runs are made", lambda: len(found := site.sql(runs, flow_id)) >= 10 and found)
    assert [m[0] for m in made[:10]] == expected[:10]
    assert made[0][1] == "high"
    run = site.ended(made[0][2])
    assert run["parameters"] == {"level": "high"}
    assert run["states"][1]["timestamp"] >= made[0][0].isoformat()[:19]
    again = until("the next one is made in its place", lambda: len(found := site.sql(runs, flow_id)) >= 11 and found)
    assert [m[0] for m in again[:11]] == expected[:11]


def test_a_new_version_takes_the_schedule_over_and_archiving_clears_it(site, until):
    """The runs of the archived version that lay ahead are gone, those of the new one are there; filters hold."""
    ((old,),) = site.sql("select id::text from flow where name = 'tides' and not archived")
    site.ask(SCHEDULED, seconds=3600, weekdays=True)
    ((new,),) = site.sql("select id::text from flow where name = 'tides' and not archived")
    ahead = "select scheduled_start_time from flow_run where flow_id = %s and state = 'Scheduled' order by 1"
    assert site.sql(ahead, old) == []
    days = until("the runs are made", lambda: len(found := site.sql(ahead, new)) >= 10 and found)
    assert {d.isoweekday() <= 5 for (d,) in days} == {True}


def test_off_and_on_again(site, until):
    """set_schedule_inactive deletes what lies ahead, set_schedule_active makes it anew."""
    ((flow_id,),) = site.sql("select id::text from flow where name = 'tides' and not archived")
    ahead = "select count(*) from flow_run where flow_id = %s and state = 'Scheduled'"
    for mutation, count in (("set_schedule_inactive", 0), ("set_schedule_active", 10), ("set_schedule_inactive", 0)):
        document = f"mutation ($i: {mutation}_input!) {{ {mutation}(input: $i) {{ success }} }}"
        assert site.query(document, i={"flow_id": flow_id}) == {mutation: {"success": True}}
        until(f"{count} runs lie ahead", lambda count=count: site.sql(ahead, flow_id) == [(count,)])
