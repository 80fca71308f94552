"""Every door of the gateway: who may come in, and what foreign web pages cannot do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route, WebSocketRoute

from towpath_gateway.pages import Pages
from towpath_gateway.routes import PUBLIC_PATHS
from towpath_service_kit.straight import Straight

PUBLIC_PAGES = {("GET", "/"), ("HEAD", "/"), ("GET", "/{path:path}"), ("HEAD", "/{path:path}")}
"""The UI's files: the same for everybody, and nothing in them but the UI."""


def _routes(app: Any) -> list[Any]:
    found: list[Any] = []
    while not hasattr(app, "routes"):
        if isinstance(app, Straight):
            found += [Route(path, lambda _: None, methods=["POST"]) for path in sorted(app.paths)]
        app = app._app
    return [*found, *app.routes]


async def test_every_route_needs_identity_or_is_on_the_public_list(make: Any) -> None:
    """Each route of the application, WebSockets included, refuses a caller without a credential or is deliberately public."""
    harness = await make(auth=True)
    kinds = set()
    for route in _routes(harness.gateway.app):
        if isinstance(route, WebSocketRoute) or "WebSocket" in type(route).__name__:
            kinds.add("websocket")
            socket = await harness.socket(path=route.path).accepted()
            socket.say({"type": "connection_init"})
            assert await socket.closed() == 4401, route
            continue
        assert isinstance(route, Route), f"{route}: a new kind of route needs a rule here"
        for method in route.methods or ():
            if route.path in PUBLIC_PATHS or (method, route.path) in PUBLIC_PAGES:
                assert method in ("GET", "HEAD"), route
                kinds.add("public")
                continue
            answer = await harness.client.request(method, route.path, json={"query": "{ hello }"})
            assert answer.status_code == 401, (method, route)
            kinds.add("guarded")
    assert kinds == {"websocket", "public", "guarded"}
    assert not harness.business.seen
    assert not harness.read.seen


async def test_public_routes_tell_nothing_of_the_data(make: Any) -> None:
    """Probes get states and numbers; nothing that they show was asked for with an identity of a tenant."""
    harness = await make(auth=True)
    for path in sorted(PUBLIC_PATHS):
        assert (await harness.client.get(path)).status_code in (200, 503)
    assert not harness.business.seen
    assert not harness.read.seen


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "127.0.0.1:4200"}, True),
        ({"host": "localhost:4200", "origin": "http://localhost:4200"}, True),
        ({"host": "[::1]:4200", "origin": "http://[::1]:4200"}, True),
        ({"host": "localhost:4200", "origin": "http://127.0.0.1:5173"}, True),
        ({"host": "towpath.test:4200", "origin": "https://towpath.test:4200"}, True),
        ({"host": "evil.example:4200"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": ""}, False),
        ({"host": "evil.example@127.0.0.1"}, False),
        ({"host": "127.0.0.1:4200", "origin": "http://evil.example"}, False),
        ({"host": "127.0.0.1:4200", "origin": "null"}, False),
        ({"host": "127.0.0.1:4200", "origin": ""}, False),
        ({"host": "127.0.0.1:4200", "origin": "http://localhost.evil.example"}, False),
        ({"host": "127.0.0.1:4200", "origin": "file://localhost"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
        ({"host": "evil.example", "origin": "http://evil.example", "authorization": ""}, False),
        ({"host": "evil.example", "origin": "http://evil.example", "authorization": " \t"}, False),
        ({"host": "localhost:4200", "authorization": ""}, True),
    ],
)
async def test_foreign_pages_do_not_reach_a_gateway_without_keys(make: Any, headers: dict[str, str], allowed: bool) -> None:
    """Neither DNS rebinding (Host) nor a post across sites (Origin) gets through, by HTTP or by WebSocket."""
    harness = await make(allowed_hosts=frozenset({"towpath.test"}))
    answer = await harness.client.post("/graphql", json={"query": "{ hello }"}, headers=headers)
    socket = harness.socket(headers)
    if allowed:
        assert answer.json() == {"data": {"hello": "ahoy"}}
        await socket.begin()
        return
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert await socket.closed() == 4403
    assert not harness.business.seen


async def test_a_credential_opens_any_host(make: Any) -> None:
    """Pages know no keys, so a caller with one may come by any name; probes may, too."""
    harness = await make()
    headers = {"host": "gateway.internal", "authorization": "Bearer service token of the tests"}
    answer = await harness.client.post("/graphql", json={"query": "{ hello }"}, headers=headers)
    assert answer.status_code == 200
    assert (await harness.client.get("/health/live", headers={"host": "10.0.0.7"})).status_code == 200


async def test_no_other_site_may_read_answers(harness: Any) -> None:
    """There are no CORS permissions, and answers are not kept in caches."""
    answer = await harness.post("{ hello }", origin="http://localhost:1234")
    assert not [h for h in answer.headers if h.startswith("access-control")]
    assert answer.headers["cache-control"] == "no-store"
    preflight = await harness.client.options("/graphql", headers={"origin": "http://localhost:1234"})
    assert preflight.status_code == 405


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built UI."""
    folder = tmp_path / "site"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>ui</title>")
    (folder / "assets" / "app-1a2b.js").write_text("1")
    (folder / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def test_pages_are_served_with_safe_headers(make: Any, site: Path) -> None:
    """Files are served as they are, application paths get the index, and every answer carries the policy."""
    harness = await make(pages=Pages(site))
    for path, status, text, cache in (
        ("/", 200, "<title>ui</title>", "no-cache"),
        ("/flow-run/123", 200, "<title>ui</title>", "no-cache"),
        ("/graphql", 200, "<title>ui</title>", "no-cache"),
        ("/icon.svg", 200, "<svg/>", "no-cache"),
        ("/assets/app-1a2b.js", 200, "1", "public, max-age=31536000, immutable"),
        ("/assets/gone.js", 404, "no such file", None),
    ):
        answer = await harness.client.get(path)
        assert (answer.status_code, answer.headers.get("cache-control")) == (status, cache), path
        assert text in answer.text
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"script-src[^;]*unsafe", policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
    tag = (await harness.client.get("/icon.svg")).headers["etag"]
    assert (await harness.client.get("/icon.svg", headers={"if-none-match": tag})).status_code == 304


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/%00"])
async def test_no_path_leaves_the_folder(make: Any, site: Path, path: str) -> None:
    """A path that climbs out of the UI's folder finds nothing."""
    harness = await make(pages=Pages(site))
    answer = await harness.client.get(path)
    assert "secret" not in answer.text


async def test_without_a_built_ui_a_page_says_how_to_build_it(harness: Any) -> None:
    """A checkout without built pages still answers at `/`."""
    answer = await harness.client.get("/")
    assert answer.status_code == 200
    assert "npm run build" in answer.text
    assert (await harness.client.get("/favicon.ico")).status_code == 404


async def test_health_shows_every_service(make: Any) -> None:
    """`/health` is 200 only when every service is ready, and names each one's reason."""
    reasons: dict[str, str] = {}

    async def loop() -> dict[str, str]:
        return reasons

    harness = await make(peers={"scheduler": loop})
    answer = await harness.client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert set(answer.json()["services"]) == {"graphql", "read", "bus", "scheduler"}
    reasons["lag"] = "90 s behind"
    harness.read.status = 503
    harness.bus.disconnect()
    answer = await harness.client.get("/health")
    assert answer.status_code == 503
    services = answer.json()["services"]
    assert services["scheduler"] == {"status": "unavailable", "checks": {"lag": "90 s behind"}}
    assert services["graphql"]["status"] == "ready"
    assert {services[n]["status"] for n in ("read", "bus")} == {"unavailable"}
    assert (await harness.client.get("/health/ready")).status_code == 200
    harness.business.ready["database"] = "no connection"
    answer = await harness.client.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"graphql": "no connection"})
    assert (await harness.client.get("/health/live")).status_code == 200


async def test_metrics_count_requests(harness: Any) -> None:
    """`/metrics` counts requests by status."""
    await harness.data("{ hello }")
    await harness.post("{ hello")
    text = (await harness.client.get("/metrics")).text
    assert 'towpath_gateway_requests_total{status="200"} 1.0' in text
    assert 'towpath_gateway_requests_total{status="400"} 1.0' in text
