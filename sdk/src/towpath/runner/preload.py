"""Import, once in the zygote, what every run would import for itself.

Only ours and what we need: no user code, and nothing that starts a thread.
"""

from __future__ import annotations

import importlib

MODULES = (
    "encodings.idna",
    "gzip",
    "towpath.core.builtin",
    "towpath.core.edges",
    "towpath.core.flow",
    "towpath.core.graph",
    "towpath.core.parameter",
    "towpath.core.task",
    "towpath.executors.local_dask",
    "towpath.run_configs",
    "towpath.runner.child",
    "towpath.schedules",
    "towpath.storage",
)


def preload() -> None:
    """Import them all."""
    for name in MODULES:
        importlib.import_module(name)
