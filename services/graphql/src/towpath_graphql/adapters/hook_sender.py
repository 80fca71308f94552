"""Sends what hooks are told: one POST to a checked address, without redirects, within its time, its answer's body unread.

A name is resolved once, the addresses are checked, and the connection goes to a checked one: a name that points elsewhere a moment later
changes nothing. TLS still proves the name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence

import httpcore

from towpath_graphql.app.ports import NotTold
from towpath_graphql.domain.addresses import Network, may_reach
from towpath_graphql.domain.hooks import Request


class _RefusedError(Exception):
    """A name leads to no address that a hook may be sent to."""


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("its name cannot be resolved") from None
        checked = [str(entry[4][0]) for entry in found if may_reach(str(entry[4][0]), self._allowed)]
        if not checked:
            raise _RefusedError
        return await self._inner.connect_tcp(checked[0], port, timeout, local_address, socket_options)


class HookSender:
    """See `ports.HookSender` for its obligations.

    Args:
        allowed: Networks that may be reached although they are not of the public internet.
    """

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._network = _CheckedNetwork(allowed)
        self._ssl = httpcore.default_ssl_context()

    async def send(self, request: Request) -> None:
        """Send one request."""
        headers = [(k.encode(), v.encode()) for k, v in {"user-agent": "towpath", **request.headers}.items()]
        try:
            async with (
                asyncio.timeout(request.seconds),
                httpcore.AsyncConnectionPool(ssl_context=self._ssl, max_connections=1, retries=0, network_backend=self._network) as pool,
                pool.stream("POST", request.url, headers=headers, content=request.body) as answer,
            ):
                status = answer.status
        except _RefusedError:
            sentence = "its name leads to no public address, and to none in TOWPATH_HOOK_NETWORKS"
            raise NotTold(sentence, final=True) from None
        except TimeoutError:
            raise NotTold(f"no answer within {request.seconds:g} s") from None
        except (httpcore.ConnectError, httpcore.NetworkError) as e:
            raise NotTold(str(e)[:200] or "the connection failed") from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, UnicodeError) as e:
            raise NotTold(f"no HTTP answer ({type(e).__name__})") from None
        if not 200 <= status < 300:
            more = "; redirects are not followed" if 300 <= status < 400 else ""
            raise NotTold(f"answered {status}{more}")
