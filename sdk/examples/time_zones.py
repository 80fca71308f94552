"""When did the world's clocks change? Every change of UTC offset, in every time zone that Python knows.

    python sdk/examples/time_zones.py             run it here
    towpath register -p sdk/examples/time_zones.py   let an agent run it, each Monday at six in Berlin

The data are those of the IANA time zone database on this machine (or of the package `tzdata`). A zone is asked for its offset every
five days (since 2000 none has changed twice in a week); where two answers differ, the moment of the change is found by halving the time
between them.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import towpath
from towpath import Flow, Parameter, task, unmapped
from towpath.schedules import CronSchedule

PROBE = 5 * 86_400


@task
def list_zones() -> list[str]:
    """The names of all zones; `posixrules` and `localtime` are not places."""
    zones = sorted(available_timezones() - {"localtime", "posixrules"})
    towpath.context.logger.info("%d time zones", len(zones))
    return zones


@task(max_retries=2, retry_delay=timedelta(seconds=5))
def find_changes(zone: str, first_year: int, last_year: int) -> list[dict[str, object]]:
    """Every change of one zone's UTC offset, in order. Reads the database, so it is tried again should that fail."""
    place = ZoneInfo(zone)

    def offset(second: int) -> float:
        return (datetime.fromtimestamp(second, place).utcoffset() or timedelta()).total_seconds()

    changes: list[dict[str, object]] = []
    second = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp())
    before = offset(second)
    while second < end:
        probe = min(second + PROBE, end)
        after = offset(probe)
        if after != before:
            old, new = second, probe  # the offset at `old` is still `before`, the one at `new` is not
            while new - old > 1:
                middle = (old + new) // 2
                if offset(middle) == before:
                    old = middle
                else:
                    new = middle
            if new < end:
                changes.append({"zone": zone, "at": datetime.fromtimestamp(new, UTC).isoformat(), "before": before, "after": after})
        second, before = probe, after
    return changes


@task
def count_by_year(changes: list[list[dict[str, object]]]) -> dict[int, int]:
    """How many changes there were in each year, in all zones together."""
    counts = Counter(int(str(change["at"])[:4]) for zone in changes for change in zone)
    return dict(sorted(counts.items()))


@task
def find_rule_changes(changes: list[list[dict[str, object]]]) -> dict[int, list[str]]:
    """The zones in which a year did not go like the year before: other offsets, or another number of changes."""
    found: dict[int, list[str]] = {}
    for zone in changes:
        years: dict[int, list[object]] = {}
        for change in zone:
            years.setdefault(int(str(change["at"])[:4]), []).append((change["before"], change["after"]))
        for year in sorted({own + step for own in years for step in (0, 1)}):
            if years.get(year, []) != years.get(year - 1, []):
                found.setdefault(year, []).append(str(zone[0]["zone"]))
    return dict(sorted(found.items()))


@task
def find_biggest_jump(changes: list[list[dict[str, object]]]) -> dict[str, object]:
    """The change that moved clocks farthest."""
    return max((change for zone in changes for change in zone), key=lambda c: abs(float(str(c["after"])) - float(str(c["before"]))))


@task
def make_report(counts: dict[int, int], rule_changes: dict[int, list[str]], jump: dict[str, object], first_year: int) -> dict[str, object]:
    """Log the findings as a table, and return them."""
    logger = towpath.context.logger
    logger.info("year  changes  zones with a year unlike the one before")
    for year, count in counts.items():
        unlike = rule_changes.get(year, []) if year > first_year else []
        logger.info("%d  %7d  %5d %s", year, count, len(unlike), ", ".join(unlike[:3]) + (" ..." if len(unlike) > 3 else ""))
    hours = (float(str(jump["after"])) - float(str(jump["before"]))) / 3600
    logger.info("biggest jump: %+g h in %s at %s", hours, jump["zone"], jump["at"])
    return {"changes": sum(counts.values()), "by_year": counts, "biggest_jump": jump}


with Flow(
    "time-zones",
    schedule=CronSchedule("0 6 * * 1", start_date=datetime(2026, 1, 5, tzinfo=ZoneInfo("Europe/Berlin"))),
) as flow:
    first_year = Parameter("first_year", default=2000)
    last_year = Parameter("last_year", default=2040)
    found = find_changes.map(list_zones(), first_year=unmapped(first_year), last_year=unmapped(last_year))
    report = make_report(count_by_year(found), find_rule_changes(found), find_biggest_jump(found), first_year)


if __name__ == "__main__":
    state = flow.run(run_on_schedule=False)
    sys.exit(0 if state.is_successful() else 1)
