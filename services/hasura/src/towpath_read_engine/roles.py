"""The schema as one role sees it: which root fields, columns and relationships exist for it, under which row filter.

The role `admin` sees everything. For any other role a table without a select permission does not exist, and neither does
a relationship to it; a column it may not select is the same as a column that is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from towpath_read_engine import plan
from towpath_read_engine.metadata import TableKey
from towpath_read_engine.model import Column, Model, Relationship, Table
from towpath_read_engine.permissions import FilterCompiler

ADMIN = "admin"
NO_QUERIES = "no_queries_available"

RootKind = Literal["select", "select_by_pk", "select_aggregate"]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as a role sees it; `relationships` leads to visible tables only."""

    table: Table
    columns: Mapping[str, Column]
    relationships: Mapping[str, Relationship]
    filter: plan.Condition
    limit: int | None
    aggregations: bool
    roots: frozenset[str]

    @property
    def name(self) -> str:
        """The name of the object type."""
        return self.table.graphql


class RoleSchema:
    """All that a role may read."""

    def __init__(self, model: Model, role: str) -> None:
        """Compile the role's permissions.

        Raises:
            MetadataError: a filter is wrong.
        """
        self.role = role
        visible = {key: table for key, table in model.tables.items() if role == ADMIN or role in table.permissions}
        self.views: dict[TableKey, TableView] = {key: _view(model, table, role, visible) for key, table in visible.items()}
        self.roots: dict[str, tuple[RootKind, TableView]] = {}
        for view in self.views.values():
            for kind in _root_kinds(view):
                self.roots[view.table.roots[kind]] = (kind, view)

    def target(self, relationship: Relationship) -> TableView:
        """The view that a visible relationship leads to."""
        return self.views[relationship.target]


def _view(model: Model, table: Table, role: str, visible: Mapping[TableKey, Table]) -> TableView:
    relationships = {name: item for name, item in table.relationships.items() if item.target in visible}
    every_root = frozenset(("select", "select_by_pk", "select_aggregate"))
    if role == ADMIN:
        return TableView(table, table.columns, relationships, plan.TRUE, None, aggregations=True, roots=every_root)
    permission = table.permissions[role]
    columns = {field: column for field, column in table.columns.items() if permission.columns is None or column.name in permission.columns}
    return TableView(
        table=table,
        columns=columns,
        relationships=relationships,
        filter=FilterCompiler(model.tables, table).compile(permission.filter),
        limit=permission.limit,
        aggregations=permission.allow_aggregations,
        roots=every_root if permission.query_root_fields is None else permission.query_root_fields,
    )


def _root_kinds(view: TableView) -> list[RootKind]:
    kinds: list[RootKind] = ["select"] if "select" in view.roots else []
    selectable = {column.name for column in view.columns.values()}
    if "select_by_pk" in view.roots and view.table.primary_key and selectable.issuperset(view.table.primary_key):
        kinds.append("select_by_pk")
    if "select_aggregate" in view.roots and view.aggregations:
        kinds.append("select_aggregate")
    return kinds
