"""The settings of everything that talks to a Towpath API, read from the environment and `config.toml` in one place.

`SETTINGS` names every variable of the SDK with its default and meaning (`towpath config` prints it); `Settings` is the frozen object made
from it. Nothing else in the SDK reads these variables.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from towpath.client import settings_file
from towpath_proto.errors import Code, TowpathError

lent: ContextVar[Mapping[str, str]] = ContextVar("towpath_lent", default=MappingProxyType({}))
"""Settings of another machine's run, on whose behalf this thread of execution works; they win over this machine's own."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable.

    Attributes:
        name: Its name in the environment.
        default: What holds when it is not set, as text.
        meaning: One sentence for people.
        secret: Whether its value is masked when shown.
    """

    name: str
    default: str
    meaning: str
    secret: bool = False


SETTINGS = (
    Setting("TOWPATH_API_URL", "http://127.0.0.1:4200", "Address of the Towpath API."),
    Setting("TOWPATH_API_KEY", "", "API key; not needed where the API has no authentication.", secret=True),
    Setting("TOWPATH_HOME", "~/.towpath", "Where keys, cached flow code and the runner's files are kept."),
    Setting("TOWPATH_TRUSTED_KEYS", "", "Public keys whose flows may run here: base64, separated by commas or spaces."),
    Setting("TOWPATH_REQUEST_TIMEOUT", "30", "Seconds that one request may take."),
    Setting("TOWPATH_PATIENCE", "10", "Seconds during which a request is tried again while the API is away."),
    Setting("TOWPATH_PYTHON", "", "In a run config's env: the interpreter that the run is started with."),
    Setting("TOWPATH_CANCEL_GRACE", "10", "In a run config's env: seconds that a cancelled run has to end before it is killed."),
    Setting("TOWPATH_RUNNER_IDLE", "30", "Seconds after which a runner without runs and agents ends."),
    Setting("TOWPATH_LOG_LEVEL", "INFO", "Level from which log lines of flows and of Towpath are kept."),
    Setting("TOWPATH_USE_LOCAL_SECRETS", "true", "Whether `flow.run()` looks for secrets on this machine only; runs of an API ask it."),
    Setting("TOWPATH_FLOW_ID", "", "Set inside a run's process: the flow version's id."),
    Setting("TOWPATH_RUN_ID", "", "Set inside a run's process: the flow run's id."),
    Setting("TOWPATH_RUN_FENCE", "", "Set inside a run's process: the fence of its claim."),
    Setting("TOWPATH_RUN_TOKEN", "", "Set inside a run's process: the token that can touch this run only.", secret=True),
)
"""Every variable that the SDK reads."""

_DEFAULTS = {s.name: s.default for s in SETTINGS}


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine's loopback interface."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_url(url: str) -> str:
    """The URL without a trailing slash.

    Raises:
        TowpathError: `BAD_SETTING` when it is no http(s) URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TowpathError(
            Code.BAD_SETTING, f"TOWPATH_API_URL is {url!r}; write it like http://127.0.0.1:4200 or https://towpath.example.org."
        )
    return url.rstrip("/")


def _seconds(env: Mapping[str, str], name: str) -> float:
    text = env.get(name) or _DEFAULTS[name]
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise TowpathError(Code.BAD_SETTING, f"{name} is {text!r}; it must be a number of seconds, zero or more.")
    return value


def effective(env: Mapping[str, str]) -> dict[str, str]:
    """The environment with what `config.toml` adds to it; the environment wins."""
    found = settings_file.read(settings_file.location(env))
    if env.get("TOWPATH_RUN_TOKEN"):
        # a run acts with its own token, whatever its machine's file holds
        found.pop("TOWPATH_API_KEY", None)
    return found | {name: value for name, value in env.items() if value or name not in found}


def source_of(name: str, env: Mapping[str, str]) -> str:
    """Where the value of a variable comes from: `environment`, the file's path, or `default`."""
    if env.get(name):
        return "environment"
    path = settings_file.location(env)
    return str(path) if name in settings_file.read(path) else "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client of the API needs to know.

    Attributes:
        api_url: Address of the API, without a trailing slash.
        token: What is sent as bearer token: the API key, or inside a run the run's own token. Never printed.
        home: Directory of keys, cached code and the runner's files.
        trusted_keys: Text of TOWPATH_TRUSTED_KEYS.
        request_timeout: Seconds one request may take.
        patience: Seconds during which a request is tried again while the API is away.
        traceparent: W3C trace context under which requests are made.
    """

    api_url: str
    token: str | None = field(repr=False)
    home: Path
    trusted_keys: str
    request_timeout: float
    patience: float
    traceparent: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Args:
            env: The environment. When absent: this process's own, and `$TOWPATH_HOME/config.toml` where that says nothing.

        Raises:
            TowpathError: `BAD_SETTING`, with the setting that is wrong.
        """
        env = {**effective(os.environ), **lent.get()} if env is None else env
        return cls(
            api_url=checked_url(env.get("TOWPATH_API_URL") or _DEFAULTS["TOWPATH_API_URL"]),
            token=env.get("TOWPATH_API_KEY") or env.get("TOWPATH_RUN_TOKEN") or None,
            home=Path(env.get("TOWPATH_HOME") or _DEFAULTS["TOWPATH_HOME"]).expanduser(),
            trusted_keys=env.get("TOWPATH_TRUSTED_KEYS", ""),
            request_timeout=_seconds(env, "TOWPATH_REQUEST_TIMEOUT"),
            patience=_seconds(env, "TOWPATH_PATIENCE"),
            traceparent=env.get("TRACEPARENT") or None,
        )
