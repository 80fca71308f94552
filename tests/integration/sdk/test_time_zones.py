"""The example on real data."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

import towpath
from towpath.storage import load_flow, pickle_flow

SCRIPT = Path(__file__).parents[3] / "sdk/examples/time_zones.py"
PLACES = ["Africa/Casablanca", "Asia/Gaza", "Asia/Tokyo", "Europe/Berlin", "Pacific/Apia"]


@pytest.fixture
def example() -> Iterator[ModuleType]:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("time_zones_example", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["time_zones_example"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["time_zones_example"]


def test_known_facts(example: ModuleType) -> None:
    """Berlin's changes of 2024, Tokyo's absence of any, Apia's lost day, and the ends of the range are right to the second."""
    berlin = example.find_changes.run("Europe/Berlin", 2024, 2024)
    assert berlin == [
        {"zone": "Europe/Berlin", "at": "2024-03-31T01:00:00+00:00", "before": 3600.0, "after": 7200.0},
        {"zone": "Europe/Berlin", "at": "2024-10-27T01:00:00+00:00", "before": 7200.0, "after": 3600.0},
    ]
    assert example.find_changes.run("Asia/Tokyo", 2000, 2040) == []
    apia = example.find_changes.run("Pacific/Apia", 2011, 2011)
    assert [c["at"] for c in apia if c["after"] - c["before"] == 86_400] == ["2011-12-30T10:00:00+00:00"]
    assert len(example.find_changes.run("Europe/Berlin", 2000, 2040)) == 2 * 41


def test_probes_miss_nothing_in_the_liveliest_zones(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probing every five days finds what probing every twelve hours finds."""
    for place in PLACES:
        wide = example.find_changes.run(place, 2005, 2025)
        monkeypatch.setattr(example, "PROBE", 43_200)
        assert example.find_changes.run(place, 2005, 2025) == wide
        monkeypatch.undo()


def test_the_flow_runs_after_a_journey(example: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pickled, loaded and run on five zones in processes, the flow finds the biggest jump, counts by year, and draws every history."""
    monkeypatch.setattr(example, "available_timezones", lambda: set(PLACES))
    example.__towpath_script__ = True  # as `towpath register -p` does
    flow = load_flow(pickle_flow(example.flow))
    state = flow.run({"first_year": 2010, "last_year": 2012, "folder": str(tmp_path)}, run_on_schedule=False)
    assert state.is_successful()
    report: dict[str, Any] = state.result[flow.get_tasks(name="make_report")[0]].result
    assert report["biggest_jump"] == {"zone": "Pacific/Apia", "at": "2011-12-30T10:00:00+00:00", "before": -36000.0, "after": 50400.0}
    single = [example.find_changes.run(place, 2010, 2012) for place in PLACES]
    assert report["changes"] == sum(len(changes) for changes in single)
    assert set(report["by_year"]) == {2010, 2011, 2012}
    assert report["by_year"][2011] == sum(c["at"].startswith("2011") for changes in single for c in changes)
    assert isinstance(flow, towpath.Flow)
    assert report["picture"] == str(tmp_path / "time_zones.svg")
    picture = ElementTree.parse(tmp_path / "time_zones.svg").getroot()
    assert picture.get("aria-label") == f"5 time zones, 5 histories, {report['changes']} changes of the clock, 2010 to 2012"
    lines = "".join(path.get("d", "") for path in picture.iter("{http://www.w3.org/2000/svg}path") if path.get("stroke"))
    assert lines.count("M") == 5 + report["changes"]


def test_it_can_be_registered(example: ModuleType) -> None:
    """The flow serialises, and its schedule fires on Mondays at six in Berlin."""
    from datetime import UTC, datetime

    data = example.flow.serialize()
    assert {p["name"] for p in data["parameters"]} == {"first_year", "last_year", "folder"}
    assert next(t for t in data["tasks"] if t["name"] == "find_changes")["max_retries"] == 2
    event = example.flow.schedule.next_event(datetime(2026, 7, 1, tzinfo=UTC))
    assert event.start_time == datetime(2026, 7, 6, 4, tzinfo=UTC)
