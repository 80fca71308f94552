"""`towpath server start | status | stop`: the backend on this machine.

The heavy imports happen inside the commands, so that `towpath --help` and `towpath server --help` stay quick.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from towpath_proto.errors import Code, TowpathError
from towpath_server.data_dir import DataDirectory, default_path
from towpath_server.options import Addresses, Options, service_environment

_P = ParamSpec("_P")
_R = TypeVar("_R")

_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=None,
    help="Where data live. Default: TOWPATH_DATA_DIR, else /var/lib/towpath for root and ~/.towpath/server for others.",
)


def _sentences(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """An error becomes one sentence and exit status 2."""

    @wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except TowpathError as e:
            click.echo(f"towpath: {e.message} ({e.code})", err=True)
            sys.exit(2)

    return wrapped


@click.group()
def server() -> None:
    """The Towpath backend on this machine: PostgreSQL, NATS and every service."""


@server.command()
@click.option("--host", default=lambda: os.environ.get("TOWPATH_HOST", "127.0.0.1"), help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), default=lambda: int(os.environ.get("TOWPATH_PORT", "4200")), help="[default: 4200]")
@_DATA_DIR
@click.option("--no-ui", is_flag=True, help="Serve the API only.")
@click.option("--processes", is_flag=True, help="One process per service, as in containers, instead of one for all.")
@_sentences
def start(host: str, port: int, data_dir: Path | None, no_ui: bool, processes: bool) -> None:
    """Start the backend and stay until Ctrl-C.

    \b
    towpath server start
    towpath server start --port 5200 --data-dir ./data
    """
    options = Options(host=host, port=port, data_dir=data_dir or default_path(), ui=not no_ui, processes=processes)
    from towpath_service_kit import logs
    from towpath_service_kit.service import bind, run

    logs.configure("server", style=os.environ.get("TOWPATH_LOG_FORMAT", "auto"), level=os.environ.get("TOWPATH_LOG_LEVEL", "warning"))
    directory = DataDirectory(options.data_dir)
    directory.open()
    try:
        _check(options, directory)
        try:
            sock = bind(options.host, options.port)
        except TowpathError as e:
            if e.code is not Code.PORT_TAKEN:
                raise
            sentence = f"Port {port} on {host} is taken by another program; stop it, or choose another port with --port."
            raise TowpathError(e.code, sentence, **e.detail) from None
        run(_serve(replace(options, port=sock.getsockname()[1]), directory, sock))
    finally:
        directory.close()


def _check(options: Options, directory: DataDirectory) -> None:
    """Refuse settings that the gateway would refuse, before anything is started."""
    from towpath_gateway.config import Config

    Config.from_env(service_environment(options, directory.secrets(), Addresses("", "nats://127.0.0.1")))


async def _serve(options: Options, directory: DataDirectory, sock: socket.socket) -> None:
    from towpath_service_kit import tracing
    from towpath_service_kit.service import settle

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    shown = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{shown}:{options.port}"
    if options.processes:
        from towpath_server import processes as way
    else:
        from towpath_server import stack as way  # type: ignore[no-redef]
    starting = asyncio.current_task()
    assert starting is not None
    interrupt = asyncio.create_task(_cancel_when(stopped, starting), name="interrupt the start")
    tracing.start("server", os.environ)
    try:
        async with way.running(options, directory, sock):
            interrupt.cancel()
            directory.write_note(url, processes=options.processes)
            click.echo(f"Towpath is ready at {url}  (data in {directory.path}; Ctrl-C stops it)")
            settle()
            await stopped.wait()
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
        starting.uncancel()
    finally:
        await tracing.stop()


async def _cancel_when(stopped: asyncio.Event, task: asyncio.Task[Any]) -> None:
    """Ctrl-C during the start ends the start."""
    await stopped.wait()
    task.cancel()


@server.command()
@_DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_sentences
def status(data_dir: Path | None, as_json: bool) -> None:
    """Say whether the backend runs, and how each service is. Exit status 0 when all is healthy, 1 when not."""
    directory = DataDirectory(data_dir or default_path())
    note = directory.read_note()
    answer: dict[str, Any] = {"running": note is not None, "data_dir": str(directory.path)}
    if note is not None:
        answer |= {"url": note.url, "pid": note.pid, "started": note.started, **_health(note.url)}
    healthy = bool(answer.get("healthy"))
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif note is None:
        click.echo(f"No Towpath server runs on {directory.path}; start one with `towpath server start`.")
    else:
        click.echo(f"{'healthy' if healthy else 'NOT healthy'}  {note.url}  process {note.pid}, since {note.started}")
        for name, service in answer["services"].items():
            reasons = "; ".join(f"{k}: {v}" for k, v in service.get("checks", {}).items())
            click.echo(f"  {name:14} {service.get('status')}{'  ' + reasons if reasons else ''}")
    sys.exit(0 if healthy else 1)


def _health(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            body, code = answer.read(), answer.status
    except urllib.error.HTTPError as e:
        body, code = e.read(), e.code
    except OSError as e:
        return {"healthy": False, "services": {"gateway": {"status": "unavailable", "checks": {"http": str(e)}}}}
    try:
        content = json.loads(body)
    except ValueError:
        content = {}
    return {"healthy": code == 200, "services": content.get("services", content) if isinstance(content, dict) else {}}


@server.command()
@_DATA_DIR
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to wait for the end.")
@_sentences
def stop(data_dir: Path | None, timeout: float) -> None:
    """Stop the backend in an orderly way and wait until it has ended."""
    directory = DataDirectory(data_dir or default_path())
    note = directory.read_note()
    if note is None:
        raise TowpathError(Code.NOT_RUNNING, f"No Towpath server runs on {directory.path}.")
    os.kill(note.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            if directory.read_note() is None:
                click.echo("Towpath has stopped.")
                return
        time.sleep(0.05)
    raise TowpathError(Code.TIMEOUT, f"The server (process {note.pid}) is still stopping after {timeout:g} s; wait, or end it with kill.")
