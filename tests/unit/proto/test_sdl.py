"""The SDL of the business service."""

from __future__ import annotations

from graphql import GraphQLInputObjectType, build_schema

from towpath_proto import sdl


def test_it_is_one_valid_schema_that_names_its_files():
    """All files together are a schema; each part says which file it comes from, in order."""
    text = sdl.load()
    schema = build_schema(text)
    assert schema.query_type.fields["hello"]
    named = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ") and line.endswith(".graphql")]
    assert named == sorted(named)
    assert {"base.graphql", "flows.graphql", "loops.graphql", "native.graphql", "runs.graphql", "tenants.graphql"} <= set(named)


def test_loading_twice_gives_the_same():
    """The text depends on nothing but the files."""
    assert sdl.load() == sdl.load()


def test_every_input_field_is_reachable():
    """No input type is left over that no field of a mutation or query takes."""
    schema = build_schema(sdl.load())
    text = sdl.load()
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLInputObjectType):
            assert text.count(name) > 1, name
