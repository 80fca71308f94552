"""Conditions to SQL fragments.

Every condition comes out with its own parentheses, so how it is combined cannot change its meaning.
"""

from towpath_read_engine import plan
from towpath_read_engine.emit_values import parameter
from towpath_read_engine.model import Column, Link
from towpath_read_engine.sql import Fragment, identifier, join, sql


def shown_column(alias: str, column: Column) -> Fragment:
    """A column as the role may see it: null in rows that do not show it."""
    value = identifier(alias, column.name)
    if column.shown is None:
        return value
    return sql("(case when {shown} then {value} end)", shown=condition(column.shown, alias, alias), value=value)


def link_condition(link: Link, near: str, far: str) -> list[Fragment]:
    """The equalities that join a far row to a near one."""
    return [sql("{far} = {near}", far=identifier(far, there), near=identifier(near, here)) for here, there in link]


def condition(item: plan.Condition, alias: str, root: str) -> Fragment:
    """A condition on the rows of `alias`; `root` is what permission comparisons `of_root` mean."""
    match item:
        case plan.Truth(value=value):
            return sql("true") if value else sql("false")
        case plan.Every(items=items):
            return sql("({all})", all=join(" and ", [condition(part, alias, root) for part in items]))
        case plan.Some(items=items):
            return sql("({any})", any=join(" or ", [condition(part, alias, root) for part in items]))
        case plan.Negation(item=inner):
            return sql("(not {inner})", inner=condition(inner, alias, root))
        case plan.Rooted(item=inner):
            return condition(inner, alias, alias)
        case plan.NullTest(column=column, is_null=True):
            return sql("({column} is null)", column=shown_column(alias, column))
        case plan.NullTest(column=column):
            return sql("({column} is not null)", column=shown_column(alias, column))
        case plan.Comparison():
            return _comparison(item, alias)
        case plan.ColumnComparison():
            other = identifier(root if item.of_root else alias, item.other.name)
            return sql(f"({item.operator})", column=identifier(alias, item.column.name), value=other)
        case plan.Exists():
            return _exists(item, alias, root)


def _comparison(item: plan.Comparison, alias: str) -> Fragment:
    column = shown_column(alias, item.column)
    if item.as_text:
        column = sql("({column})::text", column=column)
    return sql(f"({item.operator})", column=column, value=parameter(item.value))


def _exists(item: plan.Exists, alias: str, root: str) -> Fragment:
    """The inner alias counts the depth, so it is new within every alias around it."""
    base, _, depth = alias.partition(".")
    inner = f"{base}.{int(depth or 0) + 1}"
    parts = link_condition(item.link, alias, inner)
    if item.where != plan.TRUE:
        parts.append(condition(item.where, inner, root))
    table = identifier(item.table.key.schema, item.table.key.name)
    where = sql(" where {all}", all=join(" and ", parts)) if parts else sql("")
    return sql("exists (select 1 from {table} as {t}{where})", table=table, t=identifier(inner), where=where)
