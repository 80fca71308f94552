"""A page of 50 among a million flow runs: read engine and whole backend against the same statement through psycopg, and PostGraphile.

All of them read one database in turn, in one run. "The same statement" is the one that the engine has compiled, run by an asynchronous
psycopg pool of as many connections as the engine has, and its bytes must be the answer's. The clients, and psycopg, share the machine's
cores with what is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from tests.benchmarks import many_runs, peer_postgraphile
from tests.benchmarks.http_clients import Connection, prepared
from tests.benchmarks.measure import Measure, spread
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.stage import wait_until
from towpath_read_engine.engine import Request, Session
from towpath_read_engine.testing import asking
from towpath_server.testing import Backend, free_port
from towpath_service_kit.service import run as run_loop

LIMIT = 420
"""Seconds; most of them write a million runs."""
POOL, CLIENTS = 10, 16
ROUNDS, WARM = 300, 30
"""One client: a request to each in turn."""
BURSTS, BURST = 5, 800
"""Many clients: so many requests to each in turn."""
_METADATA = Path(__file__).parents[2] / "services" / "hasura" / "metadata"
_PAGE = """query Page($limit: Int!) {
  flow_run(order_by: {scheduled_start_time: desc}, limit: $limit) {
    id name state scheduled_start_time start_time end_time parameters
    flow { id name project { id name } }
    task_runs_aggregate { aggregate { count } }
  }
}"""
_PEER_PAGE = """query Page($tenant: UUID!, $limit: Int!) {
  allFlowRuns(first: $limit, orderBy: SCHEDULED_START_TIME_DESC, condition: {tenantId: $tenant}) {
    nodes {
      rowId name state scheduledStartTime startTime endTime parameters
      flowByFlowId { rowId name projectByProjectId { rowId name } }
      taskRunsByFlowRunId { totalCount }
    }
  }
}"""
_VARIABLES = {"limit": 50}

Ask = Callable[[], Awaitable[bytes]]
"""One client's request and its answer."""


@dataclass(slots=True)
class _Places:
    """Where everything is: ports with the process ids behind them."""

    dsn: str
    tenant: str
    postgres: int
    gateway: tuple[int, int]
    engine: tuple[int, int] = (0, 0)
    peer: tuple[int, int] = (0, 0)

    @property
    def session(self) -> dict[str, str]:
        """What the gateway tells the read engine of a caller."""
        return {"x-hasura-role": "operator", "x-hasura-tenant-id": self.tenant}


@dataclass(slots=True)
class Variant:
    """A way to the page.

    Attributes:
        asks: The clients.
        pid: The process that answers, the database aside.
        times: Seconds of each request of one client.
        rates: Requests a second of all clients, by burst.
        cpu: CPU seconds of PostgreSQL, of its process and of the clients in all bursts.
    """

    asks: list[Ask]
    pid: int | None
    times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def p50(self) -> float:
        """Milliseconds at the median."""
        return statistics.median(self.times) * 1000

    @property
    def rate(self) -> float:
        """Requests a second at the median of the bursts."""
        return statistics.median(self.rates)

    def __str__(self) -> str:
        each = ", ".join(f"{what} {seconds / BURSTS / BURST * 1000:.2f}" for what, seconds in sorted(self.cpu.items()))
        return f"{self.p50:.2f} ms; {self.rate:.0f} /s ({spread(self.rates, 0)}), CPU ms a request: {each}"


def run() -> list[Measure]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        directory = Path(folder)
        directory.chmod(0o755)  # the account that PostgreSQL runs as must get through
        many_runs.fill(directory)
        with Backend(directory) as backend, contextlib.ExitStack() as stack:
            places = _Places(backend.dsn, *_ask_database(backend.dsn), gateway=(backend.port, backend.pid))
            places.engine = stack.enter_context(_read_engine(backend.dsn))
            try:
                places.peer = stack.enter_context(peer_postgraphile.running(backend.dsn, connections=POOL))
            except peer_postgraphile.MissingPeerError as e:
                peer_postgraphile.say_missing(e)
            found: dict[str, Variant] = {}
            run_loop(_measure(places, found))
    return _measures(found)


def _ask_database(dsn: str) -> tuple[str, int]:
    """The tenant, and the process id of the server."""
    with psycopg.connect(dsn) as connection:
        tenant = connection.execute("select id::text from tenant").fetchall()[0][0]
        pid = int(connection.execute("select pg_read_file('postmaster.pid', 0, 16)").fetchall()[0][0].split()[0])
    return tenant, pid


@contextlib.contextmanager
def _read_engine(dsn: str) -> Iterator[tuple[int, int]]:
    """The read engine as a process of its own; its port and process id."""
    port = free_port()
    command = [
        sys.executable,
        "-c",
        "from towpath_read_engine.main import main; main()",
        "--database-url",
        dsn,
        "--metadata",
        str(_METADATA),
    ]
    env = {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")} | {"TOWPATH_READ_POOL_SIZE": str(POOL)}
    process = subprocess.Popen([*command, "--port", str(port)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def ready() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
            return True
        return False

    try:
        wait_until("the read engine is ready", ready, timeout=30, every=0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextlib.asynccontextmanager
async def _through_psycopg(places: _Places) -> AsyncIterator[Ask]:
    """The statement that the engine compiles for the page, through a pool."""
    async with asking(places.dsn, _METADATA) as asker:
        bound, parameters = asker.engine.bind(Request(_PAGE, _VARIABLES), Session("operator", places.session))
    statement = bound.encode()
    pool = AsyncConnectionPool(
        make_conninfo(places.dsn, options="-c jit=off -c TimeZone=UTC"),
        min_size=POOL,
        max_size=POOL,
        kwargs={"autocommit": True, "cursor_factory": psycopg.AsyncRawCursor},
        open=False,
    )

    async def ask() -> bytes:
        async with pool.connection() as connection:
            cursor = connection.cursor()
            await cursor.execute(statement, parameters, prepare=True)
            value = cursor.pgresult.get_value(0, 0) if cursor.pgresult else None
            assert value is not None
            return value

    async with pool:
        yield ask


@contextlib.asynccontextmanager
async def _over_http(port: int, request: bytes) -> AsyncIterator[list[Ask]]:
    """Clients that send a request to a port, each over a connection of its own."""
    connections = [await Connection.open(port) for _ in range(CLIENTS)]
    try:
        yield [partial(connection.ask, request) for connection in connections]
    finally:
        for connection in connections:
            connection.close()


async def _measure(places: _Places, found: dict[str, Variant]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        ask = await stack.enter_async_context(_through_psycopg(places))
        found["psycopg"] = Variant([ask] * CLIENTS, None)
        engine_page = prepared("/v1/graphql", _PAGE, _VARIABLES, places.session)
        for name, (port, pid), request in (
            ("engine", places.engine, engine_page),
            ("gateway", places.gateway, prepared("/graphql", _PAGE, _VARIABLES)),
            ("postgraphile", places.peer, prepared("/graphql", _PEER_PAGE, {"tenant": places.tenant, **_VARIABLES})),
        ):
            if port:
                found[name] = Variant(await stack.enter_async_context(_over_http(port, request)), pid)
        await _check(found)
        for round_ in range(ROUNDS + WARM):
            order = list(found.values())
            turn = round_ % len(order)  # each follows each as often
            for variant in order[turn:] + order[:turn]:
                started = time.perf_counter()
                await variant.asks[0]()
                if round_ >= WARM:
                    variant.times.append(time.perf_counter() - started)
        for burst in range(BURSTS + 1):
            for variant in found.values():
                await _burst(variant, places.postgres, counts=burst > 0)


async def _check(found: dict[str, Variant]) -> None:
    """Each way answers the same: the same bytes, PostGraphile the same values in its own shape."""
    value = await found["psycopg"].asks[0]()
    for name in ("engine", "gateway"):
        answer = await found[name].asks[0]()
        if answer != b'{"data":' + value + b"}":
            raise RuntimeError(f"{name} answers otherwise than the statement: {answer[:300]!r}")
    rows = json.loads(value)["flow_run"]
    if len(rows) != _VARIABLES["limit"] or any(row["task_runs_aggregate"]["aggregate"]["count"] != many_runs.TASK_RUNS for row in rows):
        raise RuntimeError("the page does not hold the newest runs with their task runs")
    if "postgraphile" in found:
        theirs = json.loads(await found["postgraphile"].asks[0]())["data"]["allFlowRuns"]["nodes"]
        if [(r["rowId"], r["flowByFlowId"]["name"], r["taskRunsByFlowRunId"]["totalCount"]) for r in theirs] != [
            (r["id"], r["flow"]["name"], r["task_runs_aggregate"]["aggregate"]["count"]) for r in rows
        ]:
            raise RuntimeError("PostGraphile answers otherwise than the statement")


async def _burst(variant: Variant, postgres: int, *, counts: bool) -> None:
    """All clients ask as fast as they are answered."""

    async def client(ask: Ask) -> None:
        for _ in range(BURST // CLIENTS):
            await ask()

    pids = {"PostgreSQL": postgres, "client": os.getpid()} | ({"server": variant.pid} if variant.pid else {})
    before = {what: _cpu(what, pid) for what, pid in pids.items()}
    started = time.perf_counter()
    await asyncio.gather(*(client(ask) for ask in variant.asks))
    seconds = time.perf_counter() - started
    if counts:
        variant.rates.append(BURST / seconds)
        for what, pid in pids.items():
            variant.cpu[what] = variant.cpu.get(what, 0.0) + _cpu(what, pid) - before[what]


def _cpu(what: str, pid: int) -> float:
    """CPU seconds of PostgreSQL with its sessions, or of one process alone."""
    if what == "PostgreSQL":
        return sum(cpu_seconds(pid).values())
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _measures(found: dict[str, Variant]) -> list[Measure]:
    floor, engine, gateway, peer = found["psycopg"], found["engine"], found["gateway"], found.get("postgraphile")
    among = f"a page of 50 of {many_runs.FLOW_RUNS:,} runs"
    same = "the same statement through psycopg"
    ms = [
        Measure(name=f"{among}, {name}, p50", value=v.p50, unit="ms", target=factor * floor.p50, floor=floor.p50, floor_is=same,
                remark=f"{v.p50 / floor.p50:.2f} times the floor, may be {factor:g}; {ROUNDS} rounds in turn")
        for name, v, factor in (("read engine", engine, 1.5), ("gateway", gateway, 2.5))
    ]  # fmt: skip
    rates = [
        Measure(name=f"{among}, {name}, {CLIENTS} clients", value=v.rate, unit="/s", target=target, better="more", floor=floor.rate,
                floor_is=same, remark=f"{v.rate / floor.rate:.2f} times the floor; {v}")
        for name, v, target in (("read engine", engine, 0.6 * floor.rate), ("gateway", gateway, None))
    ]  # fmt: skip
    if peer is None:
        return [*ms, *rates]
    against = Measure(
        name=f"{among}, read engine, against PostGraphile 5", value=engine.rate, unit="/s", target=2 * peer.rate, better="more",
        floor=peer.rate, floor_is="PostGraphile", remark=f"{engine.rate / peer.rate:.1f} times; PostGraphile: {peer}; psycopg: {floor}",
    )  # fmt: skip
    return [*ms, *rates, against]
