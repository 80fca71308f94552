"""Metadata from where it lies: a folder of YAML (`!include`) as `hasura metadata export` writes it, or one JSON or YAML file."""

import json
from pathlib import Path
from typing import Any

import yaml

from towpath_read_engine.errors import MetadataError
from towpath_read_engine.metadata import Metadata, parse

_INCLUDE = "!include "
_MAX_INCLUDES = 8


def load(path: Path) -> Metadata:
    """The metadata of a folder or file.

    Raises:
        MetadataError: it cannot be read, is malformed, or uses what is not served.
    """
    try:
        document = _folder(path) if path.is_dir() else _file(path)
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise MetadataError(f"the metadata at {path} cannot be read: {error}") from error
    return parse(document)


def _folder(path: Path) -> dict[str, Any]:
    loader = _Loader(path)
    return {
        "version": 3,
        "sources": loader.read(path / "databases" / "databases.yaml"),
        "inherited_roles": loader.read_optional(path / "inherited_roles.yaml") or [],
    }


def _file(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    document = yaml.safe_load(text) if path.suffix in (".yaml", ".yml") else json.loads(text)
    return document.get("metadata", document)


class _Loader:
    """Reads YAML and follows `!include`, both as a tag and as the quoted text that `hasura metadata export` writes."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, path: Path, depth: int = 0) -> Any:
        if depth > _MAX_INCLUDES or not path.resolve().is_relative_to(self._root):
            raise MetadataError(f"the metadata includes {path}, which is outside {self._root} or includes itself")
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        loader.add_constructor("!include", lambda _, node: f"{_INCLUDE}{node.value}")
        try:
            return self._resolve(loader.get_single_data(), path.parent, depth)
        finally:
            loader.dispose()

    def read_optional(self, path: Path) -> Any:
        return self.read(path) if path.exists() else None

    def _resolve(self, value: Any, folder: Path, depth: int) -> Any:
        if isinstance(value, str) and value.startswith(_INCLUDE):
            return self.read(folder / value.removeprefix(_INCLUDE).strip(), depth + 1)
        if isinstance(value, list):
            return [self._resolve(item, folder, depth) for item in value]
        if isinstance(value, dict):
            return {key: self._resolve(item, folder, depth) for key, item in value.items()}
        return value
