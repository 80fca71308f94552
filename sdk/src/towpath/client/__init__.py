"""The client of the Towpath API: requests, registration, subscriptions, signing keys.

Importing this package imports none of its parts: `Client` and the HTTP library behind it load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.client.client import Client as Client
    from towpath.client.client import register_flow as register_flow
    from towpath.client.flows import Registration as Registration
    from towpath.client.secrets import Secret as Secret
    from towpath.client.settings import Settings as Settings

_HOMES = {
    "Client": "towpath.client.client",
    "Registration": "towpath.client.flows",
    "Secret": "towpath.client.secrets",
    "Settings": "towpath.client.settings",
    "register_flow": "towpath.client.client",
}

__all__ = ["Client", "Registration", "Secret", "Settings", "register_flow"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'towpath.client' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(home), name)
