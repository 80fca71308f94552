"""Documents are validated once, those that differ in literals together; and a wrong literal is still found."""

from __future__ import annotations

import re

import pytest
from graphql import DocumentNode, GraphQLError, build_schema, execute_sync, parse

from towpath_graphql.documents import Documents, Template
from towpath_service_kit.documents import take_apart

SCHEMA = build_schema("""
  type Query { hello: String }
  input run_input { id: ID! index: Int }
  type Mutation { run(input: run_input!): String skip(input: run_input!): String }
""")


def run(run_id, index):
    return f'mutation {{ run(input: {{id: "{run_id}", index: {index}}}) }}'


def test_documents_of_one_shape_are_parsed_and_validated_once():
    """Ids and numbers are written into them; each has its own."""
    documents = Documents(SCHEMA)
    found = [documents.get(run(f"run-{i}", i)) for i in range(20)]
    assert (documents.parsed, documents.validated) == (1, 1)
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
    assert documents.validated == 2


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [
        ("mutation { run(input: {id: %s, index: %s}) }", ('"run-10"', -7), ('""', 0)),
        (
            "mutation($s: JSON! = %s) { run(input: {list: [%s,%s %s, [%s]], state: $s, id: %s}) @skip(if: false) { id x10 } }",
            ('"x"', '"a"', '"b"', 3, 4, '"0"'),
            ('"1"', '"Größe, 5"', '"# none"', 0, 4, '"{"'),
        ),
        ("mutation { x0: run(first: %s,second:%s third:%s)\n{ a(b: %s) c(b: %s) } }", (1, 2, 3, 1, 1), (2, 1, -3, 5, 10)),
    ],
)
def test_a_made_tree_is_the_parsed_one(form, first, second):
    """Other literals in the same text, wherever they stand: what is made from the first one is what the parser says of the second."""
    template = Template(form % first, take_apart(form % first)[1])
    for values in (first, second):
        shaped, literals = take_apart(form % values)
        assert shaped == take_apart(form % first)[0]
        assert template.filled(literals) == parse(form % values, no_location=True)


@pytest.mark.parametrize("literal", ["1.5", "07", "1e3", '"one"', '"""block"""', "#\n1", r'"\u0041"', '"\ud800"', "5b"])
def test_a_literal_that_is_not_plain_is_the_parsers_to_judge(literal):
    """An escape, a number that is none, another kind: the answer is what it would be without a known shape."""
    documents = Documents(SCHEMA)
    documents.get(run("a", 1))
    text = run("a", literal)
    found = documents.get(text)
    assert documents.parsed == 2
    if isinstance(found, list):
        with pytest.raises(GraphQLError, match=re.escape(found[0].message)):
            parse(text, no_location=True)
    else:
        assert found == parse(text, no_location=True)


def test_literals_of_a_first_document_that_are_not_plain_make_no_template():
    """It is parsed, and so are those of its shape; the shape is known as valid all the same."""
    documents = Documents(SCHEMA)
    assert isinstance(documents.get(run("a", r'"\u0041"')), list)
    for text in (run(r"\u0041", 1), run("b", 2), run(r"\u0042", 3)):
        assert documents.get(text) == parse(text, no_location=True)
    assert (documents.parsed, documents.validated) == (4, 2)
