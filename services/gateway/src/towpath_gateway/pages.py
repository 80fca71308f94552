"""The UI's files, with the headers that keep them safe and fresh.

It serves what the UI's build has left in `static`, and computes nothing.
"""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
"""Where the UI's build puts its files."""
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
        " connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_GRAPHIQL = "graphiql.html"
_GRAPHIQL_HEADERS = {
    "content-security-policy": SECURITY_HEADERS["content-security-policy"].replace("font-src 'self'", "font-src 'self' data:"),
}
"""Its fonts stand in its style sheet."""
_HASHED = "assets/"
"""The build names files in here by their content, so they never change."""
_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Towpath</title>
<h1>Towpath is running</h1>
<p>The API is here: <code>POST /graphql</code>; its state is at <a href="/health">/health</a>.</p>
<p>This installation has no pages yet. In a checkout, build them with <code>npm ci</code> and <code>npm run build</code> in
<code>services/ui</code>; a released wheel brings them along.</p>
</html>
"""
_SWITCHED_OFF = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Towpath</title>
<h1>Towpath is running, without its pages</h1>
<p>They are switched off here (<code>--no-ui</code>, or <code>TOWPATH_UI=off</code>). The API is at <code>POST /graphql</code>; its state is
at <a href="/health">/health</a>.</p>
</html>
"""


class Pages:
    """Serves the UI.

    Args:
        folder: Where its files are; it may be absent, or appear later. None to serve no pages.
        ui: Whether the pages for people are served.
        graphiql: Whether the page for trying out queries is served.
    """

    def __init__(self, folder: Path | None = STATIC, *, ui: bool = True, graphiql: bool = False) -> None:
        self._ui = ui and folder is not None
        self._graphiql = graphiql
        self._files = None if folder is None else StaticFiles(directory=folder, check_dir=False)

    async def page(self, request: Request) -> Response:
        """A file; for a path that is a page of the application, its index."""
        path = request.path_params.get("path", "")
        if path.rstrip("/") in ("graphiql", _GRAPHIQL):
            return await self._try_out(request)
        response = await self._file(request, path) if path else None
        if response is not None:
            response.headers["cache-control"] = "public, max-age=31536000, immutable" if path.startswith(_HASHED) else "no-cache"
        elif "." in path.rpartition("/")[2]:
            response = PlainTextResponse("There is no such file.\n", 404)
        else:
            response = (await self._file(request, "index.html") if self._ui else None) or self._instead()
            response.headers["cache-control"] = "no-cache"
        response.headers.update(SECURITY_HEADERS)
        return response

    async def _file(self, request: Request, path: str) -> Response | None:
        if self._files is None or "\0" in path:
            return None
        full_path, found = await asyncio.to_thread(self._files.lookup_path, path)
        if found is None or not stat.S_ISREG(found.st_mode):
            return None
        return self._files.file_response(full_path, found, request.scope)

    async def _try_out(self, request: Request) -> Response:
        response = await self._file(request, _GRAPHIQL) if self._graphiql else None
        if response is None:
            why = "is not built" if self._graphiql else "is switched off (TOWPATH_GRAPHIQL)"
            response = PlainTextResponse(f"The page for trying out queries {why}.\n", 404)
        response.headers.update({**SECURITY_HEADERS, **_GRAPHIQL_HEADERS, "cache-control": "no-cache"})
        return response

    def _instead(self) -> Response:
        return HTMLResponse(_NOT_BUILT) if self._ui else HTMLResponse(_SWITCHED_OFF, 404)
