"""Metadata and catalogue joined: the tables, columns and relationships that exist in both.

Responsible for GraphQL names and for turning each declared relationship into column pairs. What the metadata tracks
and the database lacks is left out and named in `Model.inconsistencies`, so that one missing table does not stop the rest.
Roles are the business of `roles.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from towpath_read_engine.catalog import Catalog, CatalogTable
from towpath_read_engine.function_entries import ComputedFieldEntry, FunctionKey
from towpath_read_engine.functions import Function, TrackedFunction, UnusableFunctionError, tracked, usable
from towpath_read_engine.metadata import Metadata, PermissionEntry, RelationshipEntry, TableEntry, TableKey
from towpath_read_engine.naming import Naming
from towpath_read_engine.scalars import PgType

if TYPE_CHECKING:  # plans are made of columns; only the type is circular
    from towpath_read_engine.plan import Condition

Link = tuple[tuple[str, str], ...]
"""Column pairs (near, far) that join two tables."""

_GRAPHQL_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*\Z")


@dataclass(frozen=True, slots=True)
class Column:
    """A column under its GraphQL name (`field`) and its own (`name`).

    Attributes:
        stored: whether it lies in a table, so that to read it can raise nothing; not so a value that a view makes.
        shown: the rows that show their value to the role that asks; None means all it sees. Only inherited roles have others.
    """

    field: str
    name: str
    type: PgType
    not_null: bool
    comment: str | None = None
    stored: bool = True
    shown: "Condition | None" = None


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship as column pairs.

    Attributes:
        at_most_one: whether the far columns are unique, so that a join cannot multiply rows.
        always_one: whether a far row must exist (a foreign key here, over columns that are not null).
    """

    name: str
    is_array: bool
    target: TableKey
    link: Link
    at_most_one: bool
    always_one: bool
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ComputedField:
    """A field whose value a function makes of the row: a scalar, or rows of `function.table`.

    Attributes:
        arguments_type: the name of the input type of the function's other arguments.
        shown: as for a column.
    """

    name: str
    function: Function
    arguments_type: str
    comment: str | None = None
    shown: "Condition | None" = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is served; `columns` is by GraphQL name.

    Attributes:
        primary_key: the names of its columns in the database.
        key_is_unique: whether no two rows share it; other tables that inherit from this one may repeat it.
    """

    key: TableKey
    graphql: str
    roots: Mapping[str, str]
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]
    key_is_unique: bool
    relationships: Mapping[str, Relationship]
    computed: Mapping[str, ComputedField]
    permissions: Mapping[str, PermissionEntry]
    comment: str | None
    root_comments: Mapping[str, str] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)

    def type(self, part: str = "") -> str:
        """The name of the table's object type, or of the type of a part of it, such as `bool_exp`."""
        return self.naming.type(f"{self.graphql}_{part}" if part else self.graphql)

    def column_named(self, name: str) -> Column | None:
        """A column by its name in the database."""
        return next((column for column in self.columns.values() if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """A part of the metadata that the database, or the rest of the metadata, does not bear out.

    Attributes:
        kind: as in Hasura: `table`, `object_relation`, `array_relation`, `select_permission`, `inherited_role`, `function`,
            `computed_field`.
        name: which one, in words.
        reason: a sentence for people.
        definition: the part itself, as JSON.
    """

    kind: str
    name: str
    reason: str
    definition: Any = None

    def __str__(self) -> str:
        return self.reason

    def as_json(self) -> dict[str, Any]:
        """The item of `inconsistent_objects`."""
        return {"type": self.kind, "name": self.name, "reason": f"Inconsistent object: {self.reason}", "definition": self.definition}


@dataclass(frozen=True, slots=True)
class Model:
    """All that is served, and what could not be."""

    tables: Mapping[TableKey, Table]
    functions: tuple[TrackedFunction, ...] = ()
    inconsistencies: tuple[Inconsistency, ...] = field(default=())
    naming: Naming = field(default_factory=Naming)


def build(metadata: Metadata, catalog: Catalog, noticed: Sequence[Inconsistency] = ()) -> Model:
    """Join what is declared with what there is; `noticed` are problems found before."""
    problems = list(noticed)
    taken: set[str] = set()
    served: list[TableEntry] = []
    for entry in metadata.tables:
        reason = _unserved(entry, catalog, metadata.naming, taken, {other.graphql for other in served})
        if reason is not None:
            problems.append(Inconsistency("table", f"table {entry.key}", reason, place(entry.key)))
        else:
            served.append(entry)
            taken.update(_roots(entry, metadata.naming).values())
    present = {entry.key for entry in served}
    tables = {entry.key: _table(entry, catalog.tables[entry.key], catalog, metadata.naming, present, problems) for entry in served}
    functions, unusable = tracked(metadata.functions, catalog, metadata.naming, tables.keys(), taken)
    problems += [Inconsistency("function", f"function {key}", f"function {key} {why}", place(key)) for key, why in unusable.items()]
    return Model(tables, functions, tuple(problems), metadata.naming)


def _unserved(entry: TableEntry, catalog: Catalog, naming: Naming, roots: set[str], names: set[str]) -> str | None:
    """Why a table cannot be served, beside those that have these root fields and names; None when it can."""
    if entry.key not in catalog.tables:
        return f"table {entry.key} is tracked but not in the database"
    own = list(_roots(entry, naming).values())
    clashing = sorted(roots.intersection(own) | names.intersection({entry.graphql}) | {root for root in own if own.count(root) > 1})
    if clashing:
        return f"table {entry.key} would get the name {clashing[0]}, which is taken; give it a custom_name or custom_root_fields"
    return None


def _roots(entry: TableEntry, naming: Naming) -> dict[str, str]:
    """The root fields of a table by kind."""
    name = entry.graphql
    plain = {"select": name, "select_by_pk": f"{name}_by_pk", "select_aggregate": f"{name}_aggregate", "select_stream": f"{name}_stream"}
    return {kind: naming.root(entry.root_names.get(kind, otherwise)) for kind, otherwise in plain.items()}


def _table(
    entry: TableEntry, found: CatalogTable, catalog: Catalog, naming: Naming, tracked: set[TableKey], problems: list[Inconsistency]
) -> Table:
    key, name = entry.key, entry.graphql
    columns: dict[str, Column] = {}
    for column in found.columns.values():
        field_name = entry.column_names.get(column.name, column.name)
        if _GRAPHQL_NAME.match(field_name):
            comment = entry.column_comments.get(column.name, column.comment)
            columns[field_name] = Column(field_name, column.name, column.type, column.not_null, comment, column.stored)
        else:
            reason = f"column {key}.{column.name} has no GraphQL name; give it one in column_config"
            problems.append(Inconsistency("table", f"table {key}", reason, place(key)))
    relationships: dict[str, Relationship] = {}
    for declared in entry.relationships:
        relationship = _relationship(declared, found, catalog, tracked)
        if relationship is None or declared.name in columns:
            reason = f"relationship {declared.name} of {key} has no such key, table or columns in the database, or the name of a column"
            kind = "array_relation" if declared.is_array else "object_relation"
            definition = {"table": place(key), "name": declared.name}
            problems.append(Inconsistency(kind, f"{kind} {declared.name} in table {key}", reason, definition))
        else:
            relationships[declared.name] = relationship
    computed: dict[str, ComputedField] = {}
    for item in entry.computed_fields:
        try:
            if item.name in columns or item.name in relationships:
                raise UnusableFunctionError("has the name of a column or relationship")
            computed[item.name] = _computed_field(item, key, naming.type(f"{item.name}_{name}_args"), catalog, tracked)
        except UnusableFunctionError as error:
            reason = f"computed field {item.name} of {key}: function {item.function} {error}"
            definition = {"table": place(key), "name": item.name}
            problems.append(Inconsistency("computed_field", f"computed field {item.name} in table {key}", reason, definition))
    return Table(
        key=key,
        graphql=name,
        roots=_roots(entry, naming),
        columns=columns,
        primary_key=found.primary_key,
        key_is_unique=frozenset(found.primary_key) in found.unique,
        relationships=relationships,
        computed=computed,
        permissions=entry.permissions,
        comment=found.comment if entry.comment is None else entry.comment,
        root_comments=entry.root_comments,
        naming=naming,
    )


def place(key: TableKey | FunctionKey) -> dict[str, str]:
    """The place of a table or function as JSON."""
    return {"schema": key.schema, "name": key.name}


def _computed_field(
    item: ComputedFieldEntry, table: TableKey, arguments_type: str, catalog: Catalog, tracked: set[TableKey]
) -> ComputedField:
    function = usable(item.function, catalog, session_argument=item.session_argument, row=table, row_argument=item.row_argument)
    if catalog.functions[item.function][0].volatile:
        raise UnusableFunctionError("is volatile")
    if function.table is not None and function.table not in tracked:
        raise UnusableFunctionError("returns rows of a table that is not tracked")
    if function.table is None and function.many:
        raise UnusableFunctionError("returns a set of values that are no rows of a table")
    if not _GRAPHQL_NAME.match(item.name):
        raise UnusableFunctionError("would be a field whose name GraphQL does not have")
    return ComputedField(item.name, function, arguments_type, item.comment or function.comment)


def _relationship(declared: RelationshipEntry, near: CatalogTable, catalog: Catalog, tracked: set[TableKey]) -> Relationship | None:
    target, link, is_foreign_key_here = _link(declared, near, catalog)
    if target not in tracked or not link or target is None:
        return None
    far = catalog.tables[target]
    if not all(here in near.columns and there in far.columns for here, there in link):
        return None
    far_columns = {there for _, there in link}
    return Relationship(
        name=declared.name,
        is_array=declared.is_array,
        target=target,
        link=link,
        at_most_one=any(unique <= far_columns for unique in far.unique),
        always_one=is_foreign_key_here and all(near.columns[here].not_null for here, _ in link),
        comment=declared.comment,
    )


def _link(declared: RelationshipEntry, near: CatalogTable, catalog: Catalog) -> tuple[TableKey | None, Link, bool]:
    if declared.mapping:
        return declared.remote, declared.mapping, False
    if declared.local_columns:
        wanted = set(declared.local_columns)
        for key in catalog.foreign_keys:
            if key.table == near.key and {here for here, _ in key.columns} == wanted:
                return key.remote, key.columns, True
        return None, (), False
    wanted = set(declared.remote_columns)
    for key in catalog.foreign_keys:
        if key.table == declared.remote and key.remote == near.key and {here for here, _ in key.columns} == wanted:
            return declared.remote, tuple((there, here) for here, there in key.columns), False
    return None, (), False
