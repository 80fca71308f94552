"""The single pass over the text: what is lifted, what stays, what is refused."""

from decimal import Decimal

import pytest

from towpath_read_engine.errors import ReadError
from towpath_read_engine.lexing import MAX_NESTING, MAX_TOKENS, lex
from towpath_read_engine.parsing import parse


def test_documents_that_differ_in_literals_and_layout_are_the_same():
    """Strings, numbers, lists of them, spaces, commas and comments do not make another document."""
    one = lex('{ author(where: {id: {_in: [1, 2]}, name: {_eq: "x"}}, limit: 3) { id } }')
    other = lex('{author(where:{id:{_in:["a" 5.5,"""c"""]} name:{_eq:7}} # comment "quoted"\n limit:10){id,}}')
    assert one.normalised == other.normalised
    assert one.literals == ([1, 2], "x", 3)
    assert other.literals == (["a", Decimal("5.5"), "c"], 7, 10)


@pytest.mark.parametrize("word", ["true", "null", "asc", "$x", "{}"])
def test_what_changes_the_statement_is_not_lifted(word):
    """Booleans, null, enum words, variables and objects stay in the text."""
    assert lex(f"{{ a(b: {word}) }}").normalised != lex("{ a(b: 1) }").normalised


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"a\\"b\\\\c\\u00e9\\n"', 'a"b\\cé\n'),
        ('"\\u{1F6A3}"', "🚣"),
        ('"""\n    one\n      two "quoted" \\"""\n  """', 'one\n  two "quoted" """'),
        ("-12", -12),
        ("1.50", Decimal("1.50")),
        ("1e3", Decimal("1e3")),
        ("[]", []),
        ('["", ""]', ["", ""]),
    ],
)
def test_literals_have_the_values_of_the_specification(written, value):
    """Escapes, block strings and digits are read as GraphQL says."""
    assert lex(f"{{ a(b: {written}) }}").literals == (value,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{ a",
        "{ a(b: 1x) }",
        "{ a(b: 01) }",
        "{ a(b: 1e99999999999999999999) }",
        '{ a(b: "x) }',
        "{ a b: }",
        "type A { b: Int }",
        "{ a } }",
        "{ } ",
        "{ a(b: ) }",
        "query ($a) { b }",
        "é",
    ],
)
def test_what_is_not_graphql_is_refused(text):
    """Every malformed document gets the same error, at the same path."""
    with pytest.raises(ReadError, match="not a valid graphql query") as caught:
        parse(lex(text))
    assert caught.value.path == "$.query"


@pytest.mark.parametrize("text", ["{a" * (MAX_NESTING + 1), "{" + " a" * MAX_TOKENS + "}"])
def test_documents_without_measure_are_refused(text):
    """Nesting and length are bounded before anything is parsed."""
    with pytest.raises(ReadError, match=r"nests deeper|more than"):
        lex(text)
