"""The SDL of proto, the resolvers and the permission table say the same."""

from __future__ import annotations

import pytest
from graphql import build_schema

from towpath_graphql.app.caller import PERMISSIONS, Caller, allow
from towpath_graphql.resolvers import schema
from towpath_proto import sdl
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import Role

FIELDS = {**build_schema(sdl.load()).query_type.fields, **build_schema(sdl.load()).mutation_type.fields}


def test_every_root_field_has_a_resolver_and_a_permission_row():
    """Neither a field nobody answers, nor a resolver or a permission of a field that is not there."""
    assert set(FIELDS) == {*schema.QUERIES, *schema.MUTATIONS} == set(PERMISSIONS)
    assert schema.build_schema().mutation_type is not None


def test_every_mutation_takes_one_input():
    """As in Prefect Server: one argument named input, of a type named after the mutation, which clients write into their documents."""
    for name in schema.MUTATIONS:
        assert {a: str(v.type) for a, v in FIELDS[name].args.items()} == {"input": f"{name}_input!"}


@pytest.mark.parametrize("role", list(Role))
def test_the_table_is_obeyed(role):
    """A role may ask for exactly the fields whose row names it; a refusal names who may."""
    for field, roles in PERMISSIONS.items():
        caller = Caller(None, str(role), "somebody")
        if role in roles:
            allow(caller, field)
            continue
        with pytest.raises(TowpathError) as caught:
            allow(caller, field)
        assert caught.value.code is Code.FORBIDDEN
        assert field in caught.value.message


def test_who_may_not_write():
    """A viewer changes nothing; a run's token neither registers, deletes, claims nor reaps."""
    mutations = set(schema.MUTATIONS)
    assert {f for f in mutations if "viewer" in PERMISSIONS[f]} == set()
    assert {f for f in mutations if "run" in PERMISSIONS[f]} == {
        "create_flow_run", "create_flow_runs", "set_flow_run_name", "set_task_run_name", "get_or_create_task_run",
        "get_or_create_task_run_info", "update_flow_run_heartbeat", "update_task_run_heartbeat", "write_run_logs",
        "set_flow_run_states", "set_task_run_states", "cancel_flow_run", "restart_flow_run", "begin_run",
        "renew_leases", "report_run", "release_run", "set_key_value", "delete_key_value", "request_slots",
        "create_task_run_artifact", "update_task_run_artifact", "delete_task_run_artifact",
    }  # fmt: skip


def test_an_unknown_field_is_for_nobody():
    """Default deny."""
    with pytest.raises(TowpathError, match="nobody"):
        allow(Caller(None, "admin", "ann"), "drop_everything")
