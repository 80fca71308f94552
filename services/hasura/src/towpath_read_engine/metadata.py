"""Hasura metadata as values: a document in, tracked tables, their names, relationships, select permissions and inherited roles out.

Responsible for finding and checking the parts this engine serves, of the one PostgreSQL source (tracked functions:
`function_entries.py`). Parts that change answers and are not served (remote relationships) are refused with a sentence, never
ignored. It looks neither at files (`metadata_files.py`) nor at the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from towpath_read_engine.errors import MetadataError
from towpath_read_engine.function_entries import ComputedFieldEntry, FunctionEntry, computed_field, functions_of, role_name
from towpath_read_engine.naming import Naming, naming_of


@dataclass(frozen=True, slots=True, order=True)
class TableKey:
    """A table's place in the database."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class RelationshipEntry:
    """A relationship as declared; exactly one of the three ways of joining is given.

    Attributes:
        name: the field's name.
        is_array: whether it gives a list.
        local_columns: columns of this table with a foreign key.
        remote: the far table, when its columns hold the foreign key or the mapping is manual.
        remote_columns: columns of the far table with a foreign key to this one.
        mapping: (here, there) of a manual relationship.
        comment: its description; None for the usual words.
    """

    name: str
    is_array: bool
    local_columns: tuple[str, ...] = ()
    remote: TableKey | None = None
    remote_columns: tuple[str, ...] = ()
    mapping: tuple[tuple[str, str], ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class PermissionEntry:
    """A role's select permission on a table; `columns` None means all of them, root fields None means every kind."""

    columns: frozenset[str] | None
    filter: Mapping[str, Any]
    limit: int | None
    allow_aggregations: bool
    query_root_fields: frozenset[str] | None = None
    subscription_root_fields: frozenset[str] | None = None
    computed_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A tracked table.

    Attributes:
        is_enum: whether its rows are the values of an enum.
        custom_name: replaces the table's name in types and root fields.
        root_names: names of single root fields (`select`, `select_by_pk`, `select_aggregate`, `select_stream`).
        column_names: GraphQL names of renamed columns.
        comment: a description that wins over the database's; the same for columns and root fields, by column and kind.
    """

    key: TableKey
    is_enum: bool = False
    custom_name: str | None = None
    root_names: Mapping[str, str] = field(default_factory=dict)
    column_names: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None
    column_comments: Mapping[str, str] = field(default_factory=dict)
    root_comments: Mapping[str, str] = field(default_factory=dict)
    relationships: tuple[RelationshipEntry, ...] = ()
    computed_fields: tuple[ComputedFieldEntry, ...] = ()
    permissions: Mapping[str, PermissionEntry] = field(default_factory=dict)

    @property
    def graphql(self) -> str:
        """The table's name in types and root fields."""
        return self.custom_name or (self.key.name if self.key.schema == "public" else f"{self.key.schema}_{self.key.name}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """All that a metadata document says.

    Attributes:
        inherited_roles: for each inherited role the roles it is made of.
        document: the document itself, for whoever wants it back.
        naming: how root fields and types are called.
    """

    tables: tuple[TableEntry, ...] = ()
    functions: tuple[FunctionEntry, ...] = ()
    inherited_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)


MAX_NESTING = 100
"""Levels of a document at most; row filters are compiled, and documents written, level by level."""
NOTHING = Metadata(document={"version": 3, "sources": []})
"""Metadata that tracks nothing."""


def parse(document: Any) -> Metadata:
    """The metadata of a document of version 3, or of version 2, which had no sources.

    Raises:
        MetadataError: it is malformed, or uses what is not served.
    """
    _refuse_depth(document)
    if not isinstance(document, Mapping):
        raise MetadataError("the metadata is not an object; give the answer of export_metadata")
    sources = document.get("sources")
    if sources is None and "tables" in document:
        sources = [{"tables": document["tables"], "functions": document.get("functions")}]
    elif sources is None and "version" in document:
        sources = []
    if not isinstance(sources, list) or not all(isinstance(source, Mapping) for source in sources):
        raise MetadataError("the metadata must have 'sources', a list of objects")
    try:
        inherited = {
            role_name(item["role_name"]): tuple(map(role_name, item["role_set"])) for item in document.get("inherited_roles") or ()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise MetadataError(f"the metadata's inherited_roles are malformed: {type(error).__name__}: {error}") from error
    source = source_of(sources) if sources else {}
    try:
        naming = naming_of(source)
    except (ValueError, AttributeError) as error:
        raise MetadataError(f"the source's customization is malformed: {error}") from error
    return Metadata(tables_of(source), functions_of(source), inherited, document, naming)


def _refuse_depth(document: Any) -> None:
    level, depth = [document], 0
    while level:
        if depth > MAX_NESTING:
            raise MetadataError(f"the metadata nests deeper than {MAX_NESTING} levels; write its row filters flatter")
        inner = [item.values() if isinstance(item, Mapping) else item for item in level if isinstance(item, (Mapping, list))]
        level, depth = [value for values in inner for value in values], depth + 1


def source_of(sources: Any) -> Mapping[str, Any]:
    """The only PostgreSQL source of a metadata document's `sources`."""
    kinds: list[Mapping[str, Any]] = [source for source in sources or () if source.get("kind", "postgres") == "postgres"]
    if len(kinds) != 1:
        raise MetadataError(f"the metadata must have exactly one source of kind postgres, it has {len(kinds)}")
    return kinds[0]


def tables_of(source: Mapping[str, Any]) -> tuple[TableEntry, ...]:
    """The tracked tables of a metadata source."""
    entries: list[TableEntry] = []
    for raw in source.get("tables") or ():
        try:
            entries.append(_table(raw))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            name = raw.get("table") if isinstance(raw, dict) else raw
            raise MetadataError(f"the metadata of table {name} is malformed: {type(error).__name__}: {error}") from error
    keys = [entry.key for entry in entries]
    if len(set(keys)) != len(keys):
        raise MetadataError("the metadata tracks a table twice")
    return tuple(entries)


def table_key(raw: Any) -> TableKey:
    """A table's place from `name` or `{schema, name}`."""
    if isinstance(raw, str):
        return TableKey("public", raw)
    return TableKey(str(raw.get("schema", "public")), str(raw["name"]))


def _table(raw: dict[str, Any]) -> TableEntry:
    key = table_key(raw["table"])
    if raw.get("remote_relationships"):
        raise MetadataError(f"table {key} has remote_relationships, which are not served; remove them")
    configuration = raw.get("configuration") or {}
    names = dict(configuration.get("custom_column_names") or {})
    comments: dict[str, str] = {}
    for column, settings in (configuration.get("column_config") or {}).items():
        if settings.get("custom_name"):
            names[column] = settings["custom_name"]
        if settings.get("comment") is not None:
            comments[column] = str(settings["comment"])
    custom_roots = configuration.get("custom_root_fields") or {}
    roots = {name: _root_name(value) for name, value in custom_roots.items()}
    return TableEntry(
        key=key,
        is_enum=bool(raw.get("is_enum")),
        custom_name=configuration.get("custom_name"),
        root_names={name: value for name, value in roots.items() if value},
        column_names=names,
        comment=configuration.get("comment"),
        column_comments=comments,
        root_comments={
            name: str(value["comment"])
            for name, value in custom_roots.items()
            if isinstance(value, dict) and value.get("comment") is not None
        },
        relationships=tuple(
            _relationship(item, is_array=part == "array_relationships")
            for part in ("object_relationships", "array_relationships")
            for item in raw.get(part) or ()
        ),
        computed_fields=tuple(computed_field(item) for item in raw.get("computed_fields") or ()),
        permissions=_permissions(raw.get("select_permissions") or ()),
    )


def _root_name(value: Any) -> str | None:
    return value.get("name") if isinstance(value, dict) else value


def _relationship(raw: dict[str, Any], *, is_array: bool) -> RelationshipEntry:
    return replace(_joined(raw, is_array=is_array), comment=raw.get("comment"))


def _joined(raw: dict[str, Any], *, is_array: bool) -> RelationshipEntry:
    name, using = str(raw["name"]), raw["using"]
    manual = using.get("manual_configuration")
    if manual is not None:
        mapping = tuple((str(here), str(there)) for here, there in manual["column_mapping"].items())
        return RelationshipEntry(name, is_array, remote=table_key(manual["remote_table"]), mapping=mapping)
    key = using["foreign_key_constraint_on"]
    if isinstance(key, dict):
        columns = tuple(key["columns"]) if "columns" in key else (str(key["column"]),)
        return RelationshipEntry(name, is_array, remote=table_key(key["table"]), remote_columns=columns)
    return RelationshipEntry(name, is_array, local_columns=(key,) if isinstance(key, str) else tuple(key))


def _permissions(raw: Any) -> dict[str, PermissionEntry]:
    found: dict[str, PermissionEntry] = {}
    for item in raw:
        role = role_name(item["role"])
        if role in found:
            raise ValueError(f"role {role} has two select permissions; make them one")
        found[role] = _permission(item)
    return found


def _permission(raw: dict[str, Any]) -> PermissionEntry:
    permission = raw["permission"]
    columns = permission.get("columns") or ()
    limit = permission.get("limit")
    if limit is not None and (not isinstance(limit, int) or limit < 0):
        raise ValueError(f"limit of role {raw['role']} is not a non-negative integer")
    if not isinstance(permission.get("filter"), dict):
        raise ValueError(f"the permission of role {raw['role']} has no filter; every row is {{}}, said out loud")
    return PermissionEntry(
        columns=None if columns == "*" else frozenset(columns),
        computed_fields=frozenset(map(str, permission.get("computed_fields") or ())),
        filter=permission["filter"],
        limit=limit,
        allow_aggregations=bool(permission.get("allow_aggregations")),
        query_root_fields=_roots(permission.get("query_root_fields")),
        subscription_root_fields=_roots(permission.get("subscription_root_fields")),
    )


def _roots(raw: Any) -> frozenset[str] | None:
    return None if raw is None else frozenset(map(str, raw))
