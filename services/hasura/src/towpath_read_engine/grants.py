"""What each role may read of each table: select permissions compiled, and inherited roles put together from their parents.

An inherited role sees the rows that some parent sees. A column that not every parent shows has a value only in rows where a
parent that has the column shows it, and is null elsewhere. A permission of its own on a table replaces what it would inherit.
A permission that cannot be compiled is no permission, and is named in the inconsistencies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from towpath_read_engine import plan
from towpath_read_engine.errors import MetadataError
from towpath_read_engine.metadata import PermissionEntry, TableKey
from towpath_read_engine.model import Inconsistency, Model, Table
from towpath_read_engine.permissions import FilterCompiler


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role may read of a table.

    Attributes:
        columns: by their names in the database.
        filter: the rows.
        limit: rows at most, None for no limit.
        query_roots: kinds of root fields, None for every kind.
        subscription_roots: the same for subscriptions.
        computed: computed fields that are scalars; those that are rows belong to the table they are of.
        cells: for a column that not every visible row shows, the rows that do; `computed_cells` the same for computed fields.
    """

    columns: frozenset[str]
    filter: plan.Condition
    limit: int | None = None
    aggregations: bool = False
    query_roots: frozenset[str] | None = None
    subscription_roots: frozenset[str] | None = None
    cells: Mapping[str, plan.Condition] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    computed_cells: Mapping[str, plan.Condition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoleGrants:
    """What a role may read.

    Attributes:
        tables: what of each table.
        lineage: the role and all that it inherits from: whoever of them may call a function, the role may.
    """

    tables: Mapping[TableKey, Grant] = field(default_factory=dict)
    lineage: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grants:
    """Every role's grants, and the permissions that make no sense."""

    by_role: Mapping[str, RoleGrants]
    inconsistencies: tuple[Inconsistency, ...] = ()


def compile_grants(model: Model, inherited: Mapping[str, Sequence[str]]) -> Grants:
    """Compile the permissions of all roles, inherited ones included."""
    problems: list[Inconsistency] = []
    own: dict[str, dict[TableKey, Grant]] = {}
    for table in model.tables.values():
        for role, permission in table.permissions.items():
            grant = _own(model, table, role, permission, problems)
            if grant is not None:
                own.setdefault(role, {})[table.key] = grant
    heirs = _Heirs(own, inherited, problems)
    return Grants({role: heirs.of(role, ()) for role in (*own, *inherited)}, tuple(problems))


def _own(model: Model, table: Table, role: str, permission: PermissionEntry, problems: list[Inconsistency]) -> Grant | None:
    def report(reason: str) -> None:
        definition = {"table": {"schema": table.key.schema, "name": table.key.name}, "role": role}
        problems.append(Inconsistency("select_permission", f"select permission of role {role} on table {table.key}", reason, definition))

    if permission.computed_fields - table.computed.keys():
        missing = ", ".join(sorted(permission.computed_fields - table.computed.keys()))
        report(f"role {role} on {table.key} names computed fields that do not exist: {missing}")
    existing = frozenset(column.name for column in table.columns.values())
    columns = existing if permission.columns is None else permission.columns
    if columns - existing:
        report(f"role {role} on {table.key} names columns that do not exist: {', '.join(sorted(columns - existing))}")
    try:
        rows = FilterCompiler(model.tables, table).compile(permission.filter)
    except MetadataError as error:
        report(str(error))
        return None
    return Grant(
        columns=columns & existing,
        filter=rows,
        limit=permission.limit,
        aggregations=permission.allow_aggregations,
        query_roots=permission.query_root_fields,
        subscription_roots=permission.subscription_root_fields,
        computed=permission.computed_fields & table.computed.keys(),
    )


class _Heirs:
    """Resolves inherited roles, which may be made of inherited roles."""

    def __init__(
        self, own: Mapping[str, Mapping[TableKey, Grant]], inherited: Mapping[str, Sequence[str]], problems: list[Inconsistency]
    ) -> None:
        self._own = own
        self._inherited = inherited
        self._problems = problems
        self._done: dict[str, RoleGrants] = {}

    def of(self, role: str, below: tuple[str, ...]) -> RoleGrants:
        """The grants of a role; `below` are the roles that are being put together from it."""
        if role in below:
            definition = {"role_name": role, "role_set": list(self._inherited[role])}
            self._problems.append(Inconsistency("inherited_role", f"inherited role {role}", f"role {role} inherits itself", definition))
            return RoleGrants()
        if role not in self._done:
            mine = self._own.get(role, {})
            parents = [self.of(parent, (*below, role)) for parent in self._inherited.get(role, ())]
            tables = {key for parent in parents for key in parent.tables} - mine.keys()
            merged = {key: _merged([parent.tables[key] for parent in parents if key in parent.tables]) for key in tables}
            lineage = frozenset({role}).union(*(parent.lineage for parent in parents))
            self._done[role] = RoleGrants({**mine, **merged}, lineage)
        return self._done[role]


def _merged(grants: list[Grant]) -> Grant:
    rows = plan.some(*(grant.filter for grant in grants))
    columns, cells = _shown([(grant.filter, grant.columns, grant.cells) for grant in grants], rows)
    computed, computed_cells = _shown([(grant.filter, grant.computed, grant.computed_cells) for grant in grants], rows)
    limits = [grant.limit for grant in grants]
    return Grant(
        columns=columns,
        filter=rows,
        limit=None if None in limits else max(limit for limit in limits if limit is not None),
        aggregations=any(grant.aggregations for grant in grants),
        query_roots=_either([grant.query_roots for grant in grants]),
        subscription_roots=_either([grant.subscription_roots for grant in grants]),
        cells=cells,
        computed=computed,
        computed_cells=computed_cells,
    )


def _shown(
    parts: list[tuple[plan.Condition, frozenset[str], Mapping[str, plan.Condition]]], rows: plan.Condition
) -> tuple[frozenset[str], dict[str, plan.Condition]]:
    """All names of some parents' fields, and the rows that show those which not every one of the `rows` shows."""
    names = frozenset[str]().union(*(own for _, own, _ in parts))
    cells: dict[str, plan.Condition] = {}
    for name in names:
        shown = plan.some(*(plan.every(where, hidden.get(name, plan.TRUE)) for where, own, hidden in parts if name in own))
        if shown != rows:
            cells[name] = shown
    return names, cells


def _either(roots: list[frozenset[str] | None]) -> frozenset[str] | None:
    return None if None in roots else frozenset[str]().union(*(item for item in roots if item is not None))
