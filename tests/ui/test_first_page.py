"""The first page in a real Chromium against a real backend.

The run that the page shows is driven by hand through the public API, as an engine would do it (claim, begin, report), so that states and
logs keep changing until somebody cancels it. With TOWPATH_UI_URL and TOWPATH_UI_RUN_ID in the environment that run is looked at instead.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from towpath_proto import wire

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "services" / "ui"
STATIC = ROOT / "services" / "gateway" / "src" / "towpath_gateway" / "static"
CHROMIUM = os.environ.get("TOWPATH_UI_CHROMIUM", "/usr/bin/chromium")
CHILDREN = 600
CODE = b"driven by hand"
BEAT = 0.1
CHECKS = [
    "home_lists_the_run",
    "a_click_opens_the_run",
    "task_states_change_live",
    "logs_stream_in",
    "a_lost_connection_is_shown_and_comes_back",
    "a_question_can_be_answered_with_no",
    "cancel_works",
    "every_line_is_there_once",
    "every_task_run_is_as_stored",
    "restart_begins_the_next_attempt",
    "nothing_was_reloaded",
]

pytestmark = [
    pytest.mark.ui,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 20"),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium (apt-get install chromium, or TOWPATH_UI_CHROMIUM)"),
]


class HasUrl(Protocol):
    """A running backend."""

    url: str


@dataclass(frozen=True)
class Page:
    """Where the page is, and which run it shall show."""

    url: str
    run_id: str


class Api:
    """GraphQL over HTTP, one request at a time."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/graphql"

    def __call__(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = wire.decode(response.status, response.read())
            return answer


class HandDrivenRun:
    """A run whose engine is this object: one task, then a mapped one whose children go on until the run is cancelled."""

    def __init__(self, url: str) -> None:
        self._api = Api(url)
        self._stop = threading.Event()
        self._sequence = 0
        self.failure: BaseException | None = None
        flow = self._api(
            "mutation($flow: JSON!, $code: String!, $hash: String!, $signature: String!) { register_flow(input: {serialized_flow: $flow,"
            ' code: $code, code_hash: $hash, signature: $signature, key_id: "by-hand"}) { flow_id } }',
            # Nobody loads this code: whoever drives a run by hand needs none, but only runs with code are given to native agents.
            code=base64.b64encode(CODE).decode(),
            hash=hashlib.sha256(CODE).hexdigest(),
            signature=base64.b64encode(bytes(64)).decode(),
            flow={
                "name": "lock-telemetry",
                "tasks": [{"name": "list locks", "slug": "list-1"}, {"name": "measure", "slug": "measure-1", "mapped": True}],
                "edges": [{"upstream_task": {"slug": "list-1"}, "downstream_task": {"slug": "measure-1"}, "key": "lock", "mapped": True}],
                "parameters": [],
            },
        )["register_flow"]["flow_id"]
        agent = self._api(
            'mutation($l: [String!]) { register_agent(input: {type: "LocalAgent", name: "by-hand", labels: $l}) { id } }', l=["by-hand"]
        )["register_agent"]["id"]
        self.id: str = self._api(
            "mutation($flow: UUID!, $l: [String!]) { create_flow_run(input: {flow_id: $flow, labels: $l}) { id } }",
            flow=flow,
            l=["by-hand"],
        )["create_flow_run"]["id"]
        claimed = self._api(
            "mutation($agent: UUID!, $l: [String!]) { claim_flow_runs(input: {agent_id: $agent, labels: $l,"
            ' run_config_types: ["UniversalRun", "LocalRun"]}) { runs { id fence } } }',
            agent=agent,
            l=["by-hand"],
        )["claim_flow_runs"]["runs"]
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
    assert (STATIC / "index.html").is_file(), "build the page first: npm ci && npm run build in services/ui"
    done = subprocess.run(
        ["node", "e2e/first_page.mjs"],
        cwd=UI,
        env={**os.environ, "TOWPATH_UI_URL": page.url, "TOWPATH_UI_RUN_ID": page.run_id, "TOWPATH_UI_CHROMIUM": CHROMIUM},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout)
    failed = {name: check for name, check in seen["checks"].items() if not check["ok"]}
    assert not failed, failed
    assert list(seen["checks"]) == CHECKS
    assert seen["errors"] == []
