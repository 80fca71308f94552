"""One child process that is a server: launched under an account, watched, stopped by signals.

Knows nothing of what the server is. A child's session is its own, so that Ctrl-C in a terminal reaches Towpath alone, which then stops its
servers in order. On Linux the kernel sends the child `death_signal` when the *thread* that launched it ends; so launch from a thread that
lives as long as the server shall (the event loop's).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded import _launch
from towpath_server.embedded.account import Account

_LAUNCHER = str(Path(_launch.__file__))
# LC_ALL: the servers' messages are read by us; TZ: initdb would otherwise search the zone files for the system's zone.
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC", **extra}


def _command(argv: Sequence[str], account: Account | None, death_signal: int) -> list[str]:
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    return [sys.executable, "-I", "-S", _LAUNCHER, str(uid), str(gid), str(os.getpid()), str(death_signal), *argv]


def _open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


async def run(argv: Sequence[str], *, account: Account | None, stdin: bytes = b"", cwd: Path | None = None) -> tuple[int, str]:
    """Run a program to its end under `account`; its exit status and what it wrote.

    Raises:
        TowpathError: `BAD_SETTING` when the account cannot be taken.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(argv, account, signal.SIGKILL),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env=_environment({}),
        cwd=cwd or "/",
    )
    try:
        output, _ = await process.communicate(stdin)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    status = process.returncode or 0
    _check_dropped(status, account)
    return status, output.decode(errors="replace")


def _check_dropped(status: int, account: Account | None) -> None:
    if status == _launch.CANNOT_DROP and account is not None:
        raise TowpathError(
            Code.BAD_SETTING,
            f"Towpath runs as root but may not become '{account.name}', and PostgreSQL refuses to run as root; "
            "start Towpath as an ordinary user.",
            account=account.name,
        )


class ServerProcess:
    """A running child. Made by `launch`."""

    def __init__(self, process: asyncio.subprocess.Process, account: Account | None) -> None:
        self._process = process
        self._account = account

    @classmethod
    async def launch(
        cls,
        argv: Sequence[str],
        *,
        account: Account | None,
        log: Path,
        death_signal: int,
        env: Mapping[str, str] | None = None,
    ) -> ServerProcess:
        """Start `argv` with its output appended to `log`."""
        out = _open_log(log)
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(argv, account, death_signal),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=_environment(env or {}),
                cwd="/",
            )
        finally:
            os.close(out)
        return cls(process, account)

    @property
    def pid(self) -> int:
        """The child's process id; the launcher becomes the server, so it is the server's."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it lives."""
        return self._process.returncode

    def check_launched(self) -> None:
        """Raise when the child has ended because the account could not be taken."""
        _check_dropped(self.returncode or 0, self._account)

    async def wait(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    async def stop(self, *signals: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn and wait so many seconds for the end; SIGKILL closes the list."""
        for number, patience in (*signals, (signal.SIGKILL, 10.0)):
            if self._process.returncode is not None:
                return
            try:
                self._process.send_signal(number)
            except ProcessLookupError:
                pass  # it has ended; wait() below collects it
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                continue
            return


def tail(path: Path, start: int = 0, *, limit: int = 16_384) -> list[str]:
    """The last lines of a log from byte `start` on."""
    try:
        with path.open("rb") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(max(start, size - limit))
            return f.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def describe_exit(returncode: int) -> str:
    """An exit status in words."""
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return f"signal {signal.Signals(-returncode).name}"
    except ValueError:
        return f"signal {-returncode}"
