"""The columns of a row that parts of a plan read, so that an inner select carries them to where they are shown."""

from towpath_read_engine import plan
from towpath_read_engine.model import Column, Link

ROW = "row$"
"""Stands for the whole row where the names of its columns are listed; no column that has a GraphQL name is called so."""


def columns_read(item: plan.Operand) -> list[str]:
    """The names of the columns of a row that decide what is shown."""
    match item:
        case Column():
            return [item.name, *_deciding(item.shown)]
        case plan.Computed():
            return [ROW, *_deciding(item.shown)]
        case plan.Cast(item=inner):
            return columns_read(inner)
        case plan.Aggregate():
            return [here for here, _ in item.link] + _row_columns(item.where, of_root_only=True)


def row_columns(table: plan.Origin, link: Link) -> list[str]:
    """The names of the columns of a row by which rows from elsewhere are found."""
    return [ROW] if isinstance(table, plan.Called) else [here for here, _ in link]


def _deciding(shown: plan.Condition | None) -> list[str]:
    return [] if shown is None else _row_columns(shown, of_root_only=False)


def _row_columns(item: plan.Condition, *, of_root_only: bool) -> list[str]:
    """The columns of the row itself that a condition reads; within EXISTS only permissions' comparisons with the root reach it."""
    match item:
        case plan.Truth():
            return []
        case plan.Every(items=items) | plan.Some(items=items):
            return [name for part in items for name in _row_columns(part, of_root_only=of_root_only)]
        case plan.Negation(item=inner):
            return _row_columns(inner, of_root_only=of_root_only)
        case plan.Rooted(item=inner):
            return [] if of_root_only else _row_columns(inner, of_root_only=False)
        case plan.Comparison(column=plan.Aggregate(where=where)) | plan.NullTest(column=plan.Aggregate(where=where)) if of_root_only:
            return _row_columns(where, of_root_only=True)
        case plan.Comparison(column=column) | plan.NullTest(column=column):
            return [] if of_root_only else columns_read(column)
        case plan.ColumnComparison(column=column, other=other):
            if of_root_only:
                return [other.name] if item.of_root else []
            return [column.name, other.name]
        case plan.RowComparison(columns=columns):
            return [] if of_root_only else [name for column in columns for name in columns_read(column)]
        case plan.Exists(table=table, link=link, where=where):
            near = [] if of_root_only else row_columns(table, link)
            return near + _row_columns(where, of_root_only=True)
        case plan.Guarded(rows=rows, item=inner):
            return _row_columns(rows, of_root_only=of_root_only) + _row_columns(inner, of_root_only=of_root_only)
