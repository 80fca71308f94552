"""Which functions of a database a query can call, and what is said of the others."""

import pytest

from towpath_read_engine.catalog import Catalog, CatalogArgument, CatalogFunction
from towpath_read_engine.errors import MetadataError
from towpath_read_engine.function_entries import FunctionKey, functions_of
from towpath_read_engine.functions import tracked
from towpath_read_engine.metadata import TableKey
from towpath_read_engine.naming import Naming
from towpath_read_engine.scalars import TEXT, builtin

_ARTICLE = TableKey("public", "article")
_ROW = builtin("article")


def _function(*arguments: CatalogArgument, **changes) -> CatalogFunction:
    settings = {"returns": _ROW, "table": _ARTICLE, "returns_set": True, "volatile": False, "variadic": False, "comment": None}
    return CatalogFunction(arguments=arguments, **(settings | changes))


def _argument(name: str, type_=TEXT, *, has_default: bool = False) -> CatalogArgument:
    return CatalogArgument(name, type_, None, has_default)


def _tracked(raw: dict, *functions: CatalogFunction):
    entries = functions_of({"functions": [{"function": "find", **raw}]})
    return tracked(entries, Catalog({}, (), {FunctionKey("public", "find"): functions}), Naming(), {_ARTICLE}, {"article"})


def test_a_function_has_fields_arguments_and_names_of_its_own():
    """Custom names rename the roots and the type of the arguments; arguments without a name are numbered."""
    configuration = {"custom_name": "search", "custom_root_fields": {"function": "searching"}, "session_argument": "session"}
    arguments = (_argument("word"), _argument("session", builtin("json")), _argument("", builtin("_int4", builtin("int4"))))
    (function,), problems = _tracked({"configuration": configuration, "comment": "c"}, _function(*arguments))
    assert problems == {}
    assert function.roots == {"function": "searching", "function_aggregate": "search_aggregate"}
    assert function.arguments_type == "search_args"
    assert function.comment == "c"
    assert [(item.field, item.name, item.written) for item in function.function.given] == [
        ("word", "word", "String"),
        ("arg_1", None, "_int4"),
    ]


def test_one_row_has_no_aggregate():
    """A function that returns a row and not a set of them has one field."""
    (function,), _ = _tracked({}, _function(returns_set=False))
    assert function.roots == {"function": "find"}


@pytest.mark.parametrize(
    ("raw", "functions", "problem"),
    [
        ({}, (), "is not in the database"),
        ({}, (_function(), _function(_argument("a"))), "is overloaded"),
        ({}, (_function(variadic=True),), "variadic"),
        ({}, (_function(volatile=True),), "is a mutation"),
        ({"configuration": {"exposed_as": "mutation"}}, (_function(),), "is a mutation"),
        ({}, (_function(table=None, returns=TEXT),), "does not return rows of a tracked table"),
        ({}, (_function(table=TableKey("public", "untracked")),), "does not return rows of a tracked table"),
        ({}, (_function(_argument("a b")),), "whose name GraphQL does not have"),
        ({"configuration": {"custom_name": "article"}}, (_function(),), "root field of something else"),
        ({"configuration": {"custom_name": "a b"}}, (_function(),), "would get the name"),
        ({"configuration": {"session_argument": "session"}}, (_function(_argument("a")),), "has no argument 'session'"),
        ({"configuration": {"session_argument": "a"}}, (_function(_argument("a")),), "not of type json"),
    ],
)
def test_what_no_query_can_call_is_named_and_left_out(raw, functions, problem):
    """One function that cannot be served does not stop the rest."""
    found, problems = _tracked(raw, *functions)
    assert found == ()
    assert problems.keys() == {FunctionKey("public", "find")}
    assert problem in problems[FunctionKey("public", "find")]


def test_a_volatile_function_may_be_a_query_when_the_metadata_says_so():
    """`exposed_as: query` is the word of whoever wrote the function."""
    found, problems = _tracked({"configuration": {"exposed_as": "query"}}, _function(volatile=True))
    assert (len(found), problems) == (1, {})


@pytest.mark.parametrize(
    "functions",
    [[{"function": {}}], ["find"], [{"function": "a", "configuration": {"exposed_as": "x"}}], [{"function": "a"}, {"function": "a"}]],
)
def test_malformed_entries_are_refused(functions):
    """A mistake in the metadata is named and not skipped."""
    with pytest.raises(MetadataError, match=r"malformed|twice"):
        functions_of({"functions": functions})
