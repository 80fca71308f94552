"""Loads the named queries of the `.sql` files: `-- name: word` starts a query, comment lines below it describe it.

No SQL stands in Python; a test fails on it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType

from towpath_service_kit.statements import Statement

NOT_QUERIES = frozenset({"schema.sql"})


@cache
def load() -> MappingProxyType[str, bytes]:
    """All queries by name.

    Raises:
        ValueError: Two queries of one name, or text before the first header.
    """
    found: dict[str, bytes] = {}
    folder = files("towpath_graphql") / "sql"
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name):
        if file.name in NOT_QUERIES:
            continue
        name: str | None = None
        lines: list[str] = []
        for line in [*file.read_text(encoding="utf-8").splitlines(), "-- name: "]:
            if not line.startswith("-- name:"):
                if not line.startswith("--") and line.strip():
                    if name is None:
                        raise ValueError(f"{file.name}: SQL before the first '-- name:' header: {line!r}")
                    lines.append(line)
                continue
            if name is not None:
                if name in found:
                    raise ValueError(f"two queries are named {name!r}; the second is in {file.name}")
                found[name] = "\n".join(lines).rstrip().rstrip(";").encode()
            name, lines = line.removeprefix("-- name:").strip(), []
    return MappingProxyType(found)


@cache
def statements() -> MappingProxyType[str, Statement]:
    """All queries by name, as connections ask them."""
    return MappingProxyType({name: Statement(query) for name, query in load().items()})
