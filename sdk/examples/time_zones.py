"""When did the world's clocks change? Every change of UTC offset, in every time zone that Python knows.

    python sdk/examples/time_zones.py             run it here
    towpath register -p sdk/examples/time_zones.py   let an agent run it, each Monday at six in Berlin

The data are those of the IANA time zone database on this machine (or of the package `tzdata`). A zone is asked for its offset every
five days (since 2000 none has changed twice in a week); where two answers differ, the moment of the change is found by halving the time
between them. Zones are looked at in several processes at once, and the result is drawn as an SVG file: one line for each history of
a clock, its colour the offset.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import towpath
from towpath import Flow, Parameter, task, unmapped
from towpath.executors import LocalDaskExecutor
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
def find_first_offset(zone: str, first_year: int) -> float:
    """The UTC offset with which a zone enters the picture, in seconds."""
    return (datetime(first_year, 1, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds()


# The ground is dark and Greenwich is pale: the farther a clock is from it, the deeper its colour, blue to the west and red to the east.
STOPS = ((-12, (22, 62, 140)), (-6, (66, 146, 198)), (-1, (190, 222, 236)), (0, (250, 244, 226)), (3, (253, 204, 120)))
STOPS = (*STOPS, (7, (240, 110, 70)), (11, (178, 32, 84)), (14, (96, 10, 96)))
WIDTH, LEFT, TOP, ROW = 1200, 190, 120, 4
STYLE = """text { font: 12px system-ui, sans-serif; fill: #b9c2cf } .title { font-size: 26px; font-weight: 600; fill: #f4f1e8 }
.small { font-size: 11px } .grid { stroke: #ffffff; stroke-opacity: .14 } .bar { fill: #7f8ea3 }"""


def color(hours: float) -> str:
    """The colour of an offset, between those of `STOPS`."""
    for (low, first), (high, second) in pairwise(STOPS):
        if hours <= high:
            part = max(0.0, (hours - low) / (high - low))
            return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in zip(first, second, strict=True))
    return "#600a60"


COUNTRIES = ("Etc/", "US/", "Canada/", "Mexico/", "Brazil/", "Chile/")  # older names for what has a city's name too


@task
def draw(zones: list[str], offsets: list[float], changes: list[list[dict[str, object]]], years: tuple[int, int], folder: str | None) -> str:
    """Draw the histories of all clocks, from the west to the east, and return the file's path."""
    begin, end = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (years[0], years[1] + 1))
    histories: dict[tuple[tuple[float, float], ...], list[str]] = {}  # (since when, offset in hours), and the zones that share it
    for zone, offset, found in zip(zones, offsets, changes, strict=True):
        steps = [(datetime.fromisoformat(str(c["at"])).timestamp(), float(str(c["after"])) / 3600) for c in found]
        histories.setdefault(((begin, offset / 3600), *steps), []).append(zone)
    rows = sorted(histories.items(), key=lambda item: (item[0][-1][1], sum(h for _, h in item[0]) / len(item[0]), len(item[0])))
    scale = (WIDTH - LEFT - 40) / (end - begin)
    strokes: dict[str, list[str]] = {}
    for number, (history, _) in enumerate(rows):
        for (since, hours), (until, _) in zip(history, (*history[1:], (end, 0.0)), strict=True):
            line = f"M{LEFT + (since - begin) * scale:.1f} {TOP + number * ROW:.1f}h{(until - since) * scale + 0.8:.1f}"
            strokes.setdefault(color(hours), []).append(line)
    bottom = TOP + len(rows) * ROW
    crisp = f'stroke-width="{ROW}" shape-rendering="crispEdges"'
    parts = [f'<path d="{"".join(lines)}" stroke="{tone}" {crisp}/>' for tone, lines in strokes.items()]
    parts += _names(rows)
    counts = Counter(int(str(c["at"])[:4]) for found in changes for c in found)
    step = (end - begin) * scale / (years[1] - years[0] + 1)
    most = max(counts.values(), default=1)
    for place, year in enumerate(range(years[0], years[1] + 1)):
        x, high = LEFT + place * step, 60 * counts[year] / most
        parts.append(f'<rect class="bar" x="{x + 1:.1f}" y="{bottom + 90 - high:.1f}" width="{step - 2:.1f}" height="{high:.1f}" rx="1"/>')
        if year % 5 == 0:
            parts.append(f'<path class="grid" d="M{x:.1f} {TOP - 8}V{bottom + 94:.0f}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 112:.0f}">{year}</text>')
    total = sum(counts.values())
    parts.append(f'<text class="small" x="{LEFT - 14}" y="{bottom + 86:.0f}" text-anchor="end">changes a year, at most {most}</text>')
    title = f"{len(zones)} time zones, {len(rows)} histories, {total:,} changes of the clock, {years[0]} to {years[1]}"
    path = (Path(folder) if folder else Path(os.environ.get("TOWPATH_HOME", "~/.towpath"), "examples")).expanduser() / "time_zones.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 140:.0f}" role="img" aria-label="{title}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#10151d"/>'
        f'<text class="title" x="40" y="52">How the world sets its clocks</text><text x="40" y="78">{title}</text>'
        f"{_legend()}{''.join(parts)}</svg>\n"
    )
    return str(path)


def _names(rows: list[tuple[tuple[tuple[float, float], ...], list[str]]]) -> list[str]:
    """A name beside every row that has room for one; the zone that is named is the one with the shortest name of a city."""
    names, free = [], 0.0
    for number, (_, zones) in enumerate(rows):
        y = TOP + number * ROW
        if y >= free:
            known = min(zones, key=lambda z: ("/" not in z, z.startswith(COUNTRIES), z.count("/"), len(z)))
            name = known.rpartition("/")[2].replace("_", " ")
            names.append(f'<text class="small" x="{LEFT - 14}" y="{y + 4:.1f}" text-anchor="end">{name}</text>')
            free = y + 14
    return names


def _legend() -> str:
    """Offsets and their colours."""
    boxes = "".join(f'<rect x="{WIDTH - 40 - (14 - h) * 14:.0f}" y="40" width="14" height="12" fill="{color(h)}"/>' for h in range(-12, 15))
    marks = ((-12, "-12 h"), (0, "UTC"), (14, "+14 h"))
    texts = "".join(f'<text class="small" x="{WIDTH - 33 - (14 - h) * 14}" y="68" text-anchor="middle">{t}</text>' for h, t in marks)
    return boxes + texts


@task
def make_report(
    counts: dict[int, int], rule_changes: dict[int, list[str]], jump: dict[str, object], first_year: int, picture: str
) -> dict[str, object]:
    """Log the findings as a table, and return them."""
    logger = towpath.context.logger
    logger.info("year  changes  zones with a year unlike the one before")
    for year, count in counts.items():
        unlike = rule_changes.get(year, []) if year > first_year else []
        logger.info("%d  %7d  %5d %s", year, count, len(unlike), ", ".join(unlike[:3]) + (" ..." if len(unlike) > 3 else ""))
    hours = (float(str(jump["after"])) - float(str(jump["before"]))) / 3600
    logger.info("biggest jump: %+g h in %s at %s", hours, jump["zone"], jump["at"])
    logger.info("the picture is at %s", picture)
    return {"changes": sum(counts.values()), "by_year": counts, "biggest_jump": jump, "picture": picture}


with Flow(
    "time-zones",
    schedule=CronSchedule("0 6 * * 1", start_date=datetime(2026, 1, 5, tzinfo=ZoneInfo("Europe/Berlin"))),
    executor=LocalDaskExecutor("processes"),
) as flow:
    first_year = Parameter("first_year", default=2000)
    last_year = Parameter("last_year", default=2040)
    zones = list_zones()
    found = find_changes.map(zones, first_year=unmapped(first_year), last_year=unmapped(last_year))
    offsets = find_first_offset.map(zones, unmapped(first_year))
    picture = draw(zones, offsets, found, (first_year, last_year), Parameter("folder", default=None))
    report = make_report(count_by_year(found), find_rule_changes(found), find_biggest_jump(found), first_year, picture)


if __name__ == "__main__":
    state = flow.run(run_on_schedule=False)
    sys.exit(0 if state.is_successful() else 1)
