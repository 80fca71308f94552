"""From the plan to one SQL statement whose single value is the answer's `data`.

Shape of the statement: every object is a row of a sub-select, made JSON by PostgreSQL (`row_to_json`, `json_agg`), so column
names are response names. Only an object with a name that PostgreSQL would cut is put together key by key. A list with
sorting or limits first picks its rows in an inner select of just the needed columns, and only then joins and makes JSON. Objects
are lateral joins, which the planner can flatten into plain joins; lists and aggregates are scalar sub-selects. Our own aliases
hold a `$`, which no GraphQL name can, so they never meet a column or a response name.
"""

from collections.abc import Callable, Sequence
from itertools import count

from towpath_read_engine import plan
from towpath_read_engine.emit_conditions import aggregated, condition, link_condition, operand, presence
from towpath_read_engine.emit_values import as_json, origin, parameter, whole_row
from towpath_read_engine.model import Link
from towpath_read_engine.needs import ROW, columns_read, row_columns
from towpath_read_engine.scalars import PgType
from towpath_read_engine.sql import EMPTY, Fragment, Identifier, NameLiteral, NumberLiteral, Statement, identifier, join, render, sql


def emit(fields: tuple[plan.RootField, ...], *, stringify_numeric: bool = False) -> Statement:
    """The statement for the root fields of an operation."""
    return render(_Emitter(stringify_numeric=stringify_numeric).statement(fields))


def emit_stream(stream: plan.Stream, *, stringify_numeric: bool = False) -> Statement:
    """The statement for one turn of a stream: the answer's `data`, and beside it `{"after": [...] or null, "rows": ..., "more": ...}`."""
    return render(_Emitter(stringify_numeric=stringify_numeric).stream(stream))


Output = tuple[str, Fragment]
"""A member of an object: its name in the answer, and its value."""

MAX_NAME_BYTES = 63
"""PostgreSQL cuts longer column names."""

_STRINGIFIED = frozenset({"int8", "numeric", "float8", "money"})


class _Emitter:
    def __init__(self, *, stringify_numeric: bool) -> None:
        self._numbers = count(1)
        self._stringify = stringify_numeric

    def _alias(self, letter: str) -> str:
        return f"{letter}${next(self._numbers)}"

    def statement(self, fields: Sequence[plan.RootField]) -> Fragment:
        outputs: list[Output] = []
        for field in fields:
            match field:
                case plan.TypenameField():
                    value = _typename(field)
                case plan.NamespaceField():
                    value = sql("({object})", object=self.statement(field.fields))
                case plan.ObjectField():
                    value = sql("({object})", object=self._object(field, ""))
                case plan.ListField():
                    value = self._list(field, "")
                case plan.AggregateField():
                    value = self._aggregate(field, "")
            outputs.append((field.key, value))
        return self._row_json(outputs, EMPTY)

    def stream(self, field: plan.Stream) -> Fragment:
        alias = self._alias("b")
        outputs, joins = self._outputs(field.fields, alias)
        base, order = self._base(field.rows, "", _needed(field.fields), alias)
        place: list[Fragment] = [sql("{key}::text", key=identifier(alias, f"o${i}")) for i, _ in enumerate(field.rows.order, 1)]
        turn, row, v, k = self._alias("s"), self._alias("r"), "v$", "k$"
        rows = sql(
            "select ({object}) as {v}, json_build_array({place}) as {k}\nfrom ({base}) as {b}{joins}{order}",
            object=self._row_json(outputs, EMPTY),
            v=identifier(v),
            place=join(", ", place),
            k=identifier(k),
            base=base,
            b=identifier(alias),
            joins=joins,
            order=order,
        )
        gathered = sql(
            "select coalesce(json_agg({v}), '[]') as {v_}, (array_agg({k}))[count(*)] as {k_}, count(*) as {n}\nfrom ({rows}) as {r}",
            v=identifier(row, v),
            v_=identifier(v),
            k=identifier(row, k),
            k_=identifier(k),
            n=identifier("n$"),
            rows=rows,
            r=identifier(row),
        )
        data: Output = (field.key, identifier(turn, v))
        if field.namespace is not None:
            data = (field.namespace, sql("({object})", object=self._row_json([data], EMPTY)))
        is_full = sql("{n} >= {limit}", n=identifier(turn, "n$"), limit=_least(field.rows.limits))
        after: list[Output] = [("after", identifier(turn, k)), ("rows", identifier(turn, "n$")), ("more", is_full)]
        return sql(
            "select ({data}), ({after})\nfrom ({gathered}) as {s}",
            data=self._row_json([data], EMPTY),
            after=self._row_json(after, EMPTY),
            gathered=gathered,
            s=identifier(turn),
        )

    def _row_json(self, outputs: list[Output], tail: Fragment) -> Fragment:
        """A select that gives each row as a JSON object."""
        if _has_long_name(outputs):
            return sql("select {object}{tail}", object=self._spelled(outputs), tail=tail)
        alias = identifier(self._alias("r"))
        return sql("select row_to_json({r}) from ({row}) as {r}", r=alias, row=_select(outputs, tail))

    def _spelled(self, outputs: list[Output]) -> Fragment:
        """An object put together key by key."""
        pairs: list[Fragment] = [sql("({key}::text, to_json({value}))", key=NameLiteral(key), value=value) for key, value in outputs]
        o, k, v = identifier(self._alias("o")), identifier("k$"), identifier("v$")
        return sql("(select json_object_agg({k}, {v}) from (values {pairs}) as {o} ({k}, {v}))", k=k, v=v, o=o, pairs=join(", ", pairs))

    def _object(self, field: plan.ObjectField, above: str) -> Fragment:
        """A select of at most one JSON object."""
        alias = self._alias("t")
        where = _where(above, alias, field.table, field.link, field.where)
        outputs, joins = self._outputs(field.fields, alias)
        row = self._row_json(outputs, _from(field.table, above, alias, joins, where))
        return sql("{row} limit 1", row=row) if field.limited else row

    def _list(self, field: plan.ListField, above: str) -> Fragment:
        row = identifier(self._alias("r"))
        outputs, tail = self._rows_with(field, above)
        if not _has_long_name(outputs):
            return sql("(select coalesce(json_agg({r}), '[]') from ({rows}) as {r})", r=row, rows=_select(outputs, tail))
        rows = sql("select {object} as {v}{tail}", object=self._spelled(outputs), v=identifier("v$"), tail=tail)
        return sql("(select coalesce(json_agg({r}.{v}), '[]') from ({rows}) as {r})", r=row, v=identifier("v$"), rows=rows)

    def _rows_with(self, field: plan.ListField, above: str) -> tuple[list[Output], Fragment]:
        """What each item of a list shows, and FROM and what follows it."""
        rows = field.rows
        if not (rows.order or rows.distinct or rows.limits or rows.offset):
            alias = self._alias("t")
            outputs, joins = self._outputs(field.fields, alias)
            return outputs, self._from(rows, alias, above, joins)
        alias = self._alias("b")
        outputs, joins = self._outputs(field.fields, alias)
        base, order = self._base(rows, above, _needed(field.fields), alias)
        # A join may lose the order of the inner select, so it is named again; the planner sees when it is there already.
        again = order if joins is not EMPTY else EMPTY
        return outputs, sql("\nfrom ({base}) as {b}{joins}{order}", base=base, b=identifier(alias), joins=joins, order=again)

    def _from(self, rows: plan.Rows, alias: str, above: str, joins: Fragment) -> Fragment:
        return _from(rows.table, above, alias, joins, _where(above, alias, rows.table, rows.link, rows.where))

    def _base(self, rows: plan.Rows, above: str, needed: list[str], outer: str) -> tuple[Fragment, Fragment]:
        """The inner select that picks the rows, and the ORDER BY that says the same of its output."""
        alias = self._alias("t")
        # PostgreSQL refuses DISTINCT ON with nothing selected.
        names = dict.fromkeys([*needed, *(column.name for column in rows.distinct)])
        outputs: list[Fragment] = [_carried(alias, name) for name in names]
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
            sql(" distinct on ({columns})", columns=join(", ", [operand(alias, c) for c in rows.distinct])) if rows.distinct else EMPTY
        )
        limit = _limit(rows.limits, ties=rows.ties)
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
            return operand(alias, key.column)
        name = self._alias("j")
        value = identifier("v$")
        inner = self._order_hops(key, key.hops, alias, value)
        joins.append(sql("\nleft join lateral ({inner}) as {j} on true", inner=inner, j=identifier(name)))
        return identifier(name, "v$")

    def _order_hops(self, key: plan.OrderKey, hops: tuple[plan.Hop, ...], above: str, value: Identifier) -> Fragment:
        hop, rest = hops[0], hops[1:]
        alias = self._alias("t")
        where = _where(above, alias, hop.table, hop.link, hop.where)
        joins: Fragment = EMPTY
        if rest:
            name = self._alias("j")
            inner = self._order_hops(key, rest, alias, value)
            joins = sql("\nleft join lateral ({inner}) as {j} on true", inner=inner, j=identifier(name))
            expression: Fragment = identifier(name, "v$")
        elif key.function is not None:
            expression = aggregated(key.function, () if key.column is None else (key.column,), alias)
        else:
            assert key.column is not None
            expression = operand(alias, key.column)
        limit = EMPTY if hop.at_most_one or (key.function is not None and not rest) else sql(" limit 1")
        rows = _from(hop.table, above, alias, joins, where)
        return sql("select {value} as {name}{rows}{limit}", value=expression, name=value, rows=rows, limit=limit)

    def _outputs(self, fields: tuple[plan.RowField, ...], alias: str) -> tuple[list[Output], Fragment]:
        """The members of a row's object, and the joins that they need."""
        outputs: list[Output] = []
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
            outputs.append((field.key, value))
        return outputs, join("", joins) if joins else EMPTY

    def _column_value(self, field: plan.ColumnField, alias: str) -> Fragment:
        value = operand(alias, field.column)
        if field.json_path is not None:
            value = sql("{value} #> {path}", value=value, path=parameter(field.json_path))
        return self._shown(value, field.column.type)

    def _shown(self, value: Fragment, type_: PgType) -> Fragment:
        if self._stringify and type_.element is None and type_.base in _STRINGIFIED:
            return sql("({value})::text", value=value)
        if self._stringify and type_.element is not None and type_.element.base in _STRINGIFIED:
            return sql("({value})::text[]", value=value)
        return as_json(value, type_)

    def _aggregate(self, field: plan.AggregateField, above: str) -> Fragment:
        outputs: list[Output] = []
        for part in field.parts:
            match part:
                case plan.TypenameField():
                    value = _typename(part)
                case plan.ListField():
                    value = self._list(part, above)
                case plan.Totals():
                    value = self._totals(part, field.rows, above)
            outputs.append((part.key, value))
        return sql("({row})", row=self._row_json(outputs, EMPTY))

    def _totals(self, totals: plan.Totals, rows: plan.Rows, above: str) -> Fragment:
        """One flat select of all aggregates, then their shape around it."""
        is_limited = bool(rows.distinct or rows.limits or rows.offset)
        alias = self._alias("b" if is_limited else "t")
        flat_name = self._alias("f")
        flat: list[Fragment] = []

        def slot(value: Fragment) -> Fragment:
            name = f"a${len(flat) + 1}"
            flat.append(sql("{value} as {name}", value=value, name=identifier(name)))
            return identifier(flat_name, name)

        outputs = [(field.key, self._total(field, alias, slot)) for field in totals.fields]
        if not flat:  # of no aggregate there would be one row for each row
            return sql("({row})", row=self._row_json(outputs, EMPTY))
        if is_limited:
            base, _ = self._base(rows, above, _counted(totals), alias)
            source = sql("\nfrom ({base}) as {t}", base=base, t=identifier(alias))
        else:
            source = self._from(rows, alias, above, EMPTY)
        select = sql("select {values}{source}", values=join(", ", flat), source=source)
        return sql("({row})", row=self._row_json(outputs, sql("\nfrom ({flat}) as {f}", flat=select, f=identifier(flat_name))))

    def _total(self, field: plan.Count | plan.Operation | plan.TypenameField, alias: str, slot: Callable[[Fragment], Fragment]) -> Fragment:
        match field:
            case plan.TypenameField():
                return _typename(field)
            case plan.Count():
                return slot(aggregated("count", field.columns, alias, distinct=field.distinct))
            case plan.Operation():
                outputs: list[Output] = []
                for item in field.fields:
                    if isinstance(item, plan.TypenameField):
                        outputs.append((item.key, _typename(item)))
                    else:
                        value = self._shown(aggregated(field.function, (item.column,), alias), item.column.type)
                        outputs.append((item.key, slot(value)))
                return sql("({row})", row=self._row_json(outputs, EMPTY))


def _needed(fields: tuple[plan.RowField, ...]) -> list[str]:
    """The names of the columns of a row that its fields read."""
    names: list[str] = []
    for field in fields:
        match field:
            case plan.ColumnField():
                names.extend(columns_read(field.column))
            case plan.ObjectField():
                names.extend(row_columns(field.table, field.link))
            case plan.ListField() | plan.AggregateField():
                names.extend(row_columns(field.rows.table, field.rows.link))
    return list(dict.fromkeys(names))


def _counted(totals: plan.Totals) -> list[str]:
    """The names of the columns that aggregates read."""
    names: list[str] = []
    for field in totals.fields:
        match field:
            case plan.Count():
                names.extend(name for column in field.columns for name in columns_read(column))
            case plan.Operation():
                columns = [item.column for item in field.fields if isinstance(item, plan.AggregateColumn)]
                names.extend(name for column in columns for name in columns_read(column))
    return list(dict.fromkeys(names))


def _carried(alias: str, name: str) -> Fragment:
    """A column, or the whole row as one, for the selects around this one."""
    if name == ROW:
        return sql("{t} as {row}", t=identifier(alias), row=identifier(ROW))
    return identifier(alias, name)


def _from(table: plan.Origin, above: str, alias: str, joins: Fragment, where: Fragment) -> Fragment:
    rows = origin(table, whole_row(above) if above else None)
    return sql("\nfrom {rows} as {t}{joins}{where}", rows=rows, t=identifier(alias), joins=joins, where=where)


def _typename(field: plan.TypenameField) -> Fragment:
    return sql("{name}::text", name=NameLiteral(field.name))


def _has_long_name(outputs: list[Output]) -> bool:
    return any(len(key) > MAX_NAME_BYTES for key, _ in outputs)


def _select(outputs: list[Output], tail: Fragment) -> Fragment:
    named: list[Fragment] = [sql("{value} as {key}", value=value, key=identifier(key)) for key, value in outputs]
    return sql("select {outputs}{tail}", outputs=join(", ", named), tail=tail)


def _where(above: str, alias: str, table: plan.Origin, link: Link, where: plan.Condition) -> Fragment:
    parts = link_condition(link, above, alias) + presence(table, alias)
    if where != plan.TRUE:
        parts.append(condition(where, alias, alias))
    return sql("\nwhere {all}", all=join(" and ", parts)) if parts else EMPTY


def _sorted(value: Fragment, key: plan.OrderKey) -> Fragment:
    return sql(f"{{value}} {key.direction} nulls {key.nulls}", value=value)


def _order_by(keys: list[Fragment]) -> Fragment:
    return sql("\norder by {keys}", keys=join(", ", keys)) if keys else EMPTY


def _limit(limits: tuple[plan.Value, ...], *, ties: bool) -> Fragment:
    if not limits:
        return EMPTY
    number = _least(limits)
    return sql(" fetch first ({n}) rows with ties", n=number) if ties else sql(" limit {n}", n=number)


def _least(limits: tuple[plan.Value, ...]) -> Fragment:
    values: list[Fragment] = [parameter(value) for value in limits]
    return values[0] if len(values) == 1 else sql("least({all})", all=join(", ", values))
