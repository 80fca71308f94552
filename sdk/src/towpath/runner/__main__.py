"""`python -m towpath.runner DIRECTORY [READY_FD]`: start the runner of a directory, detached from whoever starts it.

Exit status 0 of the first process says that the runner is on its way; a byte on READY_FD says that its socket is open. When the directory
has a live runner already, nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def _detach() -> None:
    # forked before anything heavy is imported: the parent is gone at once, and nobody has to wait for the runner
    if os.fork() > 0:
        os._exit(0)
    os.setsid()


def main(arguments: list[str]) -> int:
    """Start the runner; returns when it ends."""
    directory = Path(arguments[0])
    ready = int(arguments[1]) if len(arguments) > 1 else -1
    idle = float(os.environ.get("TOWPATH_RUNNER_IDLE") or 30.0)
    _detach()

    from towpath.client.settings import Settings
    from towpath.runner import child, place
    from towpath.runner.fingerprint import fingerprint
    from towpath.runner.main import Runner
    from towpath.runner.preload import preload

    settings = Settings.from_env()
    place.prepare(directory)
    lock = place.lock(directory)
    if lock is None:
        return 0
    preload()
    runner = Runner(
        directory,
        settings,
        listener=place.listen(directory),
        lock=lock,
        fingerprint=fingerprint(settings),
        run=child.run_forked,
        idle=idle,
    )
    if ready >= 0:
        with contextlib.suppress(OSError):
            os.write(ready, b"1")
            os.close(ready)
    runner.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
