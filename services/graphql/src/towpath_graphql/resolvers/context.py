"""What a resolver finds in `info.context`, and the guard that stands before every root field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo

from towpath_graphql.app.caller import Caller, allow
from towpath_graphql.app.claim_flow_runs import MakeToken
from towpath_graphql.app.create_flow_runs import Creating
from towpath_graphql.app.deliver_hooks import Told
from towpath_graphql.app.ports import Cipher, Store
from towpath_graphql.app.set_states import Setting


@dataclass(frozen=True, slots=True)
class Context:
    """One request.

    Attributes:
        caller: The proven identity.
        store: Where transactions come from.
        cipher: Encrypts secrets.
        told: How hooks are told.
        creating, setting: Small writes that share transactions.
        make_run_token: (tenant id, flow run id, fence) -> token of a claimed run.
        make_api_key, hash_api_key: How API keys are made and looked up.
    """

    caller: Caller
    store: Store
    cipher: Cipher
    told: Told
    creating: Creating
    setting: Setting
    make_run_token: MakeToken
    make_api_key: Callable[[], str]
    hash_api_key: Callable[[str], str]


Handler = Callable[..., Awaitable[Any]]


def guarded(field: str, handler: Handler) -> Callable[..., Awaitable[Any]]:
    """A resolver that refuses callers whose role the permission table does not name."""

    async def resolve(_: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        allow(info.context.caller, field)
        return await handler(info.context, **arguments)

    return resolve
