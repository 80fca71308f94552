"""The gateway's settings, read from the environment once, and the rule that decides whether callers need a key."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from towpath_gateway.limits import HELD, Limits
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.settings import Secret, Settings

_SECRET_LENGTH = 16


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether an address or host name is this machine's own, seen from itself only."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The gateway's settings.

    Attributes:
        identity_secret: Signs the identity for the graphql service, and checks run tokens.
        read_secret: The read back end's admin secret.
        service_token: What the loops show; None when there are none to serve.
        host: Address to listen on.
        port: Port to listen on.
        auth: Whether callers need a key.
        ui: Whether the pages are served.
        graphiql: Whether the page for trying out queries is served.
        introspection: Whether `__schema` and `__type` are answered.
        graphql_url: Address of the graphql service.
        read_url: Address of the read engine or of the Hasura image.
        nats_url: Address of NATS; None: subscriptions live by their sweeps alone.
        loop_urls: Addresses of the loops by name, for `/health`.
        allowed_hosts: Further host names under which browsers may reach a gateway without keys.
        max_body_bytes: Length of an HTTP body or a WebSocket message.
        max_held_bytes: Length of an answer that has to be held whole: of a mixed query, in a batch, on a WebSocket.
        timeout: Seconds for one call to a service behind.
        limits: Limits of a document.
        max_subscriptions: Subscriptions of one connection.
        max_connections: WebSocket connections.
        sweep: Seconds after which a subscription looks for what no event told it.
        compress_bytes: Answers at least this long are compressed for clients that can read that.
        rate: Requests a second of one key; 0: any number.
        burst: Requests that one key may make at once.
        persisted: File that lists documents; None: there is none.
        persisted_only: Whether people may send no documents but the listed ones.
        log_level: debug, info, warning or error.
        log_format: auto, json or console.
    """

    identity_secret: Secret
    read_secret: Secret
    service_token: Secret | None = None
    host: str = "127.0.0.1"
    port: int = 4200
    auth: bool = False
    ui: bool = True
    graphiql: bool = False
    introspection: bool = True
    graphql_url: str = "http://127.0.0.1:4201"
    read_url: str = "http://127.0.0.1:4202"
    nats_url: str | None = None
    loop_urls: Mapping[str, str] = field(default_factory=dict)
    allowed_hosts: frozenset[str] = frozenset()
    max_body_bytes: int = 5_000_000
    max_held_bytes: int = HELD
    timeout: float = 30.0
    limits: Limits = field(default_factory=Limits)
    max_subscriptions: int = 50
    max_connections: int = 1_000
    sweep: float = 5.0
    compress_bytes: int = 32_768
    rate: float = 0.0
    burst: int = 0
    persisted: str | None = None
    persisted_only: bool = False
    log_level: str = "info"
    log_format: str = "auto"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Read the settings.

        Raises:
            TowpathError: `BAD_SETTING`.
        """
        settings = Settings(env)
        host = settings.text("TOWPATH_HOST", "127.0.0.1")
        auth = _auth(settings.choice("TOWPATH_AUTH", "auto", choices=("auto", "off", "on")), host)
        secret = settings.secret(
            "TOWPATH_IDENTITY_SECRET", at_least=_SECRET_LENGTH, hint="give the gateway and the graphql service one random text"
        )
        read_secret = settings.secret("TOWPATH_READ_SECRET", None, at_least=_SECRET_LENGTH)
        default = Limits()
        rate = settings.seconds("TOWPATH_RATE_LIMIT", 0.0, at_least=0.0)
        persisted = settings.text("TOWPATH_PERSISTED_QUERIES", None)
        return cls(
            identity_secret=secret,
            read_secret=read_secret or secret,
            service_token=settings.secret("TOWPATH_SERVICE_TOKEN", None, at_least=_SECRET_LENGTH),
            host=host,
            port=settings.port("TOWPATH_PORT", 4200),
            auth=auth,
            ui=settings.flag("TOWPATH_UI", True),
            graphiql=settings.flag("TOWPATH_GRAPHIQL", not auth),
            introspection=settings.flag("TOWPATH_INTROSPECTION", True),
            graphql_url=settings.url("TOWPATH_GRAPHQL_URL", "http://127.0.0.1:4201"),
            read_url=settings.url("TOWPATH_READ_URL", "http://127.0.0.1:4202"),
            nats_url=settings.url("TOWPATH_NATS_URL", None, schemes=("nats", "tls")),
            loop_urls=_loop_urls(settings),
            allowed_hosts=frozenset(h.lower() for h in _words(settings.text("TOWPATH_ALLOWED_HOSTS", ""))),
            max_body_bytes=settings.integer("TOWPATH_MAX_BODY_BYTES", 5_000_000, at_least=1_000),
            max_held_bytes=settings.integer("TOWPATH_MAX_HELD_BYTES", HELD, at_least=100_000),
            timeout=settings.seconds("TOWPATH_UPSTREAM_TIMEOUT", 30.0, at_least=0.1),
            limits=Limits(
                document_bytes=settings.integer("TOWPATH_MAX_DOCUMENT_BYTES", default.document_bytes, at_least=1_000),
                tokens=settings.integer("TOWPATH_MAX_TOKENS", default.tokens, at_least=100),
                depth=settings.integer("TOWPATH_MAX_DEPTH", default.depth, at_least=1, at_most=default.nesting),
                aliases=settings.integer("TOWPATH_MAX_ALIASES", default.aliases, at_least=0),
                root_fields=settings.integer("TOWPATH_MAX_ROOT_FIELDS", default.root_fields, at_least=1),
                cost=settings.integer("TOWPATH_MAX_COST", default.cost, at_least=1),
                batch=settings.integer("TOWPATH_MAX_BATCH", default.batch, at_least=1),
            ),
            max_subscriptions=settings.integer("TOWPATH_MAX_SUBSCRIPTIONS", 50, at_least=1),
            max_connections=settings.integer("TOWPATH_MAX_CONNECTIONS", 1_000, at_least=1),
            sweep=settings.seconds("TOWPATH_SUBSCRIPTION_SWEEP", 5.0, at_least=0.1),
            compress_bytes=settings.integer("TOWPATH_COMPRESS_BYTES", 32_768, at_least=0),
            rate=rate,
            burst=settings.integer("TOWPATH_RATE_BURST", max(1, round(10 * rate)), at_least=1),
            persisted=persisted,
            persisted_only=_only(settings, persisted),
            log_level=settings.choice("TOWPATH_LOG_LEVEL", "info", choices=("debug", "info", "warning", "error")),
            log_format=settings.choice("TOWPATH_LOG_FORMAT", "auto", choices=("auto", "json", "console")),
        )


def _auth(mode: str, host: str) -> bool:
    if mode == "off" and not is_loopback(host):
        raise TowpathError(
            Code.BAD_SETTING,
            f"Without keys anybody who reaches {host} would be admin, so TOWPATH_AUTH=off works on a loopback address only. Make a key"
            ' while the server listens on 127.0.0.1 (mutation create_api_key(input: {name: "me", role: "admin"}) { key }), then start with'
            " TOWPATH_AUTH=on.",
            setting="TOWPATH_AUTH",
        )
    return mode == "on" or (mode == "auto" and not is_loopback(host))


def _only(settings: Settings, persisted: str | None) -> bool:
    only = settings.flag("TOWPATH_PERSISTED_ONLY", False)
    if only and persisted is None:
        raise TowpathError(
            Code.BAD_SETTING,
            "TOWPATH_PERSISTED_ONLY without a list would refuse every document; name the list in TOWPATH_PERSISTED_QUERIES.",
            setting="TOWPATH_PERSISTED_ONLY",
        )
    return only


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _loop_urls(settings: Settings) -> dict[str, str]:
    urls = {}
    for name in ("scheduler", "zombie_killer", "lazarus"):
        url = settings.url(f"TOWPATH_{name.upper()}_URL", None)
        if url is not None:
            urls[name] = url
    return urls
