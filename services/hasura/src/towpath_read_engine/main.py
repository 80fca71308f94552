"""The process: settings from the environment and the command line, the parts put together, the console script."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from psycopg import ProgrammingError

from towpath_proto.errors import Code, TowpathError
from towpath_read_engine.database import Database
from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.resolving import Limits
from towpath_read_engine.service import ReadEngineService, ServiceSettings
from towpath_service_kit import logs
from towpath_service_kit.service import console_script, serve
from towpath_service_kit.settings import Secret, Settings

DEFAULT_PORT = 4202
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the process is told from outside.

    Attributes:
        database_url: the database to read; holds a password, so it is not shown.
        metadata: folder or file of Hasura metadata.
        admin_secret: what callers must send; without one only loopback may be served.
        null_collapse: V1_BOOLEAN_NULL_COLLAPSE of Hasura.
        stringify_numeric: STRINGIFY_NUMERIC_TYPES of Hasura.
    """

    database_url: Secret
    metadata: Path
    admin_secret: Secret | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    pool_size: int = 10
    statement_timeout: float = 15.0
    max_depth: int = 20
    null_collapse: bool = True
    stringify_numeric: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            TowpathError: a setting is missing or wrong.
        """
        settings = Settings(env)
        url = settings.text("TOWPATH_READ_DATABASE_URL", None)
        if url is None:
            url = settings.text("TOWPATH_DATABASE_URL", hint="set TOWPATH_READ_DATABASE_URL to the address of the database to read")
        return cls(
            database_url=Secret(url),
            metadata=Path(settings.text("TOWPATH_READ_METADATA", hint="set it to the folder or file of the Hasura metadata")),
            admin_secret=settings.secret("TOWPATH_READ_ADMIN_SECRET", None, at_least=8),
            host=settings.text("TOWPATH_READ_HOST", "127.0.0.1"),
            port=settings.port("TOWPATH_READ_PORT", DEFAULT_PORT),
            pool_size=settings.integer("TOWPATH_READ_POOL_SIZE", 10, at_least=1, at_most=100),
            statement_timeout=settings.seconds("TOWPATH_READ_STATEMENT_TIMEOUT", 15.0, at_least=0.01),
            max_depth=settings.integer("TOWPATH_READ_MAX_DEPTH", 20, at_least=1, at_most=50),
            null_collapse=settings.flag("TOWPATH_READ_NULL_COLLAPSE", True),
            stringify_numeric=settings.flag("TOWPATH_READ_STRINGIFY_NUMERIC", False),
        )


def build(config: Config) -> ReadEngineService:
    """Put the service together; nothing is opened yet.

    Raises:
        TowpathError: the database's address makes no sense, or the service would be open to the network without a secret.
    """
    if config.admin_secret is None and config.host not in _LOOPBACK:
        raise TowpathError(
            Code.BAD_SETTING,
            f"Listening on {config.host} without a secret would show the database to everybody; set TOWPATH_READ_ADMIN_SECRET.",
            setting="TOWPATH_READ_ADMIN_SECRET",
        )
    try:
        database = Database(config.database_url.value, max_size=config.pool_size, statement_timeout=config.statement_timeout)
    except ProgrammingError:
        raise TowpathError(Code.BAD_SETTING, "TOWPATH_READ_DATABASE_URL is no PostgreSQL address; correct it.") from None
    engine = EngineSettings(
        null_collapse=config.null_collapse,
        stringify_numeric=config.stringify_numeric,
        limits=Limits(max_depth=config.max_depth),
    )
    secret = config.admin_secret.value if config.admin_secret is not None else None
    return ReadEngineService(database, ServiceSettings(metadata=config.metadata, admin_secret=secret, engine=engine))


def environment(arguments: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the command line's options laid over it."""
    parser = argparse.ArgumentParser(
        prog="towpath-read-engine", description="Serve a PostgreSQL database in the Hasura v2 dialect of GraphQL."
    )
    parser.add_argument("--database-url", dest="TOWPATH_READ_DATABASE_URL", metavar="DSN", help="the database to read")
    parser.add_argument("--metadata", dest="TOWPATH_READ_METADATA", metavar="PATH", help="folder or JSON file of Hasura metadata")
    parser.add_argument("--host", dest="TOWPATH_READ_HOST", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", dest="TOWPATH_READ_PORT", help=f"port to listen on ({DEFAULT_PORT})")
    parser.add_argument("--admin-secret", dest="TOWPATH_READ_ADMIN_SECRET", metavar="S", help="secret that callers must send")
    given = vars(parser.parse_args(list(arguments)))
    return {**env, **{name: value for name, value in given.items() if value is not None}}


@console_script
def main() -> None:
    """Run the service until it is told to stop."""
    logs.configure("read-engine")
    config = Config.from_env(environment(sys.argv[1:], os.environ))
    serve(build(config), config.host, config.port)
