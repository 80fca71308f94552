"""Functions in the metadata: which are tracked, under which names, and which are fields of a table.

Responsible for reading the `functions` of a source and the `computed_fields` of a table as values. What a function takes and
gives is the catalogue's to say, and `functions.py` joins the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath_read_engine.errors import MetadataError


@dataclass(frozen=True, slots=True, order=True)
class FunctionKey:
    """A function's place in the database."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """A tracked function.

    Attributes:
        custom_name: replaces the function's name in root fields and the type of its arguments.
        root_names: names of single root fields (`function`, `function_aggregate`).
        session_argument: the name of the argument that gets the session variables as JSON.
        exposed_as: `query` or `mutation`; None leaves it to the function's volatility.
        roles: who may call it where permissions are not inferred from the table it returns.
    """

    key: FunctionKey
    custom_name: str | None = None
    root_names: Mapping[str, str] = field(default_factory=dict)
    session_argument: str | None = None
    exposed_as: str | None = None
    roles: frozenset[str] = frozenset()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ComputedFieldEntry:
    """A computed field of a table.

    Attributes:
        row_argument: the name of the argument that gets the row; the function's first when None.
        session_argument: as for a tracked function.
    """

    name: str
    function: FunctionKey
    row_argument: str | None = None
    session_argument: str | None = None
    comment: str | None = None


def computed_field(raw: Mapping[str, Any]) -> ComputedFieldEntry:
    """A computed field from an item of a table's `computed_fields`."""
    definition = raw["definition"]
    return ComputedFieldEntry(
        name=str(raw["name"]),
        function=function_key(definition["function"]),
        row_argument=definition.get("table_argument"),
        session_argument=definition.get("session_argument"),
        comment=raw.get("comment"),
    )


def functions_of(source: Mapping[str, Any]) -> tuple[FunctionEntry, ...]:
    """The tracked functions of a metadata source.

    Raises:
        MetadataError: an entry is malformed, or stands twice.
    """
    entries: list[FunctionEntry] = []
    for raw in source.get("functions") or ():
        try:
            entries.append(_function(raw))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            name = raw.get("function") if isinstance(raw, dict) else raw
            raise MetadataError(f"the metadata of function {name} is malformed: {type(error).__name__}: {error}") from error
    if len({entry.key for entry in entries}) != len(entries):
        raise MetadataError("the metadata tracks a function twice")
    return tuple(entries)


def function_key(raw: Any) -> FunctionKey:
    """A function's place from `name` or `{schema, name}`."""
    if isinstance(raw, str):
        return FunctionKey("public", raw)
    return FunctionKey(str(raw.get("schema", "public")), str(raw["name"]))


def role_name(raw: Any) -> str:
    """The name of a role; nobody is called by the empty text or by something else than a text.

    Raises:
        ValueError: it is no name.
    """
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"the name of a role is {raw!r}; a role has a name that is not empty")
    return raw


def _function(raw: Mapping[str, Any]) -> FunctionEntry:
    configuration = raw.get("configuration") or {}
    exposed_as = configuration.get("exposed_as")
    if exposed_as not in (None, "query", "mutation"):
        raise ValueError(f"exposed_as is {exposed_as!r}, not query or mutation")
    roots = configuration.get("custom_root_fields") or {}
    return FunctionEntry(
        key=function_key(raw["function"]),
        custom_name=configuration.get("custom_name"),
        root_names={kind: name for kind, name in roots.items() if name},
        session_argument=configuration.get("session_argument"),
        exposed_as=exposed_as,
        roles=frozenset(role_name(item["role"]) for item in raw.get("permissions") or ()),
        comment=raw.get("comment"),
    )
