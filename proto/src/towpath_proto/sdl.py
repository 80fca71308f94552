"""The GraphQL SDL of the business service, as text, from the `.graphql` files beside this module (one file a domain)."""

from __future__ import annotations

from importlib.resources import files


def load() -> str:
    """The whole SDL; files in order of name, each introduced by a comment with its name."""
    folder = files("towpath_proto") / "graphql"
    parts = sorted((f for f in folder.iterdir() if f.name.endswith(".graphql")), key=lambda f: f.name)
    return "\n".join(f"# {f.name}\n{f.read_text(encoding='utf-8')}" for f in parts)
