"""The first page in a real Chromium against a real backend.

The run that the page shows is driven by hand through the public API, as an engine would do it (claim, begin, report), so that states and
logs keep changing until somebody cancels it. With TOWPATH_UI_URL and TOWPATH_UI_RUN_ID in the environment that run is looked at instead.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from tests.ui.driving import drive, needs_browser
from tests.ui.seeding import Api, ask_for_work, create, register_agent, register_serialized

pytestmark = needs_browser
CHILDREN = 600
#: Seconds. Slow enough that no machine takes so long that the page has to read the log, or the lines that are stored, in pieces.
BEAT = 0.5
LABELS = ["by-hand"]


class HasUrl(Protocol):
    """A running backend."""

    url: str


@dataclass(frozen=True)
class Page:
    """Where the page is, and which run it shall show."""

    url: str
    run_id: str


class HandDrivenRun:
    """A run whose engine is this object: one task, then a mapped one whose children go on until the run is cancelled."""

    def __init__(self, url: str) -> None:
        self._api = Api(url)
        self._stop = threading.Event()
        self._sequence = 0
        self.failure: BaseException | None = None
        flow = register_serialized(
            self._api,
            {
                "name": "lock-telemetry",
                "tasks": [{"name": "list locks", "slug": "list-1"}, {"name": "measure", "slug": "measure-1", "mapped": True}],
                "edges": [{"upstream_task": {"slug": "list-1"}, "downstream_task": {"slug": "measure-1"}, "key": "lock", "mapped": True}],
                "parameters": [],
            },
        )
        agent = register_agent(self._api, "by-hand", LABELS)
        self.id = create(self._api, flow["flow_id"], labels=LABELS)
        claimed = ask_for_work(self._api, agent, LABELS, ["UniversalRun", "LocalRun"], limit=1)
        self._fence: int = next(r["fence"] for r in claimed if r["id"] == self.id)
        self._api(
            'mutation($id: UUID!, $f: Int!) { begin_run(input: {flow_run_id: $id, fence: $f, holder: "by hand"}) { lease } }',
            id=self.id,
            f=self._fence,
        )
        self._report([{"state": {"type": "Running"}}, _state("list-1", -1, "Running")], ["Beginning flow run for 'lock-telemetry'"])
        self._thread = threading.Thread(target=self._drive, name="engine by hand")

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def close(self) -> None:
        """Report no more."""
        self._stop.set()
        self._thread.join()

    def _report(self, states: list[dict[str, Any]], messages: list[str]) -> bool:
        self._sequence += 1
        now = datetime.now(UTC).isoformat()
        logs = [
            {"timestamp": now, "level": "INFO", "name": "by-hand", "message": m, "slug": "measure-1", "map_index": -1} for m in messages
        ]
        answer = self._api(
            "mutation($r: report_run_input!) { report_run(input: $r) { results cancel } }",
            r={
                "flow_run_id": self.id,
                "fence": self._fence,
                "reporter": "engine",
                "sequence": self._sequence,
                "states": states,
                "logs": logs,
            },
        )["report_run"]
        refused = [r for r in answer["results"] if r["status"] == "ERROR"]
        assert not refused or answer["cancel"], refused
        return bool(answer["cancel"])

    def _drive(self) -> None:
        try:
            self._report([_state("list-1", -1, "Success"), _state("measure-1", -1, "Running"), _state("measure-1", -1, "Mapped")], [])
            self._report([_state("measure-1", i, "Pending") for i in range(CHILDREN)], [f"mapped over {CHILDREN} inputs"])
            for beat in range(10_000):
                if self._stop.wait(BEAT):
                    return
                index = beat % CHILDREN
                states = [_state("measure-1", index, "Running"), _state("measure-1", index, "Success")] if beat < CHILDREN else []
                if self._report(states, [f"beat {beat}"]):
                    self._report([{"state": {"type": "Cancelled", "message": "Stopped on request."}}], ["stopped"])
                    return
        except BaseException as e:
            self.failure = e


def _state(slug: str, map_index: int, kind: str) -> dict[str, Any]:
    return {"slug": slug, "map_index": map_index, "state": {"type": kind}}


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of a run that goes on until it is cancelled."""
    url, run_id = os.environ.get("TOWPATH_UI_URL"), os.environ.get("TOWPATH_UI_RUN_ID")
    if url and run_id:
        yield Page(url, run_id)
        return
    backend: HasUrl = request.getfixturevalue("backend")
    run = HandDrivenRun(backend.url)
    run.start()
    yield Page(backend.url, run.id)
    run.close()
    if run.failure is not None:
        raise run.failure


def test_the_first_page_shows_a_run_live(page: Page) -> None:
    """The page follows states and logs without a reload, survives a lost connection without gaps or doubles, cancels and restarts."""
    drive("first_page", page.url, 11, TOWPATH_UI_RUN_ID=page.run_id)
