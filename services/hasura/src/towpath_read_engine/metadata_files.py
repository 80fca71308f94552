"""Metadata from where it lies: a folder of YAML (`!include`) as `hasura metadata export` writes it, or one JSON or YAML file; and back
into a file, of which a reader sees the old or the new whole, whenever the writer dies.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from towpath_read_engine.errors import MetadataError
from towpath_read_engine.metadata import Metadata, parse
from towpath_read_engine.scalars import json_text

_INCLUDE = "!include "
_MAX_INCLUDES = 8
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Yaml(yaml.SafeLoader):
    """YAML of which every value is JSON: a date is its text."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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


def save(path: Path, metadata: Metadata) -> None:
    """Write the document of some metadata to a file, at once: the file is put in place when all of it is on the disk.

    Raises:
        MetadataError: it cannot be written; the file is what it was.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json_text(metadata.document))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, TypeError, ValueError) as error:
        raise MetadataError(f"the metadata cannot be written to {path}: {error}") from error


def _folder(path: Path) -> dict[str, Any]:
    loader = _Loader(path)
    return {
        "version": 3,
        "sources": loader.read(path / "databases" / "databases.yaml"),
        "inherited_roles": loader.read_optional(path / "inherited_roles.yaml") or [],
    }


def _file(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    document = yaml.load(text, _Yaml) if path.suffix in (".yaml", ".yml") else json.loads(text)
    return document.get("metadata", document)


class _Loader:
    """Reads YAML and follows `!include`, both as a tag and as the quoted text that `hasura metadata export` writes."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, path: Path, depth: int = 0) -> Any:
        if depth > _MAX_INCLUDES or not path.resolve().is_relative_to(self._root):
            raise MetadataError(f"the metadata includes {path}, which is outside {self._root} or includes itself")
        loader = _Yaml(path.read_text(encoding="utf-8"))
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
