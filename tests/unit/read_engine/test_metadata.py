"""Reading metadata: both forms, and the refusal of what would silently change answers."""

import json
import os
from decimal import Decimal

import pytest

from towpath_read_engine.errors import MetadataError
from towpath_read_engine.metadata import NOTHING, Metadata, TableKey, parse, source_of, tables_of
from towpath_read_engine.metadata_files import load, save
from towpath_read_engine.naming import Naming


def _folder(tmp_path, table: str, include: str = '"!include public_a.yaml"'):
    tables = tmp_path / "databases" / "default" / "tables"
    tables.mkdir(parents=True)
    (tmp_path / "version.yaml").write_text("version: 3\n")
    (tmp_path / "databases" / "databases.yaml").write_text(
        '- name: default\n  kind: postgres\n  configuration: {}\n  tables: "!include default/tables/tables.yaml"\n'
    )
    (tables / "tables.yaml").write_text(f"- {include}\n")
    (tables / "public_a.yaml").write_text(table)
    return tmp_path


_TABLE = """
table: {schema: public, name: a}
array_relationships:
  - name: bs
    using: {foreign_key_constraint_on: {column: a_id, table: {schema: public, name: b}}}
select_permissions:
  - role: reader
    permission: {columns: [id], filter: {id: {_eq: X-Hasura-Id}}, limit: 5, allow_aggregations: true}
"""


@pytest.mark.parametrize("include", ['"!include public_a.yaml"', "!include public_a.yaml"])
def test_a_folder_and_a_file_say_the_same(tmp_path, include):
    """`!include` works as text and as a tag, and one JSON file is another way to write the folder."""
    from_folder = load(_folder(tmp_path, _TABLE, include)).tables
    file = tmp_path / "metadata.json"
    table = {
        "table": {"schema": "public", "name": "a"},
        "array_relationships": [
            {"name": "bs", "using": {"foreign_key_constraint_on": {"column": "a_id", "table": {"schema": "public", "name": "b"}}}}
        ],
        "select_permissions": [
            {
                "role": "reader",
                "permission": {"columns": ["id"], "filter": {"id": {"_eq": "X-Hasura-Id"}}, "limit": 5, "allow_aggregations": True},
            }
        ],
    }
    file.write_text(json.dumps({"resource_version": 1, "metadata": {"version": 3, "sources": [{"kind": "postgres", "tables": [table]}]}}))
    assert load(file).tables == from_folder
    assert from_folder[0].key == TableKey("public", "a")
    assert from_folder[0].permissions["reader"].columns == frozenset({"id"})


def test_an_include_cannot_leave_the_folder(tmp_path):
    """Metadata cannot make the engine read other files."""
    with pytest.raises(MetadataError, match="outside"):
        load(_folder(tmp_path / "inner", _TABLE, '"!include ../../../../secret.yaml"'))


def test_an_include_of_itself_ends(tmp_path):
    """A cycle of includes is an error and not a hang."""
    with pytest.raises(MetadataError, match="includes itself"):
        load(_folder(tmp_path, "!include public_a.yaml"))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"table": "a", "computed_fields": [{}]}, "malformed"),
        ({"table": "a", "object_relationships": [{"name": "x", "using": {}}]}, "malformed"),
        ({"table": "a", "select_permissions": [{"role": "r", "permission": {"columns": "*", "filter": {}, "limit": -1}}]}, "malformed"),
        ({"table": "a", "select_permissions": [{"role": "r", "permission": {"columns": "*"}}]}, "has no filter"),
        ({"table": "a", "select_permissions": 2 * [{"role": "r", "permission": {"columns": "*", "filter": {}}}]}, "two select permissions"),
        ({"table": "a", "select_permissions": [{"role": "r", "permission": {"columns": "*", "filter": []}}]}, "has no filter"),
        ({"tabel": "a"}, "malformed"),
        ("a", "malformed"),
    ],
)
def test_what_is_not_served_or_malformed_is_refused(table, problem):
    """Nothing in the metadata is ignored that would change an answer."""
    with pytest.raises(MetadataError, match=problem):
        tables_of({"kind": "postgres", "tables": [table]})


@pytest.mark.parametrize("sources", [None, [], [{"kind": "mssql"}], [{"tables": []}, {"tables": []}]])
def test_there_is_exactly_one_postgres_source(sources):
    """The engine reads one database."""
    with pytest.raises(MetadataError, match="exactly one"):
        source_of(sources)


def test_metadata_that_nests_too_deep_is_refused():
    """It would be too deep for the compiler of row filters."""
    rows: dict = {}
    for _ in range(2000):
        rows = {"_not": rows}
    with pytest.raises(MetadataError, match="nests deeper"):
        parse({"version": 3, "sources": [], "inherited_roles": rows})


def test_what_is_stored_is_loaded_again(tmp_path):
    """Fractions keep their digits, dates are texts, the old file is replaced whole, and nothing else is left in the folder."""
    store = tmp_path / "store.json"
    store.write_text("old")
    rows = {"price": {"_gt": Decimal("0.10000000000000000001")}, "name": {"_eq": 'é"\\ud800'}}
    permission = {"role": "r", "permission": {"columns": "*", "filter": rows}}
    save(store, parse({"version": 3, "sources": [{"tables": [{"table": "a", "select_permissions": [permission]}]}]}))
    assert "0.10000000000000000001" in store.read_text("utf-8")
    (table,) = load(store).tables
    assert table.permissions["r"].filter["name"] == rows["name"]
    assert os.listdir(tmp_path) == ["store.json"]
    dates = tmp_path / "dates.yaml"
    dates.write_text("version: 3\nsources: [{tables: [], since: 2020-01-01}]\n")
    save(store, load(dates))
    assert load(store).document == {"version": 3, "sources": [{"tables": [], "since": "2020-01-01"}]}


def test_a_store_that_cannot_be_written_stays_as_it_was(tmp_path):
    """The refusal names the file; what was begun is taken away."""
    store = tmp_path / "store.json"
    (store / "inside").mkdir(parents=True)
    for path in (store, tmp_path / "nowhere" / "store.json"):
        with pytest.raises(MetadataError, match="cannot be written"):
            save(path, NOTHING)
    assert os.listdir(tmp_path) == ["store.json"]
    with pytest.raises(MetadataError, match="cannot be written"):
        save(tmp_path / "new.json", Metadata(document={"a": object()}))
    assert os.listdir(tmp_path) == ["store.json"]


def test_missing_metadata_is_an_error(tmp_path):
    """A wrong path is named."""
    with pytest.raises(MetadataError, match="cannot be read"):
        load(tmp_path / "nothing")


def test_a_customization_of_a_source():
    """It gives roots and types their names; an empty one, as exports may hold, says nothing."""
    source = {"kind": "postgres", "tables": []}
    roots, types = {"namespace": "n", "prefix": "x_", "suffix": "_1"}, {"prefix": "T", "suffix": None}
    custom = {"root_fields": roots, "type_names": types, "naming_convention": "hasura-default"}
    naming = parse({"version": 3, "sources": [source | {"customization": custom}]}).naming
    assert (naming.namespace, naming.root("a"), naming.type("a")) == ("n", "x_a_1", "Ta")
    for nothing in (None, {}, {"root_fields": None}, {"root_fields": {"namespace": ""}}):
        assert parse({"version": 3, "sources": [source | {"customization": nothing}]}).naming == Naming()


@pytest.mark.parametrize(
    ("customization", "word"),
    [
        ({"naming_convention": "graphql-default"}, "hasura-default"),
        ({"root_fields": {"namespace": "a b"}}, "namespace"),
        ({"root_fields": {"prefix": "1"}}, "prefix"),
        ({"root_fields": {"suffix": "\u00e9"}}, "suffix"),
        ({"type_names": {"prefix": "__"}}, "prefix"),
        ({"type_names": {"suffix": 5}}, "suffix"),
        ({"type_names": "T"}, "malformed"),
        ("x", "malformed"),
    ],
)
def test_a_customization_that_makes_no_names_is_refused(customization, word):
    """Names that GraphQL does not have, and the convention that is not served."""
    with pytest.raises(MetadataError, match=word):
        parse({"version": 3, "sources": [{"kind": "postgres", "tables": [], "customization": customization}]})


@pytest.mark.parametrize("name", ["", " ", None, 7, ["x"]])
@pytest.mark.parametrize(
    "place",
    [
        lambda name: {"sources": [{"tables": [{"table": "a", "select_permissions": [{"role": name, "permission": {"filter": {}}}]}]}]},
        lambda name: {"sources": [{"tables": [], "functions": [{"function": "f", "permissions": [{"role": name}]}]}]},
        lambda name: {"sources": [{"tables": []}], "inherited_roles": [{"role_name": name, "role_set": ["a"]}]},
        lambda name: {"sources": [{"tables": []}], "inherited_roles": [{"role_name": "a", "role_set": [name]}]},
    ],
)
def test_a_role_has_a_name(name, place):
    """The empty role is that of callers whom no permission knows, so no metadata may give it something."""
    with pytest.raises(MetadataError, match="the name of a role"):
        parse({"version": 3, **place(name)})
