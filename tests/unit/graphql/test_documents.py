"""Documents are validated once, those that differ in literals together; and a wrong literal is still found."""

from __future__ import annotations

from graphql import DocumentNode, build_schema, execute_sync

from towpath_graphql.http import Documents

SCHEMA = build_schema("""
  type Query { hello: String }
  input run_input { id: ID! index: Int }
  type Mutation { run(input: run_input!): String skip(input: run_input!): String }
""")


def run(run_id, index):
    return f'mutation {{ run(input: {{id: "{run_id}", index: {index}}}) }}'


def test_documents_of_one_shape_are_validated_once():
    """Ids and numbers are written into them; each is parsed with its own."""
    documents = Documents(SCHEMA)
    found = [documents.get(run(f"run-{i}", i)) for i in range(20)]
    assert documents.validations == 1
    fields = [d.definitions[0].selection_set.selections[0].arguments[0].value.fields for d in found]
    assert [(f[0].value.value, f[1].value.value) for f in fields] == [(f"run-{i}", str(i)) for i in range(20)]


def test_a_wrong_literal_in_a_known_shape_is_an_error_of_execution():
    """A string where a number belongs looks like the valid document before it; it is refused where the value is read."""
    documents = Documents(SCHEMA)
    documents.get(run("a", 1))
    wrong = documents.get(run("a", '"one"'))
    assert isinstance(wrong, DocumentNode)
    result = execute_sync(SCHEMA, wrong)
    assert result.errors
    assert "Int cannot represent" in str(result.errors[0]) or "invalid value" in str(result.errors[0])
    unknown = documents.get('mutation { run(input: {id: "a", other: 1}) }')
    assert isinstance(unknown, list)


def test_two_fields_of_one_name_are_looked_at_each_time():
    """With equal literals they are one field, with others they are in each other's way."""
    documents = Documents(SCHEMA)
    both = 'mutation { run(input: {id: "a"}) run(input: {id: "%s"}) }'
    assert isinstance(documents.get(both % "a"), DocumentNode)
    assert isinstance(documents.get(both % "b"), list)


def test_a_document_without_literals_is_parsed_once():
    """The very document comes back; one that is wrong is not kept."""
    documents = Documents(SCHEMA)
    text = "mutation($i: run_input!) { run(input: $i) }"
    assert documents.get(text) is documents.get(text)
    assert isinstance(documents.get("{ nothing }"), list)
    assert isinstance(documents.get("{ hello"), list)
    assert documents.validations == 2
