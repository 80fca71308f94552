"""The page for trying out queries, in a real Chromium against a real backend."""

from __future__ import annotations

from tests.ui.driving import drive, needs_browser
from tests.ui.seeding import Api, register
from towpath_server.testing import Backend

pytestmark = needs_browser


def test_queries_are_tried_out() -> None:
    """GraphiQL reads the merged schema, asks both sides, sends headers and subscribes, under the gateway's content security policy."""
    with Backend() as backend:
        flow = register(Api(backend.url), "canal")["flow_id"]
        drive("graphiql", backend.url, 5, FLOW_ID=flow)
