"""`__schema` and `__type` show what the role may use, and nothing else."""

import json

import pytest
from graphql import build_client_schema, get_introspection_query, parse, validate

from towpath_read_engine.testing import asking


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
    tables = {
        "diary",
        "diary_by_pk",
        "diary_aggregate",
        "author",
        "author_by_pk",
        "author_aggregate",
        "article",
        "article_by_pk",
        "article_aggregate",
    }
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
        "label",
        "published",
        "matching",
        "latest",
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


async def test_computed_fields_are_shown_where_they_may_be_used(library):
    """With their arguments when they have some; in conditions and sort orders only when they have none."""
    schema = await _schema(library, "admin")
    document = """query ($w: article_bool_exp) {
      author(where: {label: {_like: "x"}, published: $w}, order_by: [{label: asc}, {published_aggregate: {max: {rating: desc}}}]) {
        label greeting(args: {greeting: "x", mark: "!"}) published(where: $w, limit: 1) { facts(path: "tags") } latest { id }
      }
      author_aggregate { aggregate { sum { score(args: {factor: 2}) } max { label } } }
    }"""
    assert validate(schema, parse(document)) == []
    fields = schema.get_type("author").fields
    assert str(fields["published"].type) == "[article!]"
    assert str(fields["latest"].type) == "article"
    assert fields["label"].description == "the name with the country"
    assert {str(argument.type) for argument in fields["greeting"].args.values()} == {"greeting_author_args!"}
    assert not {"greeting", "matching", "score"} & set(schema.get_type("author_bool_exp").fields)
    assert not {"greeting", "published", "latest"} & set(schema.get_type("author_order_by").fields)
    assert "label" not in schema.get_type("author_select_column").values


async def test_enum_tables_are_enums(library):
    """The rows of an enum table, with what they mean, are the values; no other operators than equality and lists."""
    schema = await _schema(library, "admin")
    assert {name: value.description for name, value in schema.get_type("mood_enum").values.items()} == {
        "bleak": "rain",
        "calm": "nothing happens",
        "eager": None,
    }
    assert set(schema.get_type("mood_enum_comparison_exp").fields) == {"_eq", "_neq", "_in", "_nin", "_is_null"}
    assert str(schema.get_type("diary").fields["mood"].type) == "mood_enum!"
    assert str(schema.get_type("diary").fields["weather"].type) == "sky_enum"
    assert str(schema.query_type.fields["motto_by_pk"].args["mood"].type) == "mood_enum!"
    assert str(schema.get_type("mood").fields["value"].type) == "String!"
    query = "query ($m: [mood_enum!]) { diary(where: {mood: {_in: $m, _neq: calm}}) { mood } }"
    assert validate(schema, parse(query)) == []


async def test_one_type(library):
    """`__type` takes a variable."""
    answer = await library.data("query ($n: String!) { __type(name: $n) { name fields { name } } }", {"n": "profile"})
    assert answer == {"__type": {"name": "profile", "fields": [{"name": "author_id"}, {"name": "bio"}, {"name": "author"}]}}


async def test_introspection_and_rows_in_one_document(library):
    """Both are answered, in the order of the document, from fragments too; numbers are as the database wrote them."""
    query = """query Mixed($n: String!, $id: Int, $skip: Boolean = true) {
      first: article(where: {views: {_gt: 1000}}) { views rating }
      ...rest
      gone: author @skip(if: $skip) { id }
      author(where: {id: {_eq: $id}}) { ...name }
    }
    fragment rest on query_root { __schema { queryType { name } } ... on query_root { __type(name: $n) { kind } self: __typename } }
    fragment name on author { name }"""
    answer = await library.data(query, {"n": "author", "id": 1})
    assert list(answer) == ["first", "__schema", "__type", "self", "author"]
    assert answer == {
        "first": [{"views": 9007199254740993, "rating": 4.5}],
        "__schema": {"queryType": {"name": "query_root"}},
        "__type": {"kind": "OBJECT"},
        "self": "query_root",
        "author": [{"name": "Ada"}],
    }
    code, path, _ = await library.error("{ __typename __schema { queryType { name } } author { nothing } }")
    assert (code, path) == ("validation-failed", "$.selectionSet.author.selectionSet.nothing")
    assert (await library.error("{ author { id } __schema { nothing } }"))[0] == "validation-failed"


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        "{ __schema { " + " ".join(f"t{n}: types {{ fields {{ args {{ name type {{ name }} }} }} }}" for n in range(200)) + " } }",
        "{ "
        + " ".join(f"s{n}: __schema {{ ...all }}" for n in range(500))
        + " } fragment all on __Schema { types { fields { name args { name } } } }",
        "{ __schema { types { " + "ofType { " * 60 + "name" + " }" * 60 + " } } }",
        "{ __schema { ...a } } "
        + " ".join(f"fragment a{n} on __Schema {{ ...a{n + 1} ...a{n + 1} }}" for n in range(40)).replace("a0 ", "a ")
        + " fragment a40 on __Schema { types { name } }",
    ],
)
async def test_more_than_the_schema_is_refused(library, query):
    """Lists within lists, aliases and fragments multiply an answer; a bounded part of that is paid for."""
    code, _, message = await library.error(query)
    assert (code, "introspection" in message) == ("validation-failed", True)


async def test_directives_and_the_subscription_root(library):
    """What Hasura's schema has beside the tables: its directives, none repeatable, and the roots again for subscriptions, with streams."""
    schema = (await library.data(get_introspection_query(directive_is_repeatable=True)))["__schema"]
    assert {item["name"]: (item["locations"], item["isRepeatable"]) for item in schema["directives"]} == {
        "include": (["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"], False),
        "skip": (["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"], False),
        "cached": (["QUERY"], False),
    }
    reader = await _schema(library, "reader")
    assert reader.subscription_type.name == "subscription_root"
    streams = {"author_stream", "article_stream", "diary_stream"}
    assert set(reader.subscription_type.fields) == set(reader.query_type.fields) | streams
    assert (await _schema(library, "stranger")).subscription_type is None


async def test_streams(library_url, library):
    """A stream's arguments as Hasura has them, of the columns that the role sees; names, words and roles are the metadata's to say."""
    reader = await _schema(library, "reader")
    stream = reader.subscription_type.fields["author_stream"]
    assert str(stream.type) == "[author!]!"
    assert {name: str(argument.type) for name, argument in stream.args.items()} == {
        "batch_size": "Int!",
        "cursor": "[author_stream_cursor_input]!",
        "where": "author_bool_exp",
    }
    cursor, values = (reader.get_type(f"author_stream_cursor_{part}") for part in ("input", "value_input"))
    assert {name: str(item.type) for name, item in cursor.fields.items()} == {
        "initial_value": "author_stream_cursor_value_input!",
        "ordering": "cursor_ordering",
    }
    assert {name: str(item.type) for name, item in values.fields.items()} == {"id": "Int", "name": "String", "country": "String"}
    assert list(reader.get_type("cursor_ordering").values) == ["ASC", "DESC"]
    roots = {"silent": [], "narrow": ["select_stream"], "old": ["select", "select_by_pk"], "free": None}
    permission = {"columns": ["id", "name"], "filter": {}}
    table = {
        "table": "author",
        "configuration": {"custom_root_fields": {"select_stream": {"name": "writers_as_they_come", "comment": "newest last"}}},
        "select_permissions": [
            {"role": role, "permission": permission | ({} if kinds is None else {"subscription_root_fields": kinds})}
            for role, kinds in roots.items()
        ],
    }
    async with asking(library_url, {"version": 3, "sources": [{"kind": "postgres", "tables": [table]}]}) as asker:
        found = {role: (await _schema(asker, role)).subscription_type for role in roots}
        assert {role: type_ and set(type_.fields) for role, type_ in found.items()} == {
            "silent": None,
            "narrow": {"writers_as_they_come"},
            "old": {"author", "author_by_pk"},
            "free": {"author", "author_by_pk", "writers_as_they_come"},
        }
        assert found["free"].fields["writers_as_they_come"].description == "newest last"
        document = "subscription { writers_as_they_come(batch_size: 1, cursor: {initial_value: {id: 0}}) { name } }"
        assert (await asker.turn(document, role="narrow"))["data"] == {"writers_as_they_come": [{"name": "Ada"}]}
        refused = "field 'writers_as_they_come' not found in type: 'subscription_root'"
        for role in ("silent", "old", "nobody"):
            assert (await asker.turn(document, role=role))["errors"][0]["message"] == refused


async def test_comments_are_descriptions(library_url):
    """The metadata's comments win over the database's, and those over the usual words; an empty one asks for none."""
    table = {
        "table": "author",
        "configuration": {
            "comment": "people who write",
            "column_config": {"name": {"comment": "the full name"}, "born": {"comment": "", "custom_name": "birthday"}},
            "custom_root_fields": {"select": {"comment": "all who write", "name": "writers"}, "select_by_pk": {"comment": ""}},
        },
        "object_relationships": [
            {"name": "mentor", "comment": "who taught them", "using": {"foreign_key_constraint_on": "mentor_id"}},
        ],
        "array_relationships": [
            {"name": "pupils", "using": {"foreign_key_constraint_on": {"table": "author", "column": "mentor_id"}}},
        ],
    }
    async with asking(library_url, {"version": 3, "sources": [{"kind": "postgres", "tables": [table]}]}) as engine:
        schema = build_client_schema(await engine.data(get_introspection_query()))
        author = schema.get_type("author")
        roots = {name: field.description for name, field in schema.query_type.fields.items()}
        assert roots == {
            "writers": "all who write",
            "author_by_pk": None,
            "author_aggregate": 'fetch aggregated fields from the table: "author"',
        }
        assert author.description == "people who write"
        words = {name: author.fields[name].description for name in ("name", "birthday", "country", "mentor", "pupils")}
        assert words == {
            "name": "the full name",
            "birthday": None,
            "country": None,
            "mentor": "who taught them",
            "pupils": "An array relationship",
        }


async def test_names_of_a_customized_source(library, library_url, library_metadata):
    """Every type but scalars, their comparisons and the roots is renamed, and what the schema shows is what a document may say."""
    document = json.loads(library_metadata.read_text(encoding="utf-8"))
    roots = {"namespace": "shelf", "prefix": "a_", "suffix": "_z"}
    document["sources"][0]["customization"] = {"root_fields": roots, "type_names": {"prefix": "T_", "suffix": "_S"}}
    plain = await _schema(library, "admin")
    async with asking(library_url, document) as customized:
        schema = await _schema(customized, "admin")
        assert list(schema.query_type.fields) == list(schema.subscription_type.fields) == ["shelf"]
        assert str(schema.query_type.fields["shelf"].type) == "T_shelf_query_S!"
        assert str(schema.subscription_type.fields["shelf"].type) == "T_shelf_subscription_S!"
        fields = {f"a_{name}_z" for name in plain.query_type.fields}
        streams = {f"a_{name}_z" for name in plain.subscription_type.fields if name not in plain.query_type.fields}
        assert set(schema.get_type("T_shelf_query_S").fields) == fields
        assert set(schema.get_type("T_shelf_subscription_S").fields) == fields | streams
        assert {"a_author_stream_z", "a_label_stream_z"} <= streams
        kept = {name for name in plain.type_map if f"T_{name}_S" not in schema.type_map and name in schema.type_map}
        assert {"Int", "uuid", "order_by", "jsonb_cast_exp", "String_array_comparison_exp", "query_root", "subscription_root"} <= kept
        assert not {name for name in kept if name.startswith(("author", "article", "label", "search", "mood", "matching"))}
        renamed = {"T_author_S", "T_mood_enum_S", "T_mood_enum_S_comparison_exp", "T_search_articles_args_S", "T_matching_author_args_S"}
        assert renamed <= schema.type_map.keys()
        assert "T_reading_select_column_reading_aggregate_bool_exp_corr_arguments_columns_S" in schema.type_map
        text = "query ($w: T_author_bool_exp_S) { shelf { a_author_z(where: $w) { matching(args: {word: 1}) { title } } __typename } }"
        assert validate(schema, parse(text.replace("word: 1", 'word: "o"'))) == []
        both = "{ shelf { a_author_by_pk_z(id: 1) { name } } __schema { queryType { name } } }"
        assert await customized.data(both) == {
            "shelf": {"a_author_by_pk_z": {"name": "Ada"}},
            "__schema": {"queryType": {"name": "query_root"}},
        }
