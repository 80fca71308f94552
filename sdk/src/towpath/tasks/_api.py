"""The API that tasks about flow runs work through: the run's own in a run of an agent, else the one that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from towpath._context import context as here
from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client

MAX_DURATION = timedelta(hours=12)
"""How long a task waits for a flow run, unless it is told otherwise."""


@contextmanager
def api(what: str) -> Iterator[Client]:
    """A client of the API.

    Args:
        what: Who needs it, for the sentence that says that there is none.

    Raises:
        TowpathError: `UNREACHABLE` outside of a run, when no API answers.
    """
    from towpath.client.client import Client

    in_a_run = here.get("running_with_backend", False)
    with Client(patience=MAX_DURATION.total_seconds() if in_a_run else None) as client:
        if not in_a_run:
            try:
                client.graphql("{ hello }", patience=0.0)
            except TowpathError as error:
                if error.code != Code.UNREACHABLE:
                    raise
                sentence = (
                    f"{what} needs a Towpath API, and there is none at {client.settings.api_url}: start one with `towpath server start` "
                    "and an agent with `towpath agent local start`, or set TOWPATH_API_URL to the address of one that runs."
                )
                raise TowpathError(Code.UNREACHABLE, sentence) from None
        yield client
