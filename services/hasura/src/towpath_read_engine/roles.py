"""The schema as one role sees it: which root fields, columns and relationships exist for it, under which row filter.

The role `admin` sees everything. For any other role a table without a select permission does not exist, and neither does
a relationship to it; a column it may not select is the same as a column that is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from towpath_read_engine import plan
from towpath_read_engine.functions import TrackedFunction
from towpath_read_engine.grants import Grant, RoleGrants
from towpath_read_engine.metadata import TableKey
from towpath_read_engine.model import Column, ComputedField, Model, Relationship, Table

ADMIN = "admin"
NO_QUERIES = "no_queries_available"

OperationKind = Literal["query", "subscription"]
RootKind = Literal["select", "select_by_pk", "select_aggregate", "select_stream"]
QUERY_KINDS: tuple[RootKind, ...] = ("select", "select_by_pk", "select_aggregate")
SUBSCRIPTION_KINDS: tuple[RootKind, ...] = (*QUERY_KINDS, "select_stream")
FunctionRootKind = Literal["function", "function_aggregate"]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as a role sees it; `relationships` leads to visible tables only."""

    table: Table
    columns: Mapping[str, Column]
    relationships: Mapping[str, Relationship]
    computed: Mapping[str, ComputedField]
    filter: plan.Condition
    limit: int | None
    aggregations: bool

    def type(self, part: str = "") -> str:
        """The name of the object type, or of the type of a part of it, such as `bool_exp`."""
        return self.table.type(part)


Roots = Mapping[str, tuple[RootKind, TableView]]
FunctionRoots = Mapping[str, tuple[FunctionRootKind, TrackedFunction, TableView]]


class RoleSchema:
    """All that a role may read.

    Attributes:
        roots: the fields of `query_root` and of `subscription_root` that read tables.
        functions: the fields of both that call functions.
        naming: how these are called, and where they stand.
    """

    def __init__(self, model: Model, role: str, granted: RoleGrants, *, infer_functions: bool = True) -> None:
        """Lay a role's grants over the model; the role `admin` needs none.

        Args:
            infer_functions: whether the permission on a table is one for the functions that return its rows.
        """
        self.role = role
        self.naming = model.naming
        is_admin = role == ADMIN
        grants = {key: _everything(table) for key, table in model.tables.items()} if is_admin else granted.tables
        visible = {key: table for key, table in model.tables.items() if key in grants}
        self.views: dict[TableKey, TableView] = {key: _view(table, grants[key], visible) for key, table in visible.items()}
        self.roots: Mapping[OperationKind, Roots] = {
            "query": self._roots({key: grant.query_roots for key, grant in grants.items()}, QUERY_KINDS),
            "subscription": self._roots({key: grant.subscription_roots for key, grant in grants.items()}, SUBSCRIPTION_KINDS),
        }
        callable_ = [item for item in model.functions if infer_functions or is_admin or item.roles & granted.lineage]
        self.functions = self._function_roots(callable_)

    def target(self, relationship: Relationship) -> TableView:
        """The view that a visible relationship leads to."""
        return self.views[relationship.target]

    def _roots(self, allowed: Mapping[TableKey, frozenset[str] | None], kinds: tuple[RootKind, ...]) -> Roots:
        roots: dict[str, tuple[RootKind, TableView]] = {}
        for key, view in self.views.items():
            for kind in _root_kinds(view, allowed[key], kinds):
                roots[view.table.roots[kind]] = (kind, view)
        return roots

    def _function_roots(self, functions: list[TrackedFunction]) -> FunctionRoots:
        roots: dict[str, tuple[FunctionRootKind, TrackedFunction, TableView]] = {}
        for function in functions:
            target = self.views.get(function.table)
            if target is not None:
                roots[function.roots["function"]] = ("function", function, target)
                if function.function.many and target.aggregations:
                    roots[function.roots["function_aggregate"]] = ("function_aggregate", function, target)
        return roots


def _everything(table: Table) -> Grant:
    columns = frozenset(column.name for column in table.columns.values())
    return Grant(columns=columns, filter=plan.TRUE, aggregations=True, computed=frozenset(table.computed))


def _view(table: Table, grant: Grant, visible: Mapping[TableKey, Table]) -> TableView:
    columns = {
        field: replace(column, shown=grant.cells[column.name]) if column.name in grant.cells else column
        for field, column in table.columns.items()
        if column.name in grant.columns
    }
    relationships = {name: item for name, item in table.relationships.items() if item.target in visible}
    computed = {
        name: replace(item, shown=grant.computed_cells.get(name))
        for name, item in table.computed.items()
        if (name in grant.computed if item.function.table is None else item.function.table in visible)
    }
    return TableView(table, columns, relationships, computed, grant.filter, grant.limit, grant.aggregations)


def _root_kinds(view: TableView, allowed: frozenset[str] | None, kinds: tuple[RootKind, ...]) -> list[RootKind]:
    selectable = {column.name for column in view.columns.values()}
    possible: dict[RootKind, bool] = {
        "select": True,
        "select_by_pk": bool(view.table.primary_key) and selectable.issuperset(view.table.primary_key),
        "select_aggregate": view.aggregations,
        "select_stream": bool(view.columns),
    }
    return [kind for kind in kinds if possible[kind] and (allowed is None or kind in allowed)]
