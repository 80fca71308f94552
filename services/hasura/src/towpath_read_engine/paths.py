"""The notation of places in a document: `$.selectionSet.author.args.where._and[0]`."""

import re

_PLAIN = re.compile(r"[_A-Za-z][_0-9A-Za-z]*\Z")

ROOT = "$"


def child(path: str, *keys: str | int) -> str:
    """The path one or more steps further down."""
    for key in keys:
        if isinstance(key, int):
            path = f"{path}[{key}]"
        elif _PLAIN.match(key):
            path = f"{path}.{key}"
        else:
            path = f"{path}['{key}']"
    return path


def parent(path: str) -> str:
    """The path of what holds the member that `path` names."""
    return path.rpartition(".")[0]
