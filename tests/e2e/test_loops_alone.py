"""Each loop alone, as in a container: its console script, its environment and one URL. Two of a kind do the work once.

The services behind are console scripts too, beside the session's PostgreSQL and NATS. No agent runs, and no loop but the one on trial.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from towpath import Flow, task
from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath.schedules import IntervalSchedule
from towpath_server.options import metadata_path
from towpath_server.testing import free_port

BIN = Path(sys.executable).parent
SECRET, TOKEN = "a secret of these tests, long enough", "a token of these tests"
RUNS = 25
REPLICAS = pytest.mark.parametrize("replicas", [1, 2])


def fetch(url: str) -> str | None:
    """The body of a page, if it is there and healthy."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, OSError):
        return None


@dataclass
class Processes:
    """Console scripts with nothing but the environment that they are given."""

    logs: Path
    until: Any
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, script: str, port: int, **env: str) -> subprocess.Popen[bytes]:
        """Start one; it is ready when this returns."""
        log = self.logs / f"{script}-{port}.log"
        with log.open("wb") as out:
            process = subprocess.Popen([BIN / script], env={"PATH": os.environ["PATH"], **env}, stdout=out, stderr=out)
        self.running.append(process)

        def ready() -> str | None:
            assert process.poll() is None, log.read_text()
            return fetch(f"http://127.0.0.1:{port}/health/ready")

        self.until(f"{script} is ready", ready)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """SIGTERM ends it in an orderly way."""
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        self.running.remove(process)

    def close(self) -> None:
        for process in list(reversed(self.running)):
            self.end(process)


@dataclass
class Services:
    """graphql, read engine and gateway, without loops."""

    url: str
    nats: str
    dsn: str
    client: Client

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def services(new_template, postgres_server, nats_server, until, tmp_path_factory) -> Iterator[Services]:
    """The services that the loops work for; a database of this module's own."""
    dsn = postgres_server.dsn(new_template("loops_alone", lambda _: None))
    folder = tmp_path_factory.mktemp("services")
    graphql, read, gateway = free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{gateway}"
    processes = Processes(folder, until)
    try:
        processes.start(
            "towpath-graphql",
            graphql,
            TOWPATH_DATABASE_URL=dsn,
            TOWPATH_IDENTITY_SECRET=SECRET,
            TOWPATH_NATS_URL=nats_server.url,
            TOWPATH_GRAPHQL_PORT=str(graphql),
        )
        processes.start(
            "towpath-read-engine",
            read,
            TOWPATH_READ_DATABASE_URL=dsn,
            TOWPATH_READ_METADATA=str(metadata_path()),
            TOWPATH_READ_ADMIN_SECRET=SECRET,
            TOWPATH_READ_PORT=str(read),
        )
        processes.start(
            "towpath-gateway",
            gateway,
            TOWPATH_IDENTITY_SECRET=SECRET,
            TOWPATH_SERVICE_TOKEN=TOKEN,
            TOWPATH_GRAPHQL_URL=f"http://127.0.0.1:{graphql}",
            TOWPATH_READ_URL=f"http://127.0.0.1:{read}",
            TOWPATH_NATS_URL=nats_server.url,
            TOWPATH_PORT=str(gateway),
        )
        with Client(settings=Settings.from_env({"TOWPATH_API_URL": url, "TOWPATH_HOME": str(folder / "home")})) as client:
            yield Services(url, nats_server.url, dsn, client)
    finally:
        processes.close()


@pytest.fixture
def loops(services, until, tmp_path: Path):
    """`loops(name, replicas)` starts a loop that many times; when each has had a turn, it returns a function that awaits more."""
    processes = Processes(tmp_path, until)

    def turns(port: int) -> float:
        text = fetch(f"http://127.0.0.1:{port}/metrics") or ""
        found = re.search(r'towpath_loop_runs_total\{.*outcome="succeeded".*\} ([0-9.e+]+)', text)
        return float(found[1]) if found else 0.0

    def start(name: str, replicas: int):
        ports = [free_port() for _ in range(replicas)]
        prefix = f"TOWPATH_{name.upper()}"
        for port in ports:
            env = {f"{prefix}_PORT": str(port), f"{prefix}_SWEEP": "0.2", "TOWPATH_NATS_URL": services.nats}
            processes.start(f"towpath-{name.replace('_', '-')}", port, TOWPATH_API_URL=services.url, TOWPATH_SERVICE_TOKEN=TOKEN, **env)

        def have_looked(more: int = 2) -> None:
            """Each replica has begun and ended a turn since now."""
            wanted = [turns(port) + more for port in ports]
            until(f"every {name} looks again", lambda: all(turns(p) >= w for p, w in zip(ports, wanted, strict=True)))

        have_looked(1)
        return have_looked

    yield start
    processes.close()


def flow(name: str, **options: Any) -> Flow:
    with Flow(name, **options) as made:
        task(lambda: 1, name="one")()
    return made


def runs_of(services: Services, name: str, label: str) -> list[str]:
    """Many due runs of a new flow, that wait for an agent with this label."""
    flow_id = services.client.register_flow(flow(name)).flow_id
    return [row["id"] for row in services.client.create_flow_runs([{"flow_id": flow_id, "labels": [label]}] * RUNS)]


def rows(services: Services, ids: list[str]) -> list[tuple[Any, ...]]:
    """State, lives, whether offered, whether owned, and the number of states in the history, of each run."""
    return services.sql(
        """select r.state, r.times_resurrected, r.due_at is not null, r.lease_expires_at is not null,
                  (select count(*) from flow_run_state s where s.flow_run_id = r.id), r.state_message, r.fence
           from flow_run r where r.id = any(%s::uuid[])""",
        ids,
    )


@REPLICAS
def test_scheduler(services, loops, until, replicas):
    """The scheduler makes ten runs of every schedule and keeps them ten, each once, at the right times."""
    start = datetime.now(UTC) + timedelta(hours=1)
    names = [f"scheduled-{replicas}-{i}" for i in range(4)]
    early, late = names[:2], names[2:]
    made = {}
    for name in early:  # found at the first look
        made[name] = services.client.register_flow(flow(name, schedule=IntervalSchedule(start, timedelta(minutes=5)))).flow_id
    have_looked = loops("scheduler", replicas)
    for name in late:  # told by an event
        made[name] = services.client.register_flow(flow(name, schedule=IntervalSchedule(start, timedelta(minutes=5)))).flow_id
    count = "select count(*) from flow_run where flow_id = %s"
    until("every flow has its runs", lambda: all(services.sql(count, i)[0][0] >= 10 for i in made.values()))
    have_looked()
    expected = [(start + timedelta(minutes=5 * i),) for i in range(10)]
    for flow_id in made.values():
        assert services.sql("select scheduled_start_time from flow_run where flow_id = %s order by 1", flow_id) == expected


@REPLICAS
def test_zombie_killer(services, loops, until, replicas):
    """Runs that an agent has claimed and never begun go back to the queue once, with one life less; runs in time are left alone."""
    label = f"zombies-{replicas}"
    ids = runs_of(services, label, label)
    register = 'mutation ($l: [String!]) { register_agent(input: {type: "LocalAgent", name: "dead", labels: $l}) { id } }'
    agent = services.client.graphql(register, {"l": [label]})["register_agent"]["id"]
    claim = """mutation ($id: UUID!, $l: [String!]) { claim_flow_runs(input: {agent_id: $id, labels: $l, limit: 100,
        run_config_types: ["UniversalRun"], launch_deadline: 600}) { runs { id } } }"""
    assert len(services.client.graphql(claim, {"id": agent, "l": [label]})["claim_flow_runs"]["runs"]) == RUNS
    have_looked = loops("zombie_killer", replicas)
    alive, dead = ids[:5], ids[5:]
    services.sql("update write_path set answered_at = now(), gate_closed_until = now() + interval '15 s'")
    # time, moved by hand: no lease expires while the write path has not answered for one lease period, so that period is over, too
    services.sql("update flow_run set lease_expires_at = now() + interval '1 hour' where id = any(%s::uuid[])", alive)
    services.sql("update flow_run set lease_expires_at = now() - interval '1 s' where id = any(%s::uuid[])", dead)
    have_looked()
    assert {r[0] for r in rows(services, ids)} == {"Submitted"}, "reaped behind the closed gate"
    services.sql("update write_path set gate_closed_until = now() - interval '1 minute'")
    until("the dead runs are taken from their owner", lambda: {r[0] for r in rows(services, dead)} == {"Scheduled"})
    have_looked()
    for state, lives, offered, owned, states, message, fence in rows(services, dead):
        assert (state, lives, offered, owned, states, fence > 1) == ("Scheduled", 1, True, False, 3, True)
        assert "fell silent" in message
    assert {(r[0], r[1], r[3]) for r in rows(services, alive)} == {("Submitted", 0, True)}
    lines = services.sql("select message from log where flow_run_id = any(%s::uuid[])", dead)
    assert len(lines) == len(dead)
    assert all("Holder" in line and "fence" in line for (line,) in lines)
    services.sql("delete from flow_run where id = any(%s::uuid[])", ids)


@REPLICAS
def test_lazarus(services, loops, until, replicas):
    """Runs that are neither offered, owned nor waiting (here: by a hand in the database) are offered again, once, and say why."""
    ids = runs_of(services, f"stranded-{replicas}", "nobody")
    fine, lost = ids[:5], ids[5:]
    have_looked = loops("lazarus", replicas)
    services.sql("update flow_run set due_at = null, state_timestamp = now() - interval '1 minute' where id = any(%s::uuid[])", lost)
    until("the stranded runs are offered", lambda: all(r[2] for r in rows(services, lost)))
    have_looked()
    for state, lives, offered, owned, states, message, _ in rows(services, lost):
        assert (state, lives, offered, owned, states) == ("Scheduled", 1, True, False, 2)
        assert "life 1 of 3" in message
    assert {r[:5] for r in rows(services, fine)} == {("Scheduled", 0, True, False, 1)}
