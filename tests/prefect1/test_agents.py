"""Agents of the unmodified client side by side: equal ones, other labels, and Towpath's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

TOWPATH = str(Path(sys.executable).parent / "towpath")
OURS = """
from towpath import Flow, task
from towpath.run_configs import UniversalRun

@task
def row():
    return "rowed"

with Flow("ours", run_config=UniversalRun(labels={labels!r})) as flow:
    row()
"""


@dataclass
class Ours:
    """A user of Towpath's own client on the same backend, with an agent of the same labels."""

    site: Any
    folder: Path
    flow_id: str = ""

    def env(self):
        return {"PATH": os.environ["PATH"], "TOWPATH_API_URL": self.site.backend.url, "TOWPATH_HOME": str(self.folder / "home")}

    def cli(self, *arguments):
        run = subprocess.run([TOWPATH, *arguments], env=self.env(), cwd=self.folder, capture_output=True, text=True, check=True, timeout=60)
        return run.stdout + run.stderr

    def create(self):
        document = "mutation ($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }"
        return self.site.query(document, i={"flow_id": self.flow_id})["create_flow_run"]["id"]


@pytest.fixture(scope="module")
def ours(site, tmp_path_factory):
    """Towpath's own client, with a flow registered and no agent."""
    user = Ours(site, tmp_path_factory.mktemp("ours"))
    (user.folder / "ours.py").write_text(OURS.format(labels=site.labels))
    user.cli("register", "--path", "ours.py")
    ((user.flow_id,),) = site.sql("select id::text from flow where name = 'ours'")
    return user


def _runners(folder):
    return [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]


@pytest.fixture
def our_agent(ours, until):
    """`towpath agent local start` with the labels of the other client's agent; its runner ends with it."""
    log = ours.folder / "agent.log"
    options = [word for label in ours.site.labels for word in ("--label", label)]
    with log.open("ab") as out:
        command = [TOWPATH, "agent", "local", "start", "--name", "ours", *options]
        process = subprocess.Popen(command, env=ours.env() | {"TOWPATH_RUNNER_IDLE": "1"}, stdout=out, stderr=out)
    until("our agent registers", lambda: "Agent ours registered" in log.read_text())
    yield process
    process.terminate()
    process.wait(20)
    until("its runner ends", lambda: not _runners(ours.folder))


def test_two_equal_agents_run_each_of_twenty_runs_once(site, tmp_path):
    """Both see all runs ahead of their time and submit them in the same moment; each is submitted, begun and done once."""
    trace = tmp_path / "trace"
    second = site.agent("its twin", "river")
    due = (datetime.now(UTC) + timedelta(seconds=11)).isoformat()  # an agent asks each 10 s, for what is due in the next 10 s
    try:
        ids = {site.create("note", parameters={"trace": str(trace)}, scheduled_start_time=due) for _ in range(20)}
        runs = [site.ended(i, timeout=120) for i in ids]
    finally:
        site.stop(second)
    assert {site.history(r) for r in runs} == {"Scheduled Submitted Running Success"}
    begun = Counter(line.split()[0] for line in trace.read_text().splitlines())
    assert begun == dict.fromkeys(ids, 1)
    assert {r["agent"]["name"] for r in runs} == {"everyday", "its twin"}
    rows = site.sql("select name, last_queried is not null, core_version from agent where name in ('everyday', 'its twin') order by 1")
    assert rows == [("everyday", True, "1.4.1"), ("its twin", True, "1.4.1")]


def test_our_run_is_not_for_their_agent(site, ours, until):
    """With their agent only, a run of ours waits, and our command says who would take it; a forced start is refused in a sentence."""
    run_id = ours.create()
    assert site.sql("select last_queried from agent where name = 'everyday'") != []
    said = ours.cli("describe", "flow-run", run_id)
    assert "No live agent serves this run" in said
    assert "everyday (LocalAgent of prefect 1.4.1" in said
    assert "towpath agent local start" in said
    assert "Error" in site.cli("run", "--id", ours.flow_id, "--execute", expect=1)
    assert site.sql("select count(*) from flow_run where flow_id = %s", ours.flow_id) == [(1,)]
    source = """
from prefect import Client
from prefect.engine.state import Submitted
try:
    answer = Client().set_flow_run_state(given["run"], Submitted()).message
except Exception as e:
    answer = str(e)"""
    assert "an agent of Towpath must run it" in site.ask(source, run=run_id)
    assert site.run(run_id)["version"] == 1


def test_each_client_runs_its_own_flows(site, ours, our_agent, tmp_path):
    """Agents of both clients with the same labels: each takes the runs of its own flows and leaves the others."""
    theirs = [site.create("note", parameters={"trace": str(tmp_path / "trace")}) for _ in range(2)]
    mine = [ours.create() for _ in range(2)]
    assert {site.ended(i)["agent"]["name"] for i in theirs} == {"everyday"}
    assert {site.ended(i)["agent"]["name"] for i in mine} == {"ours"}


def test_their_run_is_not_for_our_agent(site, ours, our_agent):
    """With our agent only, a run of theirs waits, and our command says whose agent it needs and how to start one."""
    run_id = site.create("note", parameters={"trace": "never"}, labels=["ours only"])
    said = ours.cli("describe", "flow-run", run_id)
    assert "prefect 1.4.1 has registered its flow, and an agent of that client must run it" in said
    assert "prefect agent local start --label 'ours only'" in said
    site.ask("from prefect import Client\nanswer = Client().cancel_flow_run(given['run'])", run=run_id)
