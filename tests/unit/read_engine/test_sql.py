"""SQL fragments: what cannot be written with them matters as much as what can."""

import pytest

from towpath_read_engine.sql import NameLiteral, NumberLiteral, Parameter, identifier, join, render, sql


def test_a_raw_string_is_refused_everywhere():
    """No place that takes SQL takes a str."""
    with pytest.raises(TypeError, match="fragments only"):
        sql("select {x}", x="1; drop table author")
    with pytest.raises(TypeError, match="fragments only"):
        join(", ", [identifier("a"), "b"])
    with pytest.raises(TypeError, match="fragments only"):
        render("select 1")


@pytest.mark.parametrize(
    "template",
    [
        "select 'x'",
        'select "x"',
        "select 1; select 1",
        "select 1 -- x",
        "select /* x */ 1",
        "drop table",
        "select 2",
        "select $1",
        "{x",
        "select é",
    ],
)
def test_a_template_has_words_of_the_vocabulary_only(template):
    """Literals, comments, statements in a row and unknown words cannot be part of a template."""
    with pytest.raises(ValueError, match="vocabulary"):
        sql(template)


@pytest.mark.parametrize(
    ("name", "written"), [("a", '"a"'), ('a"; drop table b; --', '"a""; drop table b; --"'), ("Ünïcode $", '"Ünïcode $"')]
)
def test_identifiers_are_quoted_whatever_they_hold(name, written):
    """A name from the catalogue cannot end its quotes."""
    assert render(identifier(name)).text == written


@pytest.mark.parametrize("name", ["", "a'b", "a b", "1a", "é", "a\n"])
def test_a_name_literal_is_a_graphql_name(name):
    """Response names are the only text constants, and they cannot hold a quote."""
    with pytest.raises(ValueError, match="not a GraphQL name"):
        NameLiteral(name)


def test_equal_bindings_share_a_parameter():
    """Parameters are numbered in the order of their first use."""
    statement = render(sql("select {a} = {b} and {c}", a=Parameter("one"), b=Parameter("two"), c=Parameter("one")))
    assert statement.text == "select $1 = $2 and $1"
    assert statement.bindings == ("one", "two")


@pytest.mark.parametrize("number", [-1, True, 1.0, "1", None])
def test_a_number_is_a_whole_number_of_rows(number):
    """Nothing else can stand where a constant number stands."""
    with pytest.raises(ValueError, match="number of rows"):
        NumberLiteral(number)
    assert render(sql("limit {n}", n=NumberLiteral(64))).text == "limit 64"
