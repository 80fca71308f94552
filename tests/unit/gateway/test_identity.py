"""Who a caller is, and what the services hear of it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from towpath_gateway.config import Config
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity

SECRET = "identity secret of the tests"
SERVICE_TOKEN = "service token of the tests"
TENANT = UUID("01930000-0000-7000-8000-000000000001")
OTHER = UUID("01930000-0000-7000-8000-000000000002")
RUN = UUID("01930000-0000-7000-8000-0000000000aa")
SESSION = ("x-hasura-role", "x-hasura-tenant-id", "x-hasura-run-id")


def _session(harness: Any) -> dict[str, str]:
    return {n: harness.read.seen[-1].headers[n] for n in SESSION if n in harness.read.seen[-1].headers}


async def _both(harness: Any, **headers: str) -> tuple[identity.Identity, dict[str, str]]:
    await harness.data("{ hello }", **headers)
    await harness.data("{ flow { id } }", **headers)
    return harness.business.callers[-1], _session(harness)


def _key(harness: Any, role: str = "viewer", tenant: UUID = TENANT) -> str:
    key = identity.make_api_key()
    harness.business.keys[identity.hash_api_key(key)] = {"tenant_id": str(tenant), "role": role, "actor": "key"}
    return f"Bearer {key}"


async def test_without_keys_the_caller_is_admin_of_the_default_tenant(harness: Any) -> None:
    """On a gateway without keys nobody needs to say who they are; to Hasura a tenant's admin is an operator, never `admin`."""
    caller, session = await _both(harness)
    assert (caller.tenant, caller.role, caller.actor) == (TENANT, identity.Role.ADMIN, "local")
    assert session == {"x-hasura-role": "operator", "x-hasura-tenant-id": str(TENANT)}


async def test_without_keys_a_header_picks_another_tenant(harness: Any) -> None:
    """Both clients' headers pick the tenant; one that is no UUID is an error."""
    for header in ("x_prefect_tenant_id", "x_towpath_tenant"):
        caller, session = await _both(harness, **{header: str(OTHER)})
        assert caller.tenant == OTHER
        assert session["x-hasura-tenant-id"] == str(OTHER)
    assert await harness.error("{ hello }", x_prefect_tenant_id="first") == (400, "BAD_REQUEST")


async def test_the_default_tenant_is_asked_for_once(harness: Any) -> None:
    """The default tenant is remembered for half a minute, and kept while the graphql service is away."""
    for _ in range(3):
        await harness.data("{ flow { id } }")
    assert sum("auth_info" in s.query for s in harness.business.seen) == 1
    harness.business.data["auth_info"] = {"tenant_id": str(OTHER)}
    harness.clock.advance(31)
    await harness.data("{ flow { id } }")
    assert _session(harness)["x-hasura-tenant-id"] == str(OTHER)


async def test_before_there_is_a_tenant_nothing_is_seen(harness: Any) -> None:
    """While no tenant exists, mutations go on without one (to make the first), and reads see no tenant's rows."""
    harness.business.data["auth_info"] = {"tenant_id": None}
    caller, session = await _both(harness)
    assert caller.tenant is None
    assert session == {"x-hasura-role": "operator", "x-hasura-tenant-id": str(UUID(int=0))}
    harness.read.tables["tenant"] = [{"id": str(OTHER), "created": "2026"}]
    caller, _ = await _both(harness)
    assert caller.tenant == OTHER


@pytest.mark.parametrize(("role", "hasura"), [("admin", "operator"), ("operator", "operator"), ("viewer", "viewer"), ("agent", "agent")])
async def test_an_api_key_gives_its_tenant_and_role(make: Any, role: str, hasura: str) -> None:
    """The services hear the key's tenant and role."""
    harness = await make(auth=True)
    caller, session = await _both(harness, authorization=_key(harness, role))
    assert (caller.tenant, caller.role, caller.actor) == (TENANT, role, "key")
    assert session == {"x-hasura-role": hasura, "x-hasura-tenant-id": str(TENANT)}


async def test_a_key_works_without_auth_too(harness: Any) -> None:
    """Whoever shows a key on a gateway without keys is what the key says."""
    caller, _ = await _both(harness, authorization=_key(harness, "viewer", OTHER))
    assert (caller.tenant, caller.role) == (OTHER, "viewer")


async def test_a_key_is_looked_up_at_most_each_ten_seconds(make: Any) -> None:
    """A deleted key stops working within ten seconds; callers at the same time share one look-up."""
    harness = await make(auth=True)
    key = _key(harness)
    await asyncio.gather(*(harness.data("{ hello }", authorization=key) for _ in range(5)))
    lookups = [s for s in harness.business.seen if "verify_api_key" in s.query]
    assert len(lookups) == 1
    assert key.removeprefix("Bearer ") not in str(lookups)
    harness.business.keys.clear()
    harness.clock.advance(9.9)
    await harness.data("{ hello }", authorization=key)
    harness.clock.advance(0.2)
    assert await harness.error("{ hello }", authorization=key) == (401, "UNAUTHENTICATED")


async def test_a_key_belongs_to_one_tenant(make: Any) -> None:
    """Naming another tenant than the key's is FORBIDDEN; naming its own is what Prefect 1's client does."""
    harness = await make(auth=True)
    key = _key(harness)
    await harness.data("{ hello }", authorization=key, x_prefect_tenant_id=str(TENANT))
    assert await harness.error("{ hello }", authorization=key, x_prefect_tenant_id=str(OTHER)) == (403, "FORBIDDEN")


async def test_a_run_token_opens_its_run(make: Any) -> None:
    """A run token is checked here, without a look-up, and carries tenant, run and fence."""
    harness = await make(auth=True)
    token = identity.make_run_token(SECRET, TENANT, RUN, 7)
    caller, session = await _both(harness, authorization=f"Bearer {token}")
    assert (caller.tenant, caller.role, caller.run, caller.fence) == (TENANT, identity.Role.RUN, RUN, 7)
    assert session == {"x-hasura-role": "run", "x-hasura-tenant-id": str(TENANT), "x-hasura-run-id": str(RUN)}
    assert not [s for s in harness.business.seen if "verify_api_key" in s.query]


async def test_the_service_token_is_the_loops(make: Any) -> None:
    """The loops are of no tenant and see all; they may name one."""
    harness = await make(auth=True)
    caller, session = await _both(harness, authorization=f"Bearer {SERVICE_TOKEN}")
    assert (caller.tenant, caller.role) == (None, identity.Role.SERVICE)
    assert session == {"x-hasura-role": "admin"}
    caller, session = await _both(harness, authorization=f"Bearer {SERVICE_TOKEN}", x_towpath_tenant=str(OTHER))
    assert caller.tenant == OTHER
    assert session == {"x-hasura-role": "operator", "x-hasura-tenant-id": str(OTHER)}


@pytest.mark.parametrize("auth", [True, False])
@pytest.mark.parametrize(
    "credential",
    [
        "Bearer nonsense",
        "Bearer twk_unknown",
        "Bearer twr_forged",
        "Bearer twr_" + "A" * 96,
        "Bearer " + identity.make_run_token("another secret", TENANT, RUN, 1),
        "Bearer service token of the testt",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer k\xe9y",
    ],
)
async def test_an_unknown_credential_is_refused_everywhere(make: Any, auth: bool, credential: str) -> None:
    """Whoever shows a credential that is none of ours is UNAUTHENTICATED, on a gateway without keys, too."""
    harness = await make(auth=auth)
    answer = await harness.client.post("/graphql", json={"query": "{ hello }"}, headers={"authorization": credential.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert not any(c.role != identity.Role.SERVICE for c in harness.business.callers)


async def test_with_keys_nobody_comes_in_without_one(make: Any) -> None:
    """No credential is no identity, whatever identity the headers claim."""
    harness = await make(auth=True)
    forged = identity.sign(identity.Identity(tenant=TENANT, role=identity.Role.ADMIN, actor="me"), SECRET)
    answer = await harness.client.post("/", json={"query": "{ hello }"}, headers={identity.HEADER: forged, "x-hasura-role": "admin"})
    assert answer.status_code == 401
    assert not harness.business.seen


async def test_keys_cannot_be_checked_while_the_graphql_service_is_away(make: Any) -> None:
    """An unknown key is not called wrong when nobody can be asked: the client may try again."""
    harness = await make(auth=True)
    harness.business.app.routes.clear()
    assert await harness.error("{ hello }", authorization="Bearer twk_x") == (500, "INTERNAL")


def _env(**settings: str) -> dict[str, str]:
    return {"TOWPATH_IDENTITY_SECRET": "x" * 20, **settings}


@pytest.mark.parametrize(
    ("host", "mode", "auth"),
    [
        ("127.0.0.1", "auto", False),
        ("localhost", "auto", False),
        ("::1", "off", False),
        ("127.0.0.1", "on", True),
        ("0.0.0.0", "auto", True),
        ("::", "auto", True),
        ("towpath.example", "on", True),
    ],
)
def test_loopback_needs_no_keys_and_other_addresses_do(host: str, mode: str, auth: bool) -> None:
    """By default a gateway on loopback takes everybody, and any other one takes those with a key."""
    assert Config.from_env(_env(TOWPATH_HOST=host, TOWPATH_AUTH=mode)).auth is auth


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "towpath.example", "127.0.0.1.example"])
def test_no_open_gateway_on_other_addresses(host: str) -> None:
    """Turning keys off on an address that others reach is refused, with a sentence that says how to make a key."""
    with pytest.raises(TowpathError) as caught:
        Config.from_env(_env(TOWPATH_HOST=host, TOWPATH_AUTH="off"))
    assert caught.value.code is Code.BAD_SETTING
    assert "create_api_key" in caught.value.message


def test_secrets_are_required_and_never_shown() -> None:
    """Without an identity secret there is no gateway; with one, its text is nowhere to be seen."""
    with pytest.raises(TowpathError, match="TOWPATH_IDENTITY_SECRET"):
        Config.from_env({})
    config = Config.from_env(_env(TOWPATH_SERVICE_TOKEN="very secret token 1", TOWPATH_READ_SECRET="very secret token 2"))
    assert "very secret" not in repr(config)
    assert "x" * 20 not in repr(config)
    assert Config.from_env(_env()).read_secret.value == "x" * 20
