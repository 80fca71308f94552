"""The resolved plan: what to read, with every name already looked up and every permission already in place.

Values only. Nothing here refers to the document, to a role or to SQL text; `resolving.py` makes these and `emitting.py`
turns them into one statement. Parameters are `Value`s: a source, an encoder and the type that the text is cast to.
"""

from dataclasses import dataclass
from typing import Literal

from towpath_read_engine.function_entries import FunctionKey
from towpath_read_engine.inputs import Constant, Source
from towpath_read_engine.model import Column, Link, Table
from towpath_read_engine.scalars import Encoder, PgType


@dataclass(frozen=True, slots=True)
class SessionVariable:
    """A parameter's source: a session variable by its lower-case name."""

    name: str


@dataclass(frozen=True, slots=True)
class SessionList:
    """A parameter's source: a list with session variables among its items."""

    items: tuple[SessionVariable | Constant, ...]


@dataclass(frozen=True, slots=True)
class SessionVariables:
    """A parameter's source: all session variables, the role among them, as an object."""


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter.

    Attributes:
        type: what PostgreSQL reads the text as (of an item, when `many`).
        many: whether the parameter is an array of that type.
        path: the place in the document, for errors.
    """

    source: Source | SessionVariable | SessionVariables | SessionList
    encoder: Encoder
    type: PgType
    path: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Null:
    """A null of a type, as an argument."""

    type: PgType


@dataclass(frozen=True, slots=True)
class WholeRow:
    """The row that a call stands in, as an argument."""


CallArgument = Value | Null | WholeRow


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function; arguments after one that is left to its default are given by name."""

    key: FunctionKey
    placed: tuple[CallArgument, ...]
    named: tuple[tuple[str, CallArgument], ...] = ()


@dataclass(frozen=True, slots=True)
class Called:
    """The rows of a table that a function returns; `many` whether it returns a set."""

    table: Table
    call: Call
    many: bool


Origin = Table | Called
"""Where rows come from."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A constant condition."""

    value: bool


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one holds."""

    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """It does not hold."""

    item: "Condition"


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that a function makes of the row; `shown` as for a column."""

    name: str
    type: PgType
    call: Call
    shown: "Condition | None" = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over rows of another table that are joined by `link` to this one. No columns means rows; several columns are one
    row for `count`, and arguments for other functions."""

    table: Table
    link: Link
    where: "Condition"
    function: str
    columns: tuple[Column, ...]
    distinct: bool
    type: PgType


@dataclass(frozen=True, slots=True)
class Cast:
    """A value as one of another type."""

    item: "Operand"
    type: PgType


Operand = Column | Computed | Aggregate | Cast
"""What is compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator value`; the operator is a template of `operators.py`, which has the values under these names.

    Attributes:
        box: a template of the same values that holds wherever the comparison does, never raises an error, and is served by an index.
    """

    column: Operand
    operator: str
    values: tuple[tuple[str, Value | Null], ...]
    box: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """`column operator other column`; `of_root` when the other belongs to the table the permission is for."""

    column: Column
    operator: str
    other: Column
    of_root: bool = False


@dataclass(frozen=True, slots=True)
class RowComparison:
    """`(columns) operator (values)`, the first column deciding, the next where it is equal, and so on; `<` or `>`."""

    columns: tuple[Column, ...]
    operator: Literal["<", ">"]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class NullTest:
    """`column is [not] null`."""

    column: Operand
    is_null: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """Some row of another table, joined by `link` to this one (or by nothing), satisfies the condition."""

    table: Origin
    link: Link
    where: "Condition"


@dataclass(frozen=True, slots=True)
class Rooted:
    """A row permission: column comparisons `of_root` inside it mean the table that it stands at."""

    item: "Condition"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A condition that is tried on no row but those that satisfy `rows`; see `guarding.py`."""

    rows: "Condition"
    item: "Condition"


def comparison(column: Operand, operator: str, value: Value | Null, box: str | None = None) -> Comparison:
    """The comparison with one value."""
    return Comparison(column, operator, (("value", value),), box)


Condition = Truth | Every | Some | Negation | Comparison | ColumnComparison | RowComparison | NullTest | Exists | Rooted | Guarded

TRUE, FALSE = Truth(value=True), Truth(value=False)


def every(*items: Condition) -> Condition:
    """The conjunction, constants folded."""
    return _combine(items, neutral=True)


def some(*items: Condition) -> Condition:
    """The disjunction, constants folded."""
    return _combine(items, neutral=False)


def negation(item: Condition) -> Condition:
    """The negation, constants folded."""
    return Truth(not item.value) if isinstance(item, Truth) else Negation(item)


def _combine(items: tuple[Condition, ...], *, neutral: bool) -> Condition:
    kept: list[Condition] = []
    for item in items:
        if isinstance(item, Truth):
            if item.value is not neutral:
                return item
        elif isinstance(item, Every) and neutral:
            kept.extend(item.items)
        else:
            kept.append(item)
    if len(kept) == 1:
        return kept[0]
    if not kept:
        return Truth(neutral)
    return Every(tuple(kept)) if neutral else Some(tuple(kept))


@dataclass(frozen=True, slots=True)
class Hop:
    """A step over a relationship while ordering; `where` is the far table's row permission."""

    table: Origin
    link: Link
    where: Condition
    at_most_one: bool


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What to sort by: a column, or an aggregate (`function`) over the rows that the last hop leads to.

    Attributes:
        column: absent for `count` only.
        direction: `asc` or `desc`.
        nulls: `first` or `last`.
    """

    hops: tuple[Hop, ...]
    column: Column | Computed | None
    function: str | None
    direction: Literal["asc", "desc"]
    nulls: Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class Rows:
    """A set of rows of one table, joined by `link` to the row above (empty at a root).

    `ceiling`, where there is one, is a constant that limit and offset together do not exceed. With it the planner can settle on one plan
    for all values, so only rows without a condition of the request's own have it: for those a value may call for another plan.
    With `ties` the rows that sort as the last one does come along, however many there are.
    """

    table: Origin
    link: Link
    where: Condition
    order: tuple[OrderKey, ...] = ()
    distinct: tuple[Column, ...] = ()
    limits: tuple[Value, ...] = ()
    offset: Value | None = None
    ceiling: int | None = None
    ties: bool = False


@dataclass(frozen=True, slots=True)
class TypenameField:
    """`__typename`."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class ColumnField:
    """A column or a computed value, or a part of a JSON one."""

    key: str
    column: Column | Computed
    json_path: Value | None = None


@dataclass(frozen=True, slots=True)
class ObjectField:
    """One row or null. `limited` when the join alone does not guarantee a single row."""

    key: str
    table: Origin
    link: Link
    where: Condition
    fields: tuple["RowField", ...]
    limited: bool


@dataclass(frozen=True, slots=True)
class ListField:
    """Rows as a list."""

    key: str
    rows: Rows
    fields: tuple["RowField", ...]


@dataclass(frozen=True, slots=True)
class AggregateColumn:
    """`max { column }` and its kin."""

    key: str
    column: Column | Computed


@dataclass(frozen=True, slots=True)
class Operation:
    """One aggregate function over several columns."""

    key: str
    function: str
    fields: tuple[AggregateColumn | TypenameField, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """`count`; no columns means rows."""

    key: str
    columns: tuple[Column, ...]
    distinct: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The `aggregate` part."""

    key: str
    fields: tuple[Count | Operation | TypenameField, ...]


@dataclass(frozen=True, slots=True)
class AggregateField:
    """`t_aggregate`. Lists among `parts` are its `nodes`, with the role's row limit applied."""

    key: str
    rows: Rows
    parts: tuple[Totals | ListField | TypenameField, ...]


RowField = ColumnField | TypenameField | ObjectField | ListField | AggregateField
RowsField = ObjectField | ListField | AggregateField


@dataclass(frozen=True, slots=True)
class NamespaceField:
    """The root field under which the others stand."""

    key: str
    fields: tuple[RowsField | TypenameField, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One turn of a stream: the next rows in the order of a cursor, and the place after them.

    Attributes:
        rows: its sort keys are what a place is made of.
        namespace: the root field that the list stands under, if there is one.
    """

    key: str
    rows: Rows
    fields: tuple["RowField", ...]
    namespace: str | None = None


RootField = TypenameField | NamespaceField | RowsField
