"""From the plan to one SQL statement whose single value is the answer's `data`.

Shape of the statement: every object is a row of a sub-select, made JSON by PostgreSQL (`row_to_json`, `json_agg`), so column
names are response names and no key is ever spelled in a string. A list with sorting or limits first picks its rows in an
inner select of just the needed columns, and only then joins and makes JSON. Objects are lateral joins, which the planner
can flatten into plain joins; lists and aggregates are scalar sub-selects. Our own aliases hold a `$`, which no GraphQL name
can, so they never meet a column or a response name.
"""

from collections.abc import Callable
from itertools import count

from towpath_read_engine import plan
from towpath_read_engine.emit_conditions import condition, link_condition, shown_column
from towpath_read_engine.emit_values import origin, parameter
from towpath_read_engine.model import Column, Link
from towpath_read_engine.sql import EMPTY, Fragment, Identifier, NameLiteral, NumberLiteral, Statement, identifier, join, render, sql


def emit(fields: tuple[plan.RootField, ...], *, stringify_numeric: bool = False) -> Statement:
    """The statement for the root fields of an operation."""
    return render(_Emitter(stringify_numeric=stringify_numeric).statement(fields))


_STRINGIFIED = frozenset({"int8", "numeric", "float8", "money"})


class _Emitter:
    def __init__(self, *, stringify_numeric: bool) -> None:
        self._numbers = count(1)
        self._stringify = stringify_numeric

    def _alias(self, letter: str) -> str:
        return f"{letter}${next(self._numbers)}"

    def statement(self, fields: tuple[plan.RootField, ...]) -> Fragment:
        outputs: list[Fragment] = []
        for field in fields:
            match field:
                case plan.TypenameField():
                    value = _typename(field)
                case plan.ObjectField():
                    value = sql("({object})", object=self._object(field, ""))
                case plan.ListField():
                    value = self._list(field, "")
                case plan.AggregateField():
                    value = self._aggregate(field, "")
            outputs.append(_named(value, field.key))
        return self._row_json(_select(outputs, EMPTY))

    def _row_json(self, row: Fragment) -> Fragment:
        alias = identifier(self._alias("r"))
        return sql("select row_to_json({r}) from ({row}) as {r}", r=alias, row=row)

    def _object(self, field: plan.ObjectField, above: str) -> Fragment:
        """A select of at most one JSON object."""
        alias = self._alias("t")
        where = _where(above, alias, field.link, field.where, maybe_empty=isinstance(field.table, plan.Called) and not field.table.many)
        outputs, joins = self._outputs(field.fields, alias)
        tail = sql("\nfrom {table} as {t}{joins}{where}", table=origin(field.table, None), t=identifier(alias), joins=joins, where=where)
        row = self._row_json(_select(outputs, tail))
        return sql("{row} limit 1", row=row) if field.limited else row

    def _list(self, field: plan.ListField, above: str) -> Fragment:
        row = identifier(self._alias("r"))
        rows = self._rows_with(field, above)
        return sql("(select coalesce(json_agg({r}), '[]') from ({rows}) as {r})", r=row, rows=rows)

    def _rows_with(self, field: plan.ListField, above: str) -> Fragment:
        rows = field.rows
        if not (rows.order or rows.distinct or rows.limits or rows.offset):
            alias = self._alias("t")
            outputs, joins = self._outputs(field.fields, alias)
            return _select(outputs, self._from(rows, alias, above, joins))
        alias = self._alias("b")
        outputs, joins = self._outputs(field.fields, alias)
        base, order = self._base(rows, above, _needed(field.fields), alias)
        # A join may lose the order of the inner select, so it is named again; the planner sees when it is there already.
        again = order if joins is not EMPTY else EMPTY
        return _select(outputs, sql("\nfrom ({base}) as {b}{joins}{order}", base=base, b=identifier(alias), joins=joins, order=again))

    def _from(self, rows: plan.Rows, alias: str, above: str, joins: Fragment) -> Fragment:
        where = _where(above, alias, rows.link, rows.where)
        return sql("\nfrom {table} as {t}{joins}{where}", table=origin(rows.table, None), t=identifier(alias), joins=joins, where=where)

    def _base(self, rows: plan.Rows, above: str, needed: list[str], outer: str) -> tuple[Fragment, Fragment]:
        """The inner select that picks the rows, and the ORDER BY that says the same of its output."""
        alias = self._alias("t")
        # PostgreSQL refuses DISTINCT ON with nothing selected.
        names = dict.fromkeys([*needed, *(column.name for column in rows.distinct)])
        outputs: list[Fragment] = [_column(alias, name) for name in names]
        joins: list[Fragment] = []
        keys: list[Fragment] = []
        again: list[Fragment] = []
        for key in rows.order:
            name = f"o${len(keys) + 1}"
            expression = self._order_expression(key, alias, joins)
            outputs.append(sql("{value} as {name}", value=expression, name=identifier(name)))
            keys.append(_sorted(expression, key))
            again.append(_sorted(identifier(outer, name), key))
        distinct = (
            sql(" distinct on ({columns})", columns=join(", ", [shown_column(alias, c) for c in rows.distinct])) if rows.distinct else EMPTY
        )
        limit = _limit(rows.limits)
        if rows.offset:
            limit = sql("{limit} offset {n}", limit=limit, n=parameter(rows.offset))
        base = sql(
            "select{distinct} {outputs}{tail}{order}{limit}",
            distinct=distinct,
            outputs=join(", ", outputs),
            tail=self._from(rows, alias, above, join(" ", joins)),
            order=_order_by(keys),
            limit=limit if rows.ceiling is None else sql(" limit {n}", n=NumberLiteral(rows.ceiling)),
        )
        if rows.ceiling is not None:
            # Of a limit that is a parameter the planner thinks the worst, and so plans each call anew; a constant it believes.
            cut = self._alias("c")
            sorted_ = _order_by([_sorted(identifier(cut, f"o${i}"), key) for i, key in enumerate(rows.order, 1)])
            base = sql("select *\nfrom ({base}) as {cut}{order}{limit}", base=base, cut=identifier(cut), order=sorted_, limit=limit)
        return base, _order_by(again)

    def _order_expression(self, key: plan.OrderKey, alias: str, joins: list[Fragment]) -> Fragment:
        if not key.hops:
            assert key.column is not None
            return shown_column(alias, key.column)
        name = self._alias("j")
        value = identifier("v$")
        inner = self._order_hops(key, key.hops, alias, value)
        joins.append(sql("\nleft join lateral ({inner}) as {j} on true", inner=inner, j=identifier(name)))
        return identifier(name, "v$")

    def _order_hops(self, key: plan.OrderKey, hops: tuple[plan.Hop, ...], above: str, value: Identifier) -> Fragment:
        hop, rest = hops[0], hops[1:]
        alias = self._alias("t")
        where = _where(above, alias, hop.link, hop.where)
        joins: Fragment = EMPTY
        if rest:
            name = self._alias("j")
            inner = self._order_hops(key, rest, alias, value)
            joins = sql("\nleft join lateral ({inner}) as {j} on true", inner=inner, j=identifier(name))
            expression: Fragment = identifier(name, "v$")
        elif key.function is not None:
            expression = _aggregated(key.function, () if key.column is None else (key.column,), alias)
        else:
            assert key.column is not None
            expression = shown_column(alias, key.column)
        limit = EMPTY if hop.at_most_one or (key.function is not None and not rest) else sql(" limit 1")
        return sql(
            "select {value} as {name}\nfrom {table} as {t}{joins}{where}{limit}",
            value=expression,
            name=value,
            table=origin(hop.table, None),
            t=identifier(alias),
            joins=joins,
            where=where,
            limit=limit,
        )

    def _outputs(self, fields: tuple[plan.RowField, ...], alias: str) -> tuple[list[Fragment], Fragment]:
        """The output columns of a row, and the joins that they need."""
        outputs: list[Fragment] = []
        joins: list[Fragment] = []
        for field in fields:
            match field:
                case plan.TypenameField():
                    value = _typename(field)
                case plan.ColumnField():
                    value = self._column_value(field, alias)
                case plan.ListField():
                    value = self._list(field, alias)
                case plan.AggregateField():
                    value = self._aggregate(field, alias)
                case plan.ObjectField():
                    name = self._alias("j")
                    inner = sql("({object}) as {j} ({v})", object=self._object(field, alias), j=identifier(name), v=identifier("v$"))
                    joins.append(sql("\nleft join lateral {inner} on true", inner=inner))
                    value = identifier(name, "v$")
            outputs.append(_named(value, field.key))
        return outputs, join("", joins) if joins else EMPTY

    def _column_value(self, field: plan.ColumnField, alias: str) -> Fragment:
        value = shown_column(alias, field.column)
        if field.json_path is not None:
            value = sql("{value} #> {path}", value=value, path=parameter(field.json_path))
        return self._shown(value, field.column)

    def _shown(self, value: Fragment, column: Column) -> Fragment:
        if self._stringify and column.type.element is None and column.type.base in _STRINGIFIED:
            return sql("({value})::text", value=value)
        return value

    def _aggregate(self, field: plan.AggregateField, above: str) -> Fragment:
        outputs: list[Fragment] = []
        for part in field.parts:
            match part:
                case plan.TypenameField():
                    value = _typename(part)
                case plan.ListField():
                    value = self._list(part, above)
                case plan.Totals():
                    value = self._totals(part, field.rows, above)
            outputs.append(_named(value, part.key))
        return sql("({row})", row=self._row_json(_select(outputs, EMPTY)))

    def _totals(self, totals: plan.Totals, rows: plan.Rows, above: str) -> Fragment:
        """One flat select of all aggregates, then their shape around it."""
        alias = self._alias("t")
        flat_name = self._alias("f")
        flat: list[Fragment] = []

        def slot(value: Fragment) -> Fragment:
            name = f"a${len(flat) + 1}"
            flat.append(sql("{value} as {name}", value=value, name=identifier(name)))
            return identifier(flat_name, name)

        outputs = [_named(self._total(field, alias, slot), field.key) for field in totals.fields]
        if rows.distinct or rows.limits or rows.offset:
            base, _ = self._base(rows, above, _counted(totals), alias)
            source = sql("\nfrom ({base}) as {t}", base=base, t=identifier(alias))
        else:
            source = self._from(rows, alias, above, EMPTY)
        row = sql("{select}\nfrom ({flat}) as {f}", select=_select(outputs, EMPTY), flat=_select(flat, source), f=identifier(flat_name))
        return sql("({row})", row=self._row_json(row))

    def _total(self, field: plan.Count | plan.Operation | plan.TypenameField, alias: str, slot: Callable[[Fragment], Fragment]) -> Fragment:
        match field:
            case plan.TypenameField():
                return _typename(field)
            case plan.Count():
                return slot(_aggregated("count", field.columns, alias, distinct=field.distinct))
            case plan.Operation():
                outputs = []
                for item in field.fields:
                    if isinstance(item, plan.TypenameField):
                        outputs.append(_named(_typename(item), item.key))
                    else:
                        value = self._shown(_aggregated(field.function, (item.column,), alias), item.column)
                        outputs.append(_named(slot(value), item.key))
                return sql("({row})", row=self._row_json(_select(outputs, EMPTY)))


def _aggregated(function: str, columns: tuple[Column, ...], alias: str, *, distinct: bool = False) -> Fragment:
    if not columns:
        return sql("count(*)")
    listed = join(", ", [shown_column(alias, column) for column in columns])
    arguments = sql("({listed})", listed=listed) if len(columns) > 1 else listed
    return sql(f"{function}({{distinct}}{{arguments}})", distinct=sql("distinct ") if distinct else EMPTY, arguments=arguments)


def _needed(fields: tuple[plan.RowField, ...]) -> list[str]:
    """The names of the columns of a row that its fields read."""
    names: list[str] = []
    for field in fields:
        match field:
            case plan.ColumnField():
                names.extend(plan.columns_read(field.column))
            case plan.ObjectField():
                names.extend(near for near, _ in field.link)
            case plan.ListField() | plan.AggregateField():
                names.extend(near for near, _ in field.rows.link)
    return list(dict.fromkeys(names))


def _counted(totals: plan.Totals) -> list[str]:
    """The names of the columns that aggregates read."""
    names: list[str] = []
    for field in totals.fields:
        match field:
            case plan.Count():
                names.extend(name for column in field.columns for name in plan.columns_read(column))
            case plan.Operation():
                columns = [item.column for item in field.fields if isinstance(item, plan.AggregateColumn)]
                names.extend(name for column in columns for name in plan.columns_read(column))
    return list(dict.fromkeys(names))


def _column(alias: str, name: str) -> Identifier:
    return identifier(alias, name)


def _named(value: Fragment, key: str) -> Fragment:
    return sql("{value} as {key}", value=value, key=identifier(key))


def _typename(field: plan.TypenameField) -> Fragment:
    return sql("{name}::text", name=NameLiteral(field.name))


def _select(outputs: list[Fragment], tail: Fragment) -> Fragment:
    return sql("select {outputs}{tail}", outputs=join(", ", outputs), tail=tail)


def _where(above: str, alias: str, link: Link, where: plan.Condition, *, maybe_empty: bool = False) -> Fragment:
    """The WHERE of the rows of an alias; `maybe_empty` when a row of nulls stands for none."""
    parts = link_condition(link, above, alias)
    if maybe_empty:
        parts.append(sql("not ({t} is null)", t=identifier(alias)))
    if where != plan.TRUE:
        parts.append(condition(where, alias, alias))
    return sql("\nwhere {all}", all=join(" and ", parts)) if parts else EMPTY


def _sorted(value: Fragment, key: plan.OrderKey) -> Fragment:
    return sql(f"{{value}} {key.direction} nulls {key.nulls}", value=value)


def _order_by(keys: list[Fragment]) -> Fragment:
    return sql("\norder by {keys}", keys=join(", ", keys)) if keys else EMPTY


def _limit(limits: tuple[plan.Value, ...]) -> Fragment:
    if not limits:
        return EMPTY
    values: list[Fragment] = [parameter(value) for value in limits]
    return sql(" limit {n}", n=values[0]) if len(values) == 1 else sql(" limit least({all})", all=join(", ", values))
