"""Where the code of a flow is kept: by the backend (the default), on the disk of the agent's machine, or in a module installed there.

What is registered is signed in any case: the pickled flow itself, or a pointer to it. A pointer to a pickle holds the hash of the pickle.
"""

from towpath.storage.code import PROTOCOL, SCRIPT_MARK, code_hash, code_info, load_flow, pickle_flow, scripts_by_value
from towpath.storage.kinds import BackendStorage, Local, Module, Storage
from towpath.storage.pointers import load_code

__all__ = [
    "PROTOCOL",
    "SCRIPT_MARK",
    "BackendStorage",
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
