"""Where the code of a flow is kept: by the backend (the default), on the disk of the agent's machine, in a module installed there, in S3,
in a Git repository, or in an image of its own.

What is registered is signed in any case: the pickled flow itself, or a pointer to it. A pointer to a pickle holds the hash of the pickle.

`S3`, `Git` and `Docker` load when they are first used; Prefect 1's further storages are names that say what to take instead.
"""

from typing import TYPE_CHECKING, Any

from towpath.storage.code import PROTOCOL, SCRIPT_MARK, code_hash, code_info, load_flow, pickle_flow, scripts_by_value
from towpath.storage.kinds import BackendStorage, Local, Module, Storage
from towpath.storage.pointers import load_code

if TYPE_CHECKING:
    from towpath.storage.docker import Docker as Docker
    from towpath.storage.git import Git as Git
    from towpath.storage.s3 import S3 as S3

__all__ = [
    "PROTOCOL",
    "S3",
    "SCRIPT_MARK",
    "BackendStorage",
    "Docker",
    "Git",
    "Local",
    "Module",
    "Storage",
    "code_hash",
    "code_info",
    "load_code",
    "load_flow",
    "pickle_flow",
    "scripts_by_value",
]

_LATER = {"S3": "s3", "Git": "git", "Docker": "docker"}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LATER:
        return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    if not name.startswith("_"):
        from towpath.storage.absent import INSTEAD, absent

        if name in INSTEAD:
            return absent(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
