"""The settings of the zombie killer, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from towpath_proto import timers
from towpath_service_kit.logs import FORMATS, LEVELS
from towpath_service_kit.settings import Secret, Settings


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the zombie killer needs to know.

    Attributes:
        api_url: The gateway.
        service_token: Its credential at the gateway; None only where the gateway asks for none.
        host: Where its health routes listen.
        port: Their port; 0 takes a free one.
        sweep: Most seconds between two looks.
        batch: Runs asked for, and reaped, at a time.
        log_format: `auto`, `json` or `console`.
        log_level: The lowest level shown.
    """

    api_url: str = "http://127.0.0.1:4200"
    service_token: Secret | None = None
    host: str = "127.0.0.1"
    port: int = 4204
    sweep: float = timers.REAP_SWEEP
    batch: int = 200
    log_format: str = "auto"
    log_level: str = "info"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Read the settings.

        Raises:
            TowpathError: `BAD_SETTING` with a sentence that says what to set.
        """
        settings = Settings(env)
        return cls(
            api_url=settings.url("TOWPATH_API_URL", cls.api_url),
            service_token=settings.secret("TOWPATH_SERVICE_TOKEN", at_least=16, hint="set it to the token that the gateway has"),
            host=settings.text("TOWPATH_ZOMBIE_KILLER_HOST", cls.host),
            port=settings.port("TOWPATH_ZOMBIE_KILLER_PORT", cls.port),
            sweep=settings.seconds("TOWPATH_ZOMBIE_KILLER_SWEEP", cls.sweep, at_least=0.1, at_most=3600),
            batch=settings.integer("TOWPATH_ZOMBIE_KILLER_BATCH", cls.batch, at_least=1, at_most=1000),
            log_format=settings.choice("TOWPATH_LOG_FORMAT", cls.log_format, choices=FORMATS),
            log_level=settings.choice("TOWPATH_LOG_LEVEL", cls.log_level, choices=LEVELS),
        )
