"""Whether anybody could come in. An address that others can reach needs API keys, so without a key the start is refused.

Keys are made while the server listens on a loopback address, where the caller is the default tenant's admin.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from towpath_proto import wire
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import identity
from towpath_service_kit.identity import Identity, Role
from towpath_service_kit.upstream import Upstream


async def need_a_key(graphql: Upstream, *, secret: str, host: str) -> None:
    """Refuse to serve when the default tenant has no API key.

    Args:
        graphql: The graphql service, ready.
        secret: The installation's identity secret.
        host: The address that the server was to listen on.

    Raises:
        TowpathError: `BAD_SETTING`, saying how to make a key.
    """
    caller = Identity(tenant=None, role=Role.ADMIN, actor="server start")
    tenant = (await _ask(graphql, secret, caller, "{ auth_info { tenant_id } }"))["auth_info"]["tenant_id"]
    if (await _ask(graphql, secret, replace(caller, tenant=UUID(tenant)), "{ api_keys { id } }"))["api_keys"]:
        return
    raise TowpathError(
        Code.BAD_SETTING,
        f"Whoever reaches {host} needs an API key, and there is none yet, so nobody could come in. Start on 127.0.0.1, make a key there "
        'with the mutation create_api_key(input: {name: "me", role: "admin"}) { key }, and start here again.',
        setting="TOWPATH_HOST",
    )


async def _ask(graphql: Upstream, secret: str, caller: Identity, document: str) -> dict[str, Any]:
    headers = {identity.HEADER: identity.sign(caller, secret)}
    answer = await graphql.post("/graphql", json.dumps({"query": document}).encode(), headers)
    return wire.decode(answer.status, answer.body)
