"""The file `$TOWPATH_HOME/config.toml`: settings that hold where the environment says nothing. Read and written here only.

It holds one `key = "value"` a line; a key is a variable's name without `TOWPATH_`, in small letters. Writing changes the line of one key
and leaves all others, comments included, as they are. It may hold an API key, so nobody else may read it (mode 0600).
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from towpath_proto.errors import Code, TowpathError

NAMES = ("TOWPATH_API_URL", "TOWPATH_API_KEY", "TOWPATH_TRUSTED_KEYS", "TOWPATH_REQUEST_TIMEOUT", "TOWPATH_PATIENCE")
"""The variables that the file may hold."""

_KEYS = {name.removeprefix("TOWPATH_").lower(): name for name in NAMES}


def location(env: Mapping[str, str]) -> Path:
    """Where the file is, or would be."""
    return Path(env.get("TOWPATH_HOME") or "~/.towpath").expanduser() / "config.toml"


def variable(key: str) -> str:
    """The variable that a key means: `api_url` and `TOWPATH_API_URL` are the same.

    Raises:
        TowpathError: `BAD_SETTING` when the file cannot hold it.
    """
    name = key if key in NAMES else _KEYS.get(key.lower().replace("-", "_"))
    if name is None:
        raise TowpathError(Code.BAD_SETTING, f"{key!r} is no key of config.toml; its keys: {', '.join(_KEYS)}.")
    return name


def read(path: Path) -> dict[str, str]:
    """The settings in the file, by variable; empty when there is no file.

    Raises:
        TowpathError: `BAD_SETTING` when the file cannot be read or holds something else.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as e:
        raise TowpathError(Code.BAD_SETTING, f"{path} cannot be read: {e.strerror}.") from e
    import tomllib

    try:
        table = tomllib.loads(content.decode())
    except ValueError as e:  # no TOML, no UTF-8
        raise TowpathError(Code.BAD_SETTING, f'{path} is no TOML: {e}. Write lines like api_url = "http://127.0.0.1:4200".') from e
    found = {}
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TowpathError(Code.BAD_SETTING, f"{key} in {path} must be a text or a number.")
        try:
            found[variable(key)] = str(value)
        except TowpathError as e:
            raise TowpathError(e.code, f"{path}: {e.message}") from e
    return found


def write(path: Path, name: str, value: str | None) -> None:
    """Set one setting, or take it out.

    Args:
        path: The file; made when it does not exist.
        name: The variable.
        value: Its value; None takes it out.
    """
    if value is not None and not value.isprintable():
        raise TowpathError(Code.BAD_SETTING, f"The value of {name} holds a line break or another control character.")
    key = name.removeprefix("TOWPATH_").lower()
    own = re.compile(rf'\s*["\']?(?:{key}|{name})["\']?\s*=')
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    places = [i for i, line in enumerate(lines) if own.match(line)]
    if value is not None:
        line = f"{key} = {json.dumps(value, ensure_ascii=False)}"  # a JSON text without control characters is a TOML text
        if places:
            lines[places.pop()] = line
        else:
            lines.append(line)
    kept = [line for i, line in enumerate(lines) if i not in places]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as f:
        f.write("".join(f"{line}\n" for line in kept))
    os.replace(draft, path)
