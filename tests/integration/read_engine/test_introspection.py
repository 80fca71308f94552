"""`__schema` and `__type` show what the role may use, and nothing else."""

from graphql import build_client_schema, get_introspection_query, parse, validate


async def _schema(library, role: str):
    return build_client_schema(await library.data(get_introspection_query(), role=role))


async def test_a_client_can_build_the_schema_and_validate_with_it(library):
    """The introspected schema accepts what the engine accepts."""
    schema = await _schema(library, "admin")
    document = """query ($w: article_bool_exp, $o: [author_order_by!], $id: uuid!) {
      counted: author(where: {articles_aggregate: {bool_or: {arguments: published, predicate: {_eq: true}, filter: $w}}}) { id }
      author(where: {articles: $w, settings: {_has_key: "x"}, _or: [{id: {_in: [1]}}]}, order_by: $o, limit: 1, distinct_on: [id]) {
        id articles_aggregate(order_by: {author: {name: desc_nulls_last}}) {
          aggregate { count(columns: [id]) max { rating } } nodes { labels meta(path: "a") }
        }
      }
      article_by_pk(id: $id) { author { name } }
      author_aggregate { aggregate { count } }
    }"""
    assert validate(schema, parse(document)) == []
    assert schema.query_type.name == "query_root"
    assert set(schema.get_type("article_aggregate_bool_exp").fields) == {"count", "bool_and", "bool_or"}
    assert str(schema.get_type("String_array_comparison_exp").fields["_in"].type) == "[[String!]!]"
    assert str(schema.get_type("article").fields["labels"].type) == "[String!]!"
    assert str(schema.get_type("article").fields["author"].type) == "author!"
    assert str(schema.get_type("article").fields["editor"].type) == "author"
    assert set(schema.get_type("Int_comparison_exp").fields) == {"_eq", "_neq", "_gt", "_gte", "_lt", "_lte", "_in", "_nin", "_is_null"}


async def test_a_role_finds_its_own_schema(library):
    """Columns, relationships, aggregates and roots that a role may not use are absent."""
    reader = await _schema(library, "reader")
    functions = {"search_articles", "search_articles_aggregate", "articles_among", "own_articles", "oldest_author"}
    functions |= {"count_articles_among", "own_articles_aggregate"}
    tables = {"author", "author_by_pk", "author_aggregate", "article", "article_by_pk", "article_aggregate"}
    assert set(reader.query_type.fields) == tables | functions
    assert set(reader.get_type("author").fields) == {
        "id",
        "name",
        "country",
        "articles",
        "articles_aggregate",
        "edited",
        "edited_aggregate",
        "mentor",
        "compatriot",
        "pupils",
        "pupils_aggregate",
    }
    assert "born" not in reader.get_type("author_bool_exp").fields
    gated = set((await _schema(library, "gated")).query_type.fields)
    assert gated == {"article", "search_articles", "articles_among", "own_articles"}
    assert set((await _schema(library, "stranger")).query_type.fields) == {"no_queries_available"}


async def test_functions_are_fields_with_their_arguments(library):
    """A function takes `args` and what a list takes; the session's variables are nobody's to give."""
    schema = await _schema(library, "admin")
    document = """query ($ids: _uuid, $by: [article_order_by!]) {
      articles_among(args: {ids: $ids, at_most: 4}, order_by: $by, limit: 1) { title }
      count_articles_among(args: {ids: $ids}, where: {title: {_like: "x"}}) { aggregate { count } }
      own_articles { id }
      oldest_author(args: {arg_1: "uk"}) { name }
    }"""
    assert validate(schema, parse(document)) == []
    fields = schema.query_type.fields
    assert str(fields["articles_among"].type) == "[article!]!"
    assert str(fields["articles_among"].args["args"].type) == "articles_among_args!"
    assert str(fields["oldest_author"].type) == "author"
    assert str(fields["oldest_author"].args["args"].type) == "oldest_author_args"
    assert set(schema.get_type("own_articles_args").fields) == {"only_published"}
    assert fields["search_articles"].description == "articles by the words in them"


async def test_one_type_and_a_mixed_query(library):
    """`__type` takes a variable; introspection together with rows is refused with a sentence."""
    answer = await library.data("query ($n: String!) { __type(name: $n) { name fields { name } } }", {"n": "profile"})
    assert answer == {"__type": {"name": "profile", "fields": [{"name": "author_id"}, {"name": "bio"}, {"name": "author"}]}}
    code, _, message = await library.error("{ __typename __schema { queryType { name } } author { id } }")
    assert (code, "send two" in message) == ("not-supported", True)
