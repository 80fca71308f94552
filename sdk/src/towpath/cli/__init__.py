"""The command `towpath`. Importing this package imports no command and not even click."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 failed, 2 wrong usage or an API that cannot be reached."""
    from towpath.cli.app import run

    return run(arguments)
