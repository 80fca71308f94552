"""`Client`: everything that a program may ask of a Towpath API, one method each. Here is what sends; what can be asked is in its parts.

A client connects when it is first used. All its calls may be repeated safely: creations carry an idempotency key always. It knows no
command line and prints nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from towpath.client.administration import Administration
from towpath.client.asking import Row
from towpath.client.flows import Registration
from towpath.client.keeping import Keeping
from towpath.client.lookups import Lookups
from towpath.client.runs import Runs
from towpath.client.settings import Settings, checked_url

if TYPE_CHECKING:
    from towpath.client.transport import Transport
    from towpath.core.flow import Flow


class Client(Runs, Lookups, Keeping, Administration):
    """A client of a Towpath API.

    Args:
        api_url: Address; TOWPATH_API_URL when absent.
        api_key: Bearer token; TOWPATH_API_KEY (inside a run: the run's token) when absent.
        settings: All settings at once, instead of the environment.
        patience: Seconds during which a request is tried again while the API is away.

    Raises:
        TowpathError: Every method raises it, with the code that the API gave, or `UNREACHABLE`.
    """

    def __init__(
        self,
        *,
        api_url: str | None = None,
        api_key: str | None = None,
        settings: Settings | None = None,
        patience: float | None = None,
    ) -> None:
        import dataclasses

        chosen = settings or Settings.from_env()
        if api_url is not None:
            chosen = dataclasses.replace(chosen, api_url=checked_url(api_url))
        if api_key is not None:
            chosen = dataclasses.replace(chosen, token=api_key)
        if patience is not None:
            chosen = dataclasses.replace(chosen, patience=patience)
        self.settings = chosen

    @cached_property
    def _transport(self) -> Transport:
        from towpath.client.transport import Transport

        return Transport(self.settings)

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        transport = self.__dict__.pop("_transport", None)
        if transport is not None:
            transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------------------------- anything

    def graphql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        timeout: float | None = None,
        patience: float | None = None,
    ) -> Row:
        """Send any GraphQL document and return its `data`.

        Args:
            query: The document.
            variables: Its variables.
            operation_name: Which operation, if it holds several.
            timeout: Seconds one try may take.
            patience: Seconds during which to try again while the API is away; 0 means one try.
        """
        return self._transport.graphql(query, variables, operation_name=operation_name, timeout=timeout, patience=patience)

    def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
        *,
        stop: threading.Event | None = None,
        on_connect: Callable[[], None] | None = None,
        on_disconnect: Callable[[Exception], None] | None = None,
    ) -> Iterator[Row]:
        """Yield the `data` of each event of a subscription; connects again whenever the connection is lost.

        Args:
            query: A subscription document.
            variables: Its variables; a function is asked at each connection, so that a stream can go on where it was.
            stop: Ends the generator when set.
            on_connect: Called after each connection: events before it may have been missed.
            on_disconnect: Called with the reason when there is no connection.
        """
        from towpath.client.subscriptions import subscribe

        return subscribe(self.settings, query, variables, stop=stop, on_connect=on_connect, on_disconnect=on_disconnect)


def register_flow(flow: Flow, project_name: str | None = None, **options: Any) -> Registration:
    """Register a flow with the API of the environment's settings; the options are those of `Client.register_flow`."""
    with Client() as client:
        return client.register_flow(flow, project_name, **options)
