"""Random conditions against a naive oracle: the same rows, filtered in Python with SQL's three-valued logic."""

import json
import operator
import re
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.errors import DialectCode
from towpath_read_engine.testing import asking

_NASTY = [
    "'",
    "''",
    '"',
    "\\",
    "$1",
    "$$",
    "%",
    "_",
    "; drop table author; --",
    "/*",
    "*/",
    "{}",
    "{{x}}",
    "\u2028",
    "\U0001f6a3",
    "\n",
    "\t",
    "null",
    "x-hasura-author-id",
    ")) or 1=1 --",
]
_NAMES = ["Ada", "Brontë", "Čapek", 'D\'Arc "the 1st" \\ %_', "Éluard"]
_TITLES = ["Engines", "Notes", "Moors", "100% proof_read", "Robots", "Liberté"]
_text = st.sampled_from([*_NAMES, *_TITLES, *_NASTY]) | st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8
)
_patterns = st.text(st.sampled_from("%_aoEN1 r'\""), max_size=5)


def _operators(values, *, ordered: bool, patterns: bool = False):
    single = ["_eq", "_neq", *(["_gt", "_gte", "_lt", "_lte"] if ordered else [])]
    options = {name: values | st.none() for name in single}
    options |= {name: st.lists(values, max_size=3) | values for name in ("_in", "_nin")}
    options["_is_null"] = st.booleans() | st.none()
    if patterns:
        options |= {name: _patterns for name in ("_like", "_nlike", "_ilike", "_nilike")}
    return st.sampled_from(sorted(options)).flatmap(lambda name: options[name].map(lambda value: {name: value}))


def _tree(columns: dict, relationships: dict):
    leaf = st.sampled_from(sorted(columns)).flatmap(lambda name: columns[name].map(lambda value: {name: value}))
    far = [inner.map(lambda value, name=name: {name: value}) for name, inner in relationships.items()]
    return st.recursive(
        st.one_of(st.just({}), leaf, *far),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: {"_and": items})
            | st.lists(inner, max_size=3).map(lambda items: {"_or": items})
            | inner.map(lambda item: {"_not": item})
            | st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]})
        ),
        max_leaves=5,
    )


_author_columns = {
    "id": _operators(st.integers(0, 6), ordered=True),
    "name": _operators(_text, ordered=False, patterns=True),
    "country": _operators(_text | st.just("uk"), ordered=False),
}
_article_columns = {
    "title": _operators(_text, ordered=False, patterns=True),
    "rating": _operators(st.sampled_from([Decimal("4.50"), Decimal("3.25"), 5, 0]), ordered=True),
    "published": _operators(st.booleans(), ordered=True),
    "editor_id": _operators(st.integers(1, 4), ordered=True),
}
_author_leaf = _tree(_author_columns, {})
_article_where = _tree(_article_columns, {"author": _author_leaf, "editor": _author_leaf})
_counted = st.fixed_dictionaries(
    {"predicate": _operators(st.integers(0, 3), ordered=True)},
    optional={"filter": _article_where, "arguments": st.just(["editor_id"]), "distinct": st.booleans()},
)
_quantified = st.fixed_dictionaries({"arguments": st.just("published"), "predicate": _operators(st.booleans(), ordered=True)})
_aggregate_where = st.fixed_dictionaries({}, optional={"count": _counted, "bool_and": _quantified, "bool_or": _quantified})
_author_where = _tree(
    _author_columns,
    {"articles": _article_where, "articles_aggregate": _aggregate_where, "mentor": _author_leaf, "pupils": _author_leaf},
)

_WORDS = {"editor_id", "published"}
"""Text that stands for a column, which is written without quotes."""
_COMPARE = {"_eq": operator.eq, "_neq": operator.ne, "_gt": operator.gt, "_gte": operator.ge, "_lt": operator.lt, "_lte": operator.le}


def _like(value: str, pattern: str, *, flags: int = 0) -> bool:
    body = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(body, value, re.DOTALL | flags) is not None


def _not(value):
    return None if value is None else not value


def _all(values):
    values = list(values)
    return False if False in values else None if None in values else True


def _any(values):
    return _not(_all(_not(value) for value in values))


def _compare(value, name, operand):
    if operand is None:
        return True
    if name == "_is_null":
        return (value is None) is operand
    if value is None:
        return name == "_nin" if operand == [] else None
    if name in ("_in", "_nin"):
        return (value in (operand if isinstance(operand, list) else [operand])) is (name == "_in")
    if name in _COMPARE:
        return _COMPARE[name](value, operand)
    found = _like(value, operand, flags=re.IGNORECASE if "ilike" in name else 0)
    return found if name in ("_like", "_ilike") else not found


class _Oracle:
    def __init__(self, rows: dict):
        self.rows = rows

    def related(self, row, name):
        authors, articles = self.rows["author"], self.rows["article"]
        match name:
            case "articles":
                return [a for a in articles if a["author_id"] == row["id"]]
            case "author":
                return [a for a in authors if a["id"] == row["author_id"]]
            case "editor":
                return [a for a in authors if a["id"] == row["editor_id"]]
            case "mentor":
                return [a for a in authors if a["id"] == row["mentor_id"]]
            case "pupils":
                return [a for a in authors if a["mentor_id"] == row["id"]]
        return None

    def holds(self, row, where):
        return _all(self._entry(row, key, value) for key, value in where.items())

    def _aggregate(self, row, function, test):
        far = [other for other in self.related(row, "articles") if self.holds(other, test.get("filter") or {}) is True]
        if function == "count":
            values = [other["editor_id"] for other in far if other["editor_id"] is not None] if "arguments" in test else far
            value = len(set(values)) if "arguments" in test and test.get("distinct") else len(values)
        else:
            published = [other["published"] for other in far]
            value = None if not far else all(published) if function == "bool_and" else any(published)
        return _all(_compare(value, name, operand) for name, operand in test["predicate"].items())

    def _entry(self, row, key, value):
        if key == "articles_aggregate":
            return _all(self._aggregate(row, function, test) for function, test in value.items())
        if key == "_and":
            return _all(self.holds(row, item) for item in value)
        if key == "_or":
            return _any(self.holds(row, item) for item in value)
        if key == "_not":
            return _not(self.holds(row, value))
        far = self.related(row, key)
        if far is not None:
            return any(self.holds(other, value) is True for other in far)
        return _all(_compare(row[key], name, operand) for name, operand in value.items())


def _written(value) -> str:
    """A value as a GraphQL literal."""
    match value:
        case dict():
            return "{" + " ".join(f"{key}: {_written(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_written, value)) + "]"
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return value if value in _WORDS else json.dumps(value)
        case _:
            return str(value)


@pytest.fixture(scope="session")
def oracle(library_url) -> _Oracle:
    """The library's rows, read once without the engine."""
    rows = {}
    with psycopg.connect(library_url) as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        for table in ("author", "article"):
            rows[table] = cursor.execute(f"select * from {table} order by id").fetchall()
    return _Oracle(rows)


_settings = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@_settings
@given(where=_author_where)
async def test_conditions_on_authors(library, oracle, where):
    """Written out or sent as a variable, a condition selects the rows that the oracle selects."""
    expected = [{"id": row["id"]} for row in oracle.rows["author"] if oracle.holds(row, where) is True]
    inline = await library.data(f"{{ author(where: {_written(where)}, order_by: {{id: asc}}) {{ id }} }}")
    assert inline["author"] == expected
    sent = await library.data("query ($where: author_bool_exp) { author(where: $where, order_by: {id: asc}) { id } }", {"where": where})
    assert sent["author"] == expected


@_settings
@given(where=_article_where, limit=st.integers(0, 7), offset=st.integers(0, 7), direction=st.sampled_from(["asc", "desc"]))
async def test_pages_and_counts_of_articles(library, oracle, where, limit, offset, direction):
    """A page is the slice of the oracle's rows; the count is over all of them, or over the page when the page is given."""
    rows = [str(row["id"]) for row in oracle.rows["article"] if oracle.holds(row, where) is True]
    rows = rows if direction == "asc" else rows[::-1]
    arguments = f"where: {_written(where)}, order_by: {{id: {direction}}}, limit: {limit}, offset: {offset}"
    answer = await library.data(
        f"{{ article({arguments}) {{ id }} page: article_aggregate({arguments}) {{ aggregate {{ count }} nodes {{ id }} }} "
        f"all: article_aggregate(where: {_written(where)}) {{ aggregate {{ count }} }} }}"
    )
    page = [{"id": id_} for id_ in rows[offset : offset + limit]]
    assert answer == {
        "article": page,
        "page": {"aggregate": {"count": len(page)}, "nodes": page},
        "all": {"aggregate": {"count": len(rows)}},
    }


@_settings
@given(text=_text)
async def test_text_is_never_sql(library, text):
    """Whatever text is sent, as literal, variable, JSON key or session variable, it is data and comes back as it went."""
    query = """query ($t: String!, $j: jsonb) {
      author(where: {name: {_eq: $t}}) { name }
      labels(where: {text: {_in: [$t]}}) { text }
      a: author(where: {settings: {_contains: $j}}) { id }
      k: author(where: {settings: {_has_key: $t}}) { id }
      f: articles_among(args: {ids: "{}"}, where: {labels: {_in: [[$t]]}}) { id }
      c: author(where: {id: {_eq: 1}}) { greeting(args: {greeting: $t, mark: $t}) }
    }"""
    answer = await library.data(query, {"t": text, "j": {text: text}})
    assert answer["author"] == [{"name": text}] * (text in _NAMES)
    assert answer["labels"] == []
    assert answer["a"] == []
    assert answer["k"] == []
    assert answer["f"] == []
    assert answer["c"] == [{"greeting": f"{text} Ada{text}"}]
    assert (await library.data(f"{{ author(where: {{name: {{_eq: {json.dumps(text)}}}}}) {{ name }} }}"))["author"] == answer["author"]
    refused = await library.ask("{ author { id } }", role="writer", session={"x-hasura-author-id": text})
    if "errors" in refused:
        assert refused["errors"][0]["extensions"]["code"] == DialectCode.DATA_EXCEPTION
    else:  # the text of a whole number: then it is that author and nobody else
        assert refused["data"]["author"] in ([], [{"id": int(text)}])


async def test_without_collapse_a_null_operand_is_an_error(library_url, library_metadata):
    """The switch decides between "no condition" and a refusal that names the operator."""
    async with asking(library_url, library_metadata, EngineSettings(null_collapse=False)) as strict:
        for where, refusal in (
            ("{id: {_eq: null}}", "unexpected null value for type 'Int'"),
            ("{_or: null}", "expected a list, but found null"),
            ("{mentor: null}", "expected an object for type 'author_bool_exp', but found null"),
            ("{id: null}", "expected an object for type 'Int_comparison_exp', but found null"),
            ("{id: {_is_null: null}}", "expected a boolean for type 'Boolean', but found null"),
        ):
            code, path, message = await strict.error(f"{{ author(where: {where}) {{ id }} }}")
            assert code == "validation-failed"
            assert path.startswith("$.selectionSet.author.args.where.")
            assert message == refusal
        code, path, _ = await strict.error("query ($id: Int) { author(where: {id: {_eq: $id}}) { id } }")
        assert (code, path) == ("validation-failed", "$.selectionSet.author.args.where.id._eq")
        assert await strict.data("{ author(where: null, limit: null, order_by: null) { __typename } }")
