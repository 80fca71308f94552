"""A registry of images on loopback, for one image and whoever has its password: files, laid out as runtimes ask for them when they pull."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_AUTH = base64.b64encode(b"somebody:a password").decode()


class Registry:
    """One image.

    Args:
        archive: What `docker save` has written of it.
        folder: For its files.

    Attributes:
        image: Its name for whoever is on this machine.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        self._image = folder / "v2" / "tests" / "flows"
        (self._image / "blobs").mkdir(parents=True)
        (self._image / "manifests").mkdir()
        with tarfile.open(archive) as tar:
            (image,) = json.load(_member(tar, "manifest.json"))
            config, *layers = [self._blob(tar, name) for name in (image["Config"], *image["Layers"])]
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": {"mediaType": _CONFIG, **config}}
        manifest["layers"] = [{"mediaType": _LAYER, **one} for one in layers]
        text = json.dumps(manifest).encode()
        for name in ("1", f"sha256:{hashlib.sha256(text).hexdigest()}"):
            (self._image / "manifests" / name).write_bytes(text)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self._host = f"127.0.0.1:{self._server.server_address[1]}"
        self.image = f"{self._host}/tests/flows:1"

    def pull_secret(self, name: str) -> dict[str, Any]:
        """A secret of Kubernetes with which pods pull from here."""
        known = json.dumps({"auths": {self._host: {"auth": _AUTH}}})
        return {"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": known}}

    @contextlib.contextmanager
    def serving(self) -> Iterator[Registry]:
        """Answer as long as the block."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def _blob(self, tar: tarfile.TarFile, name: str) -> dict[str, str | int]:
        content = _member(tar, name).read()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        (self._image / "blobs" / digest).write_bytes(content)
        return {"digest": digest, "size": len(content)}


class _Handler(SimpleHTTPRequestHandler):
    def send_head(self) -> Any:
        if self.headers.get("Authorization") == f"Basic {_AUTH}":
            return super().send_head()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def guess_type(self, path: Any) -> str:
        return _MANIFEST if "/manifests/" in str(path) else "application/octet-stream"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _member(tar: tarfile.TarFile, name: str) -> Any:
    found = tar.extractfile(name)
    assert found is not None, name
    return found
