"""Conditions to SQL fragments.

Every condition comes out with its own parentheses, so how it is combined cannot change its meaning.
"""

from towpath_read_engine import plan
from towpath_read_engine.emit_values import call, home_of, origin, parameter, type_name, whole_row
from towpath_read_engine.model import Column, Link
from towpath_read_engine.sql import EMPTY, Fragment, identifier, join, sql


def operand(alias: str, item: plan.Operand, root: str | None = None) -> Fragment:
    """A value of a row as the role may see it: null in rows that do not show it. `root` as for `condition`."""
    match item:
        case plan.Aggregate():
            return _aggregate(item, alias, root or alias)
        case plan.Cast(item=inner, type=type_):
            return sql("({value})::{type}", value=operand(alias, inner, root), type=type_name(type_))
        case plan.Computed():
            value = call(item.call, whole_row(alias))
        case _:
            value = identifier(alias, item.name)
    if item.shown is None:
        return value
    return sql("(case when {shown} then {value} end)", shown=condition(item.shown, alias, alias), value=value)


def aggregated(function: str, items: tuple[plan.Operand, ...], alias: str, *, distinct: bool = False) -> Fragment:
    """An aggregate function over values of the rows of an alias; over the rows themselves when there are none."""
    if not items:
        return sql("count(*)")
    listed = join(", ", [operand(alias, item) for item in items])
    arguments = sql("({listed})", listed=listed) if function == "count" and len(items) > 1 else listed
    return sql(f"{function}({{distinct}}{{arguments}})", distinct=sql("distinct ") if distinct else EMPTY, arguments=arguments)


def link_condition(link: Link, near: str, far: str) -> list[Fragment]:
    """The equalities that join a far row to a near one."""
    return [sql("{far} = {near}", far=identifier(far, there), near=identifier(near, here)) for here, there in link]


def presence(table: plan.Origin, alias: str) -> list[Fragment]:
    """That the rows of an alias are rows: a function that returns none as one row gives a row of nulls."""
    if isinstance(table, plan.Called) and not table.many:
        return [sql("not ({t} is null)", t=identifier(alias))]
    return []


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
        case plan.NullTest(column=column, is_null=is_null):
            return sql(f"({{column}} is {'' if is_null else 'not '}null)", column=operand(alias, column, root))
        case plan.Comparison():
            return _comparison(item, alias, root)
        case plan.ColumnComparison():
            other = identifier(root if item.of_root else alias, item.other.name)
            return sql(f"({item.operator})", column=identifier(alias, item.column.name), value=other, **home_of(item.column.type))
        case plan.RowComparison():
            return _row_comparison(item, alias, root)
        case plan.Exists():
            return _exists(item, alias, root)
        case plan.Guarded(rows=rows, item=inner):
            return sql("(case when {rows} then {inner} end)", rows=condition(rows, alias, root), inner=condition(inner, alias, root))


def _comparison(item: plan.Comparison, alias: str, root: str) -> Fragment:
    values = {name: parameter(value) for name, value in item.values}
    return sql(f"({item.operator})", column=operand(alias, item.column, root), **values, **home_of(item.column.type))


def _row_comparison(item: plan.RowComparison, alias: str, root: str) -> Fragment:
    """PostgreSQL's own form has one operator for all columns; where an extension has its own, the comparison is written out."""
    if not any(column.type.has_own_order for column in item.columns):
        columns = join(", ", [operand(alias, column, root) for column in item.columns])
        values = join(", ", [parameter(value) for value in item.values])
        return sql(f"(({{columns}}) {item.operator} ({{values}}))", columns=columns, values=values)

    def compared(column: Column, value: plan.Value, symbol: str) -> Fragment:
        template = f"operator({{home}}.{symbol})" if column.type.has_own_order else symbol
        known = home_of(column.type)
        return sql(f"({{column}} {template} {{value}})", column=operand(alias, column, root), value=parameter(value), **known)

    *before, (column, value) = zip(item.columns, item.values, strict=True)
    made = compared(column, value, item.operator)
    for column, value in reversed(before):
        beyond, from_here = compared(column, value, item.operator), compared(column, value, f"{item.operator}=")
        made = sql("({from_here} and ({beyond} or {further}))", from_here=from_here, beyond=beyond, further=made)
    return made


def _exists(item: plan.Exists, alias: str, root: str) -> Fragment:
    return sql("exists (select 1{rows})", rows=_far_rows(item, alias, _inner(alias), root))


def _aggregate(item: plan.Aggregate, alias: str, root: str) -> Fragment:
    inner = _inner(alias)
    value = aggregated(item.function, item.columns, inner, distinct=item.distinct)
    return sql("(select {value}{rows})", value=value, rows=_far_rows(item, alias, inner, root))


def _inner(alias: str) -> str:
    """An alias for rows looked up from those of another: it counts the depth, so it is new within every alias around it."""
    base, _, depth = alias.partition(".")
    return f"{base}.{int(depth or 0) + 1}"


def _far_rows(item: plan.Exists | plan.Aggregate, alias: str, inner: str, root: str) -> Fragment:
    """FROM and WHERE of the rows that belong to the row of an alias."""
    parts = link_condition(item.link, alias, inner) + presence(item.table, inner)
    if item.where != plan.TRUE:
        parts.append(condition(item.where, inner, root))
    where = sql(" where {all}", all=join(" and ", parts)) if parts else EMPTY
    return sql(" from {table} as {t}{where}", table=origin(item.table, whole_row(alias)), t=identifier(inner), where=where)
