"""Names of root fields and types as a source's `customization` wants them.

Responsible for prefix, suffix and namespace; what is renamed by a table's own configuration has been renamed before. Scalars, their
comparison types, `order_by` and the roots are the same for every source and keep their names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_GRAPHQL_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*\Z")
_END = re.compile(r"[_0-9A-Za-z]*\Z")
_CONVENTIONS = (None, "hasura-default")


@dataclass(frozen=True, slots=True)
class Naming:
    """How a source's names are made.

    Attributes:
        namespace: the root field under which all others stand; None for none.
        root_prefix: before the name of each root field, as `root_suffix` stands after it; the same for types.
    """

    namespace: str | None = None
    root_prefix: str = ""
    root_suffix: str = ""
    type_prefix: str = ""
    type_suffix: str = ""

    def root(self, name: str) -> str:
        """The name of a root field."""
        return f"{self.root_prefix}{name}{self.root_suffix}"

    def type(self, name: str) -> str:
        """The name of a type."""
        return f"{self.type_prefix}{name}{self.type_suffix}"


def naming_of(source: Mapping[str, Any]) -> Naming:
    """The `customization` of a metadata source.

    Raises:
        ValueError: it asks for a name that GraphQL does not have, or for a convention that is not served.
    """
    raw = source.get("customization") or {}
    if raw.get("naming_convention") not in _CONVENTIONS:
        raise ValueError(f"naming_convention is {raw['naming_convention']!r}; only hasura-default is served")
    roots, types = raw.get("root_fields") or {}, raw.get("type_names") or {}
    return Naming(
        namespace=_name(roots, "namespace", _GRAPHQL_NAME) or None,
        root_prefix=_name(roots, "prefix", _GRAPHQL_NAME),
        root_suffix=_name(roots, "suffix", _END),
        type_prefix=_name(types, "prefix", _GRAPHQL_NAME),
        type_suffix=_name(types, "suffix", _END),
    )


def _name(raw: Mapping[str, Any], part: str, allowed: re.Pattern[str]) -> str:
    name = raw.get(part)
    if name in (None, ""):
        return ""
    if not isinstance(name, str) or not allowed.match(name) or name.startswith("__"):
        raise ValueError(f"{part} is {name!r}, with which no GraphQL name can be made")
    return name
