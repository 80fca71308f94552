"""`python -m towpath.runner.single`: run one flow run here and supervise it. What an agent starts in a container, as its first process.

It knows its run by TOWPATH_RUN_ID, TOWPATH_RUN_FENCE and TOWPATH_RUN_TOKEN. It forks the run's process, renews its lease, reports it if it
dies without a word, and passes on cancellation: SIGUSR1 (from the agent) has the API asked at once whether the run is to be stopped. So has
SIGTERM (from the container's engine): a run that is not being cancelled is left to the API then, which brings it back or fails it.

Exit status: 0, the API knows how the run ended; 70, the run's process died and the API was told; 75, the run could not be begun, so whoever
started this has to give it back. The reason is the last line of the error output, and the container's termination message (Kubernetes).
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path

UNBEGUN = 75
"""Exit status (sysexits.h: EX_TEMPFAIL) that says: not begun, somebody may try again."""
DIED = 70
"""Exit status (EX_SOFTWARE) that says: the run's process died, and the API knows. Not 1, which any program may end with."""
TERMINATION_MESSAGE = Path("/dev/termination-log")
"""Where Kubernetes looks for a container's last word; it makes the file."""


def main() -> int:
    """Run it; the exit status."""
    from towpath.client.settings import Settings
    from towpath.runner import child
    from towpath.runner.launch import Launch
    from towpath.runner.main import Runner
    from towpath.runner.preload import preload
    from towpath_proto.errors import TowpathError

    try:
        identity = child.Identity.from_env(os.environ)
        settings = replace(Settings.from_env(), token=identity.token)
    except TowpathError as e:
        return _unbegun(f"{e.message} ({e.code})")
    preload()
    runner = Runner(Path("."), settings, listener=None, lock=None, fingerprint="", run=child.run_forked, what="its container")
    grace = {name: os.environ[name] for name in ("TOWPATH_CANCEL_GRACE",) if name in os.environ}
    launch = Launch(identity.flow_run_id, identity.fence, identity.token, flow_id=identity.flow_id or "", env=grace)
    try:
        verdict = runner.run_one(launch)
    except OSError as e:
        return _unbegun(f"The run's process could not be started: {e.strerror}.")
    if verdict.ended == "unbegun":
        return _unbegun(verdict.reason)
    return DIED if verdict.failed else 0


def _unbegun(reason: str) -> int:
    print(f"towpath: {reason}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):
        if TERMINATION_MESSAGE.exists():
            TERMINATION_MESSAGE.write_text(reason, encoding="utf-8")
    return UNBEGUN


if __name__ == "__main__":
    sys.exit(main())
