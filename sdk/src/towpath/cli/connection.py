"""The command line's client: little patience, since a person waits."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from towpath.client.settings import Settings, source_of

if TYPE_CHECKING:
    from towpath.client.client import Client

PATIENCE = 1.0


def open_client() -> Client:
    """A client with this process's settings, that gives up on an absent API within about a second unless TOWPATH_PATIENCE says more."""
    from towpath.client.client import Client

    settings = Settings.from_env()
    if source_of("TOWPATH_PATIENCE", os.environ) == "default":
        settings = replace(settings, patience=PATIENCE)
    return Client(settings=settings)
