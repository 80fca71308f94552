"""Real servers for tests: one embedded PostgreSQL and one embedded NATS per session, one fresh database per test.

The servers run on an event loop in a thread of their own, so that synchronous and asynchronous tests can use them alike.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar
from unittest import mock
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from towpath_server.embedded import binaries
from towpath_server.embedded.nats import EmbeddedNats
from towpath_server.embedded.postgres import EmbeddedPostgres
from towpath_server.testing import Backend

T = TypeVar("T")
# Nothing here has to outlive the machine; durability itself is tested with servers of their own.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "150", "autovacuum": "off"}
_ROOM = 2 * 1024**3
"""Databases lie in memory where there is this much: a clone then takes 10 ms instead of 130."""
_numbers = itertools.count(1)
# An example that takes long on a busy machine says nothing of what it tests.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so, and processes that tests start and interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last, and once each, what this machine lacks: a skipped test is silent otherwise."""
    skipped = (str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
    for reason in sorted({text[text.index("!! NOT TESTED") :].rstrip("'\")") for text in skipped if "!! NOT TESTED" in text}):
        terminalreporter.write_line(reason, red=True)


class NewDatabase(Protocol):
    """Makes a database that lives as long as the test."""

    def __call__(self, template: str | None = None) -> str:
        """Its address; `template` is the name or the address of a database to clone, to which nobody may be connected."""
        ...


class NewTemplate(Protocol):
    """Makes a database once per session, for `new_database(template)` to clone."""

    def __call__(self, name: str, prepare: Callable[[str], None]) -> str:
        """Its name; `prepare(address)` fills it on the first call with this name and closes its connections."""
        ...


class ExtendedDatabase(Protocol):
    """Makes a database once per session in a server of Debian's binaries: the embedded ones have no extensions."""

    def __call__(self, extension: str, packages: str, schema: Path) -> str:
        """Its address; the file fills it on the first call. Without the extension the test is skipped and names the packages to install."""
        ...


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        future: concurrent.futures.Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(timeout)

    def close(self) -> None:
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def _server_loop() -> Iterator[_Loop]:
    loop = _Loop()
    yield loop
    loop.close()


@contextlib.contextmanager
def _open_directory() -> Iterator[Path]:
    # pytest's own temporary directories are closed to the account that the servers run as when the tests run as root
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    home = Path(tempfile.mkdtemp(prefix="towpath-test-", dir=memory if roomy else None))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def _server_home() -> Iterator[Path]:
    with _open_directory() as home:
        yield home


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """An empty directory for servers of the test's own; unlike `tmp_path`, their account can reach it when the tests run as root."""
    with _open_directory() as home:
        yield home


@pytest.fixture(scope="session")
def postgres_server(_server_loop: _Loop, _server_home: Path) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL; `.dsn(dbname)` is an address in it."""
    server = EmbeddedPostgres(_server_home / "postgres", settings=_FAST)
    _server_loop.run(server.start())
    yield server
    _server_loop.run(server.stop())


@pytest.fixture(scope="session")
def nats_server(_server_loop: _Loop, _server_home: Path) -> Iterator[EmbeddedNats]:
    """A running NATS; `.url` is its address."""
    server = EmbeddedNats(_server_home / "nats")
    _server_loop.run(server.start())
    yield server
    _server_loop.run(server.stop())


@pytest.fixture(scope="session")
def _admin(postgres_server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as connection:
        yield connection


def _create(admin: psycopg.Connection, name: str, template: str | None) -> None:
    # copying files instead of writing every page to the log: 14 ms instead of some hundred
    statement = sql.SQL("create database {} template {} strategy file_copy")
    admin.execute(statement.format(sql.Identifier(name), sql.Identifier(_name_of(template or "template1"))))


def _name_of(database: str) -> str:
    return urlsplit(database).path.lstrip("/") if "://" in database else database


@pytest.fixture(scope="session")
def new_template(postgres_server: EmbeddedPostgres, _admin: psycopg.Connection) -> NewTemplate:
    """`new_template(name, prepare)` makes a template database once per session."""
    made: set[str] = set()

    def make(name: str, prepare: Callable[[str], None]) -> str:
        if name not in made:
            _create(_admin, name, None)
            prepare(postgres_server.dsn(name))
            made.add(name)
        return name

    return make


@pytest.fixture(scope="session")
def extended_database(_server_loop: _Loop, _server_home: Path) -> Iterator[ExtendedDatabase]:
    """`extended_database(extension, packages, schema)` gives the address of a database that may make the extension."""
    roots = {int(path.name): path for path in Path("/usr/lib/postgresql").glob("[0-9]*") if (path / "bin" / "initdb").exists()}
    made: dict[Path, str] = {}
    server: EmbeddedPostgres | None = None

    def make(extension: str, packages: str, schema: Path) -> str:
        nonlocal server
        if not roots or not Path(f"/usr/share/postgresql/{max(roots)}/extension/{extension}.control").exists():
            pytest.skip(f"!! NOT TESTED: {extension}; run apt-get install {packages}")
        if server is None:
            install = binaries.PostgresInstall(major=max(roots), root=roots[max(roots)])
            server = EmbeddedPostgres(_server_home / "debian", settings=_FAST)
            with mock.patch.object(binaries, "postgres_installs", return_value=[install]):
                _server_loop.run(server.start())
        if schema not in made:
            name = schema.parent.name
            with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            with psycopg.connect(server.dsn(name)) as connection:
                connection.execute(schema.read_text(encoding="utf-8"))
            made[schema] = server.dsn(name)
        return made[schema]

    yield make
    if server is not None:
        _server_loop.run(server.stop())


@pytest.fixture
def new_database(postgres_server: EmbeddedPostgres, _admin: psycopg.Connection) -> Iterator[NewDatabase]:
    """`new_database(template=None)` makes a database for this test and gives its address."""
    with contextlib.ExitStack() as drops:

        def make(template: str | None = None) -> str:
            name = f"test_{next(_numbers)}"
            _create(_admin, name, template)
            drops.callback(_admin.execute, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            return postgres_server.dsn(name)

        yield make


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """A whole backend, running: `.url` is its address."""
    with Backend() as running:
        yield running
