"""`towpath server start`, `status` and `stop` as a user meets them: one line when ready, one sentence when not, nothing left behind."""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath_server.testing import Backend, free_port

TOWPATH = str(Path(sys.executable).parent / "towpath")
ROOT = os.geteuid() == 0
PATIENCE = 90.0


def wait_until(what: str, probe: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.03)
    raise AssertionError(f"not within {timeout:g} s: {what}")


def environment(**more: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")} | more


def towpath(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOWPATH, *arguments],
        env=environment(**env),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


def refused(run: subprocess.CompletedProcess[str], code: str, *words: str) -> None:
    """One sentence on standard error, its code, exit status 2, and nothing else."""
    assert (run.returncode, run.stdout) == (2, ""), run.stderr
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith("towpath: ")
    assert line.endswith(f"({code})")
    for word in words:
        assert word in line, f"{word!r} is not in: {line}"


def working_in(directory: Path) -> list[psutil.Process]:
    """Processes that have the directory in their command line or work in it."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "pid"]):
        words = [*(process.info["cmdline"] or []), process.info["cwd"] or ""]
        if process.pid != os.getpid() and any(str(directory) in word for word in words):
            found.append(process)
    return found


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


@pytest.fixture
def backend(open_directory: Path) -> Iterator[Backend]:
    """A running backend on `open_directory / "data"`."""
    backend = Backend(open_directory / "data").start()
    yield backend
    backend.close()


def test_the_first_line_is_the_address(backend):
    """The only line of a start says where it is, where data are and how to stop; the address answers there."""
    (line,) = backend.output
    assert line == f"Towpath is ready at {backend.url}  (data in {backend.directory}; Ctrl-C stops it)\n"
    assert get(f"{backend.url}/health")[0] == 200
    assert backend.graphql("{ hello }")["hello"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("processes", [False, True], ids=["one process", "processes"])
def test_a_signal_stops_everything(open_directory, number, processes):
    """Ctrl-C and SIGTERM end it with status 0, quickly; no process and no note of it remains."""
    data = open_directory / "data"
    backend = Backend(data, processes=processes).start()
    pid = backend.pid
    assert len(working_in(data)) >= 3
    began = time.monotonic()
    os.kill(pid, number)
    assert backend.wait() == 0, "".join(backend.output)
    assert time.monotonic() - began < 30
    assert working_in(data) == []
    assert not (data / "server.json").exists()
    assert len(backend.output) == 1, "".join(backend.output)


def test_ctrl_c_in_a_terminal(open_directory):
    """Ctrl-C goes to every process of the terminal's group at once; the end is orderly all the same."""
    data = open_directory / "data"
    command = [TOWPATH, "server", "start", "--port", str(free_port()), "--data-dir", str(data)]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert "is ready at" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")
    assert working_in(data) == []


def test_ctrl_c_during_the_start(open_directory):
    """Ctrl-C before it is ready ends it with status 0 as well, and the next start finds nothing in its way."""
    data = open_directory / "data"
    command = [TOWPATH, "server", "start", "--port", str(free_port()), "--data-dir", str(data)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until("PostgreSQL is being prepared", lambda: (data / "postgres").exists() and working_in(data / "postgres"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")
    wait_until("nothing is left", lambda: not working_in(data), timeout=60)
    with Backend(data) as backend:
        assert backend.graphql("{ hello }")["hello"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_survive(open_directory, end):
    """What was stored is there at the next start on the directory: after an orderly stop, and after kill -9 of the server."""
    data = open_directory / "data"
    backend = Backend(data).start()
    backend.graphql('mutation { create_project(input: {name: "kept"}) { id } }')
    if end == "stop":
        assert backend.stop() == 0
    else:
        backend.kill()  # its locks, its note and perhaps PostgreSQL itself remain: nobody waits for them to go
    backend.start()
    try:
        assert {p["name"] for p in backend.graphql("{ project { name } }")["project"]} >= {"kept"}
        assert json.loads(towpath("server", "status", "--json", "--data-dir", str(data)).stdout)["healthy"] is True
    finally:
        backend.close()
    wait_until("nothing is left", lambda: not working_in(data), timeout=60)


# ------------------------------------------------------------------------------------------------------------------------ status, stop


def test_status_and_stop(backend, open_directory):
    """`status` names every service, with --json for programs; `stop` waits for the end; both say so when nothing runs."""
    where = ("--data-dir", str(backend.directory))
    status = towpath("server", "status", *where, "--json")
    found = json.loads(status.stdout)
    assert status.returncode == 0
    assert (found["running"], found["healthy"], found["url"], found["pid"]) == (True, True, backend.url, backend.pid)
    assert set(found["services"]) == {"graphql", "read", "bus", "scheduler", "zombie_killer", "lazarus"}
    text = towpath("server", "status", *where)
    assert text.stdout.startswith(f"healthy  {backend.url}  process {backend.pid}")
    stop = towpath("server", "stop", *where)
    assert (stop.returncode, stop.stdout) == (0, "Towpath has stopped.\n")
    assert backend.wait() == 0
    status = towpath("server", "status", *where)
    assert status.returncode == 1
    assert "towpath server start" in status.stdout
    assert json.loads(towpath("server", "status", *where, "--json").stdout) == {"running": False, "data_dir": str(backend.directory)}
    refused(towpath("server", "stop", *where), "NOT_RUNNING", str(backend.directory))


def test_without_pages(open_directory):
    """`--no-ui` serves the API, and no page."""
    backend = Backend(open_directory / "data", arguments=["--no-ui"]).start()
    try:
        assert backend.graphql("{ hello }")["hello"]
        status, body = get(f"{backend.url}/")
        assert (status, "--no-ui" in body, "<script" in body) == (404, True, False)
    finally:
        backend.close()


def test_one_process_per_service(open_directory):
    """`--processes`: each service is a process with a log of its own; the address works the same."""
    with Backend(open_directory / "data", processes=True) as backend:
        modules = {w for p in psutil.Process(backend.pid).children() for w in p.cmdline() if ".main import main" in w}
        assert len(modules) == 6
        logs = {p.stem for p in (open_directory / "data" / "log").iterdir()}
        assert logs == {"graphql", "read-engine", "gateway", "scheduler", "zombie-killer", "lazarus"}
        assert get(f"{backend.url}/health")[0] == 200


# ---------------------------------------------------------------------------------------------------------------------------- refusals


def start(data: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return towpath("server", "start", "--data-dir", str(data), *(options or ("--port", str(free_port()))), **env)


def test_a_second_start_on_the_directory(backend):
    """It is refused, names the server that runs there, and does it no harm."""
    refused(
        start(backend.directory),
        "DATA_DIR_IN_USE",
        backend.url,
        f"process {backend.pid}",
        f"towpath server stop --data-dir {backend.directory}",
    )
    assert get(f"{backend.url}/health")[0] == 200
    note = json.loads(towpath("server", "status", "--json", "--data-dir", str(backend.directory)).stdout)
    assert (note["pid"], note["healthy"]) == (backend.pid, True)


def test_a_taken_port(open_directory):
    """It is named, before anything is made or started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(start(open_directory / "data", "--port", str(port)), "PORT_TAKEN", str(port), "--port")
    assert working_in(open_directory) == []


def test_a_file_for_a_data_directory(open_directory):
    """A file in its place is left as it is."""
    file = open_directory / "data"
    file.write_text("precious")
    refused(start(file), "DATA_DIR_BROKEN", str(file), "--data-dir")
    assert file.read_text() == "precious"


def test_a_directory_that_cannot_be_made(open_directory):
    """A parent that is a file is named."""
    (open_directory / "file").write_text("")
    refused(start(open_directory / "file" / "data"), "DATA_DIR_BROKEN", str(open_directory / "file"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda cluster: (cluster / "PG_VERSION").unlink(),
        lambda cluster: (cluster / "PG_VERSION").write_text("9.6\n"),
        lambda cluster: (cluster / "global" / "pg_control").write_bytes(b"\0" * 100),
    ],
    ids=["no cluster", "another version", "a damaged control file"],
)
def test_a_corrupt_cluster(open_directory, damage):
    """A data directory that PostgreSQL cannot use is named with the reason; nothing in it is replaced, and nothing is left running."""
    data = open_directory / "data"
    Backend(data).start().stop()
    damage(data / "postgres" / "cluster")
    before = {p.name for p in (data / "postgres" / "cluster").iterdir()}
    refused(start(data), "DATA_DIR_BROKEN", str(data))
    assert {p.name for p in (data / "postgres" / "cluster").iterdir()} - {"postmaster.pid"} == before
    assert working_in(data) == []


def test_damaged_secrets(open_directory):
    """A secrets file that cannot be read is named, with what to do."""
    data = open_directory / "data"
    data.mkdir()
    (data / "secrets.json").write_text("{")
    refused(start(data), "DATA_DIR_BROKEN", "secrets.json", "remove it")


@pytest.fixture
def small_disk(open_directory: Path) -> Iterator[Path]:
    """A file system with room for 16 MB."""
    if not ROOT:
        pytest.skip("only root can mount a small file system")
    place = open_directory / "disk"
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, b"size=16m,mode=755") != 0:
        pytest.skip(f"this machine forbids to mount: {os.strerror(ctypes.get_errno())}")
    yield place
    assert libc.umount2(bytes(place), 2) == 0


def test_a_full_disk(small_disk):
    """A disk without room is said to be full, and nothing is left running."""
    refused(start(small_disk / "data"), "DISK_FULL", str(small_disk), "free some space")
    assert working_in(small_disk) == []


def test_an_open_address_without_keys(open_directory):
    """An address that others can reach is refused while callers need no key, and the sentence says how to make one."""
    run = start(open_directory / "data", "--host", "0.0.0.0", "--port", str(free_port()), TOWPATH_AUTH="off")
    refused(run, "BAD_SETTING", "0.0.0.0", "TOWPATH_AUTH", "create_api_key")
    assert working_in(open_directory) == []


@pytest.mark.parametrize("processes", [False, True], ids=["one process", "processes"])
def test_an_open_address_before_and_after_a_key_is_made(open_directory, processes):
    """By default such an address needs keys: without one the start is refused, for nobody could come in; with one it serves who has it."""
    data, port = open_directory / "data", free_port()
    options = ["--host", "0.0.0.0", *(["--processes"] if processes else [])]
    refused(start(data, "--port", str(port), *options), "BAD_SETTING", "0.0.0.0", "127.0.0.1", "create_api_key")
    assert working_in(open_directory) == []
    with Backend(data) as backend:
        key = backend.graphql('mutation { create_api_key(input: {name: "me", role: "admin"}) { key } }')["create_api_key"]["key"]
    with Backend(data, arguments=options) as backend:
        url = {"TOWPATH_API_URL": backend.url, "TOWPATH_HOME": str(open_directory)}
        assert towpath("get", "projects", **url, TOWPATH_API_KEY=key).returncode == 0
        refusal = towpath("get", "projects", **url)
        assert (refusal.returncode, "UNAUTHENTICATED" in refusal.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--host", "nowhere.invalid"], ["nowhere.invalid"]), (["--host", "192.0.2.1"], ["192.0.2.1"]), (["--port", "99999"], ["--port"])],
)
def test_a_wrong_address(open_directory, options, words):
    """An address that is none of this machine's is named."""
    run = start(open_directory / "data", *options, *([] if "--port" in options else ["--port", str(free_port())]))
    refused(run, "BAD_REQUEST" if "--port" in options else "BAD_SETTING", *words)


# ------------------------------------------------------------------------------------------------------------------- an ordinary user

HELLO = """
from towpath import Flow, task

@task(log_stdout=True)
def hello():
    import os
    print(f"hello from uid {os.getuid()}")

with Flow("hello") as flow:
    hello()
"""


VISIBLE = """set -e
mount --make-rprivate /
place=$(mktemp -d)
mount --bind "$PREFIX" "$place"
mount -t tmpfs -o mode=755 none "$CLOSED"
mkdir -p "$PREFIX"
mount --bind "$place" "$PREFIX"
umount "$place"
rmdir "$place"
unset PREFIX CLOSED
exec "$@"
"""


def as_user(uid: int, gid: int) -> list[str]:
    """A command prefix that drops to an account.

    Where the Python under test lies below a directory that is closed to others (root's home, say), the process sees that directory as one
    that holds the Python and nothing else, in a mount namespace of its own.
    """
    drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"]
    prefix = Path(sys.base_prefix).resolve()
    closed = [p for p in reversed([prefix, *prefix.parents]) if not p.stat().st_mode & 0o001]
    if not closed:
        return drop
    return ["env", f"PREFIX={prefix}", f"CLOSED={closed[0]}", "unshare", "--mount", "sh", "-c", VISIBLE, "sh", *drop]


@pytest.mark.skipif(not ROOT, reason="the tests run as an ordinary user, so every test here is this one")
def test_an_ordinary_user(open_directory):
    """Without any right, in a home of its own: start, register, agent, run, stop, with the defaults for every path."""
    nobody = pwd.getpwnam("nobody")
    home = open_directory / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    (home / "hello.py").write_text(HELLO)
    port = str(free_port())
    kept = {k: v for k, v in environment().items() if not k.startswith("XDG_")}
    env = kept | {"HOME": str(home), "USER": "nobody", "TOWPATH_API_URL": f"http://127.0.0.1:{port}"}
    who: dict[str, Any] = {"env": env, "cwd": home, "text": True}
    command = as_user(nobody.pw_uid, nobody.pw_gid)
    probe = subprocess.run([*command, TOWPATH, "version"], **who, capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"an ordinary user cannot use the installation under test: {probe.stderr.strip()}")
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    server = subprocess.Popen([*command, TOWPATH, "server", "start", "--port", port], **who, **pipes)
    agent = None
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert f"ready at http://127.0.0.1:{port}  (data in {home}/.towpath/server;" in first, first + server.stdout.read()
        subprocess.run([*command, TOWPATH, "register", "-p", "hello.py"], **who, check=True, capture_output=True)
        agent = subprocess.Popen([*command, TOWPATH, "agent", "local", "start"], **who, **pipes)
        run = subprocess.run([*command, TOWPATH, "run", "--name", "hello", "--watch"], **who, capture_output=True, check=False, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr
        assert f"hello from uid {nobody.pw_uid}" in run.stdout
        stop = subprocess.run([*command, TOWPATH, "server", "stop"], **who, capture_output=True, check=False)
        assert (stop.returncode, stop.stdout) == (0, "Towpath has stopped.\n")
        assert server.wait(PATIENCE) == 0
    finally:
        for process in (agent, server):
            if process is not None:
                process.terminate()
                process.communicate(timeout=PATIENCE)
        for runner in [p for p in working_in(home) if "towpath.runner" in p.cmdline()]:
            runner.terminate()
        wait_until("nothing is left", lambda: not working_in(home), timeout=60)


def test_the_directory_is_private(open_directory):
    """Secrets can be read by their owner only, and the databases by the account that they run as."""
    data = open_directory / "data"
    with Backend(data):
        modes = {name: (data / name).stat().st_mode & 0o777 for name in ("secrets.json", "server.json", "postgres", "nats")}
    assert modes == {"secrets.json": 0o600, "server.json": 0o600, "postgres": 0o700, "nats": 0o700}
    shutil.rmtree(data)
