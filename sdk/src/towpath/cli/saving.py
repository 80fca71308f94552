"""`towpath register --watch`: register again what was saved.

Each registration runs in a process of its own, so that it sees all modules anew and a script that breaks, exits or crashes ends nothing
here. That process says which of the user's files it has loaded; those are looked at by their size and time (a look at some files costs
microseconds, so no library that watches the file system is needed). A change counts when a second look finds the same, since editors
write in steps. What could not be sent because the API was away is tried again by itself.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import click

from towpath.cli.sources import Source, sources

_LOOK = 0.3
_TRY_AGAIN = 5.0
_AWAY = 2
"""Exit status of a command that did not reach the API."""
_COMMAND = "import sys; from towpath.cli import main; sys.exit(main())"

Stamp = tuple[int, int, int] | None
"""What a file looks like: time, size, inode; None when it is not there."""


def stamp(file: Path) -> Stamp:
    """What a file looks like now."""
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


class Saves:
    """Notices which sources have been saved.

    Args:
        look: Gives a file's stamp.
    """

    def __init__(self, look: Callable[[Path], Stamp] = stamp) -> None:
        self._look = look
        self._files: dict[Source, set[Path]] = {}
        self._seen: dict[Path, Stamp] = {}
        self._last: dict[Path, Stamp] = {}

    @property
    def files(self) -> set[Path]:
        """All files that are looked at."""
        return set().union(*self._files.values())

    def files_of(self, source: Source) -> set[Path]:
        """The files of one source."""
        return self._files.get(source, set())

    def follow(self, source: Source, files: Iterable[Path], before: dict[Path, Stamp]) -> None:
        """Look at the files of a source from now on; `before` is what they looked like before they were loaded."""
        self._files[source] = set(files)
        for file in self._files[source]:
            self._seen[file] = before[file] if file in before else self._look(file)

    def changed(self) -> dict[Source, set[Path]]:
        """The sources of which a file has been saved, and is whole: with the files."""
        now = {file: self._look(file) for file in self.files}
        settled = {f for f, s in now.items() if s is not None and s != self._seen.get(f) and s == self._last.get(f)}
        self._last = now
        for file in settled:
            self._seen[file] = now[file]
        return {source: files & settled for source, files in self._files.items() if files & settled}


def watch_files(paths: list[Path], modules: list[str], options: list[str]) -> None:
    """Register all sources, and again those that are saved, until Ctrl-C."""
    saves = Saves()
    known: set[Source] = set()
    waiting: dict[Source, float] = {}
    try:
        while True:
            new = [s for s in sources(paths, modules) if s not in known]
            known.update(new)
            changed = saves.changed()
            for source, files in changed.items():
                _say(f"{', '.join(sorted(f.name for f in files))} saved: registering {source}")
            due = [s for s, when in waiting.items() if when <= time.monotonic()]
            for source in dict.fromkeys([*new, *changed, *due]):
                waiting.pop(source, None)
                status = _register(source, options, saves)
                if status == _AWAY:
                    waiting[source] = time.monotonic() + _TRY_AGAIN
                    _say("Trying again in some seconds.")
            if new:
                _say(f"Watching {len(saves.files)} file{'s' * (len(saves.files) != 1)}; Ctrl-C ends.")
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        click.echo("", err=True)


def _say(text: str) -> None:
    click.echo(f"{datetime.now().astimezone():%H:%M:%S}  {text}")


def _register(source: Source, options: list[str], saves: Saves) -> int:
    """Register one source in a process of its own; its exit status."""
    where = ["--path", str(source.path)] if source.path is not None else ["--module", str(source.module)]
    own = {source.path.resolve()} if source.path is not None else set()
    before = {file: stamp(file) for file in saves.files | own}
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as report:
        command = [sys.executable, "-c", _COMMAND, "register", *where, *options, "--files-to", report.name]
        status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
        loaded = {Path(line) for line in report.read().splitlines()}
    # a script that could not be loaded says too little: go on with what is known of it
    saves.follow(source, loaded | own | saves.files_of(source), before)
    if status not in (0, 1, _AWAY):
        _say(f"Registering {source} ended with status {status}.")
    return status
