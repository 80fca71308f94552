"""Take parts of the backend away in the middle of a run: nothing dies, nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.faults

SERVICES = ["graphql", "read_engine", "gateway", "scheduler", "zombie_killer", "lazarus"]


def children(stage, word: str) -> list[psutil.Process]:
    """Processes of the backend whose command line has `word`."""
    return [p for p in psutil.Process(stage.backend.pid).children(recursive=True) if word in " ".join(p.cmdline())]


def successors(stage, word: str, old: int) -> list[psutil.Process]:
    """Living processes with `word` that are not the one that was killed."""
    return [p for p in children(stage, word) if p.pid != old and p.status() != psutil.STATUS_ZOMBIE]


def test_every_service_may_be_killed_in_the_middle_of_a_run(make_stage, tmp_path: Path, until, history_is_whole):
    """kill -9 of each service in turn, while a run goes on: each comes back, and the run ends well in its first life."""
    stage = make_stage(processes=True)
    trace = tmp_path / "trace"
    flow = stage.register()
    stage.agent()
    run_id = stage.create(flow, trace, seconds=2, steps=15)
    stage.began(trace)
    for service in SERVICES:
        (process,) = children(stage, f"towpath_{service}.main")
        process.kill()
        until(f"{service} is back", lambda s=service, old=process.pid: successors(stage, f"towpath_{s}.main", old), timeout=90)
        until("the backend is healthy", lambda: stage.cli("server", "status", "--data-dir", str(stage.backend.directory)), timeout=90)
    assert stage.run(run_id)["state"] == "Running", "the run ended before every service had been killed"
    run = stage.wait_for(run_id, "Success")
    history_is_whole(run)
    assert run["times_resurrected"] == 0
    assert "total 105" in trace.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["fast shutdown", "kill -9"])
def test_postgresql_may_be_restarted_in_the_middle_of_a_run(stage, tmp_path: Path, number, history_is_whole):
    """PostgreSQL goes down and comes back: no state is lost, the run ends well in its first life."""
    trace = tmp_path / "trace"
    flow = stage.register()
    stage.agent()
    run_id = stage.create(flow, trace, seconds=2)
    stage.began(trace)
    (postmaster,) = [p for p in children(stage, "bin/postgres") if p.parent().pid == stage.backend.pid]
    os.kill(postmaster.pid, number)
    run = stage.wait_for(run_id, "Success")
    history_is_whole(run)
    assert run["times_resurrected"] == 0
    assert "total 3" in trace.read_text()


def test_nats_may_be_killed_and_wiped(stage, tmp_path: Path, until, history_is_whole):
    """NATS dies and everything it had on disk is gone: runs go on, another NATS comes, and the backend is healthy with it."""
    flow = stage.register()
    stage.agent()
    (nats,) = children(stage, "nats-server")
    # all but the lock that the server holds on the directory
    lost = [file for file in (stage.backend.directory / "nats").iterdir() if file.name != "lock"]
    assert lost
    for file in lost:
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    nats.kill()
    for number in range(3):
        run = stage.wait_for(stage.create(flow, tmp_path / f"trace-{number}"), "Success", timeout=90)
        history_is_whole(run)
    until("another NATS runs", lambda: successors(stage, "nats-server", nats.pid), timeout=90)
    until("the backend is healthy", lambda: stage.cli("server", "status", "--data-dir", str(stage.backend.directory)), timeout=90)


def test_the_backend_may_be_away_for_thirty_seconds(stage, tmp_path: Path, until, history_is_whole):
    """The whole backend stops for 30 s in the middle of a run: the run works on, and everything it did is stored in the end."""
    trace = tmp_path / "trace"
    flow = stage.register(retries=0)
    stage.agent()
    run_id = stage.create(flow, trace, seconds=3, steps=4)
    pid = stage.began(trace)
    stage.backend.stop()
    away = time.monotonic()
    until("the steps end while the backend is away", lambda: "total 6" in trace.read_text(), timeout=40)
    until("thirty seconds have passed", lambda: time.monotonic() - away > 30, timeout=40)
    stage.backend.start()
    run = stage.wait_for(run_id, "Success", timeout=60)
    history_is_whole(run)
    assert run["times_resurrected"] == 0
    assert run["attempt"] == 1
    assert {line.split()[1] for line in trace.read_text().splitlines() if line.startswith("begin")} == {str(pid)}
    assert {t["state"] for t in run["task_runs"]} == {"Success", "Mapped"}


def test_a_parent_waits_out_an_outage(stage, tmp_path: Path, until, history_is_whole):
    """The backend is away while a run waits for its child, whose end comes meanwhile: both end well, in their first lives."""
    trace = tmp_path / "trace"
    stage.register(retries=0)
    script = stage.folder / "parent.py"
    script.write_text(
        "from towpath import Flow, Parameter\n"
        "from towpath.tasks.flow_runs import StartFlowRun\n"
        'with Flow("parent") as flow:\n'
        '    StartFlowRun("steps", wait=True)(parameters={"trace": Parameter("trace"), "seconds": 2, "steps": 2})\n'
    )
    stage.cli("register", "--path", str(script))
    stage.agent()
    run_id = stage.create(str(stage.client.find_flow("parent")["id"]), trace)
    stage.began(trace)
    until("the parent waits", lambda: "Entered state <Running>" in stage.logs(run_id))
    stage.backend.stop()
    away = time.monotonic()
    until("the child ends while the backend is away", lambda: "total 1" in trace.read_text(), timeout=40)
    until("an ordinary request has lost its patience", lambda: time.monotonic() - away > 15, timeout=40)
    stage.backend.start()
    run = stage.wait_for(run_id, "Success", timeout=60)
    history_is_whole(run)
    assert (run["times_resurrected"], run["attempt"]) == (0, 1)
    assert trace.read_text().count("total 1") == 1


def test_a_hook_is_told_although_its_teller_is_killed(make_stage, tmp_path: Path, until):
    """kill -9 of the service after a state was stored and before its hook has heard of it: another process tells it, under the same id."""
    got: list[str] = []
    answers = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["event"]["id"])
            if answers.wait(60):
                self.send_response(204)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        stage = make_stage(processes=True, env={"TOWPATH_HOOK_NETWORKS": "127.0.0.0/8"})
        flow = stage.register()
        with stage.client as client:
            client.create_hook("WEBHOOK", states=["Cancelled"], config={"url": f"http://127.0.0.1:{server.server_port}/"})
            client.cancel_flow_run(stage.create(flow, tmp_path / "trace"))
            until("the hook is being told", lambda: got, timeout=60)
            (process,) = children(stage, "towpath_graphql.main")
            process.kill()
            answers.set()
            told = until("it was told", lambda: [h for h in client.get_hooks() if h["last_status"] == "delivered"], timeout=75)
        assert len(got) >= 2
        assert set(got) == {got[0]}
        assert told[0]["last_attempts"] == len(got)
    finally:
        answers.set()
        server.shutdown()
        server.server_close()
        thread.join()
