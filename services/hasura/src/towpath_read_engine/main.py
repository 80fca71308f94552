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
from towpath_read_engine.callers import LOOPBACK, Callers
from towpath_read_engine.database import Database
from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.resolving import Limits
from towpath_read_engine.roles import ADMIN
from towpath_read_engine.service import ReadEngineService, ServiceSettings
from towpath_service_kit import logs
from towpath_service_kit.service import console_script, serve
from towpath_service_kit.settings import Secret, Settings

DEFAULT_PORT = 4202
SECRET_LENGTH = 8
"""Letters that an admin secret has at least where others than this machine can try to guess it."""

_IMAGE_NAMES = {
    "TOWPATH_READ_DATABASE_URL": "HASURA_GRAPHQL_DATABASE_URL",
    "TOWPATH_READ_METADATA": "HASURA_GRAPHQL_METADATA_DIR",
    "TOWPATH_READ_ADMIN_SECRET": "HASURA_GRAPHQL_ADMIN_SECRET",
    "TOWPATH_READ_UNAUTHORIZED_ROLE": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE",
    "TOWPATH_READ_HOST": "HASURA_GRAPHQL_SERVER_HOST",
    "TOWPATH_READ_PORT": "HASURA_GRAPHQL_SERVER_PORT",
    "TOWPATH_READ_POOL_SIZE": "HASURA_GRAPHQL_PG_CONNECTIONS",
    "TOWPATH_READ_NULL_COLLAPSE": "HASURA_GRAPHQL_V1_BOOLEAN_NULL_COLLAPSE",
    "TOWPATH_READ_STRINGIFY_NUMERIC": "HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES",
    "TOWPATH_READ_INFER_FUNCTION_PERMISSIONS": "HASURA_GRAPHQL_INFER_FUNCTION_PERMISSIONS",
}
"""Our settings and what the image calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the process is told from outside.

    Attributes:
        database_url: the database to read; holds a password, so it is not shown.
        metadata: folder or file of Hasura metadata; None tracks nothing.
        metadata_store: file that keeps what the metadata API has replaced.
        metadata_api: whether `POST /v1/metadata` may replace and show the metadata.
        admin_secret: what callers must send; without one only loopback may be served.
        unauthorized_role: the role of callers without the secret; None refuses them.
        null_collapse: V1_BOOLEAN_NULL_COLLAPSE of Hasura.
        stringify_numeric: STRINGIFY_NUMERIC_TYPES of Hasura.
        infer_function_permissions: INFER_FUNCTION_PERMISSIONS of Hasura.
    """

    database_url: Secret
    metadata: Path | None = None
    metadata_store: Path | None = None
    metadata_api: bool = False
    admin_secret: Secret | None = None
    unauthorized_role: str | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    pool_size: int = 10
    statement_timeout: float = 15.0
    max_depth: int = 20
    null_collapse: bool = False
    stringify_numeric: bool = False
    infer_function_permissions: bool = True

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the environment; where we have no value of our own, the image's variable of the same meaning counts.

        Raises:
            TowpathError: a setting is missing or wrong.
        """
        settings = Settings(_with_image_names(env))
        url = settings.text("TOWPATH_READ_DATABASE_URL", None)
        if url is None:
            url = settings.text("TOWPATH_DATABASE_URL", hint="set TOWPATH_READ_DATABASE_URL to the address of the database to read")
        return cls(
            database_url=Secret(url),
            metadata=Path(metadata) if (metadata := settings.text("TOWPATH_READ_METADATA", None)) is not None else None,
            metadata_store=_file(settings, "TOWPATH_READ_METADATA_STORE"),
            metadata_api=settings.flag("TOWPATH_READ_METADATA_API", False),
            admin_secret=settings.secret("TOWPATH_READ_ADMIN_SECRET", None),
            unauthorized_role=settings.text("TOWPATH_READ_UNAUTHORIZED_ROLE", None),
            host=settings.text("TOWPATH_READ_HOST", "127.0.0.1"),
            port=settings.port("TOWPATH_READ_PORT", DEFAULT_PORT),
            pool_size=settings.integer("TOWPATH_READ_POOL_SIZE", 10, at_least=1, at_most=100),
            statement_timeout=settings.seconds("TOWPATH_READ_STATEMENT_TIMEOUT", 15.0, at_least=0.01),
            max_depth=settings.integer("TOWPATH_READ_MAX_DEPTH", 20, at_least=1, at_most=50),
            null_collapse=settings.flag("TOWPATH_READ_NULL_COLLAPSE", False),
            stringify_numeric=settings.flag("TOWPATH_READ_STRINGIFY_NUMERIC", False),
            infer_function_permissions=settings.flag("TOWPATH_READ_INFER_FUNCTION_PERMISSIONS", True),
        )


def _file(settings: Settings, name: str) -> Path | None:
    """A setting that names a file, in a folder that exists."""
    text = settings.text(name, None)
    path = Path(text) if text is not None else None
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise TowpathError(Code.BAD_SETTING, f"{name} is {path}, which is no file in a folder that exists; name one.", setting=name)
    return path


def build(config: Config) -> ReadEngineService:
    """Put the service together; nothing is opened yet.

    Raises:
        TowpathError: the database's address makes no sense, or the service would be open to the network without a secret.
    """
    secret = config.admin_secret.value if config.admin_secret is not None else None
    _check_openness(config, secret)
    try:
        database = Database(config.database_url.value, max_size=config.pool_size, statement_timeout=config.statement_timeout)
    except ProgrammingError:
        raise TowpathError(Code.BAD_SETTING, "TOWPATH_READ_DATABASE_URL is no PostgreSQL address; correct it.") from None
    engine = EngineSettings(
        null_collapse=config.null_collapse,
        stringify_numeric=config.stringify_numeric,
        infer_function_permissions=config.infer_function_permissions,
        limits=Limits(max_depth=config.max_depth),
    )
    settings = ServiceSettings(
        metadata=config.metadata,
        metadata_store=config.metadata_store,
        metadata_api=config.metadata_api,
        callers=Callers(secret, config.unauthorized_role),
        engine=engine,
    )
    return ReadEngineService(database, settings)


def _check_openness(config: Config, secret: str | None) -> None:
    if config.host not in LOOPBACK and (secret is None or len(secret) < SECRET_LENGTH):
        problem = "without a secret would show the database to everybody" if secret is None else "needs a secret that is not too short"
        raise TowpathError(
            Code.BAD_SETTING,
            f"Listening on {config.host} {problem}; set TOWPATH_READ_ADMIN_SECRET to at least {SECRET_LENGTH} letters.",
            setting="TOWPATH_READ_ADMIN_SECRET",
        )
    if config.unauthorized_role == ADMIN:
        raise TowpathError(
            Code.BAD_SETTING,
            "Callers without the secret cannot be admin; set TOWPATH_READ_UNAUTHORIZED_ROLE to another role.",
            setting="TOWPATH_READ_UNAUTHORIZED_ROLE",
        )


def _with_image_names(env: Mapping[str, str]) -> dict[str, str]:
    found = {ours: env[theirs] for ours, theirs in _IMAGE_NAMES.items() if env.get(theirs)}
    if found.get("TOWPATH_READ_HOST") == "*":  # how the image says "every address"
        found["TOWPATH_READ_HOST"] = "0.0.0.0"
    if "metadata" in env.get("HASURA_GRAPHQL_ENABLED_APIS", "").split(","):
        found["TOWPATH_READ_METADATA_API"] = "true"
    # TOWPATH_DATABASE_URL is our name too, so the image's yields to it
    if env.get("TOWPATH_DATABASE_URL"):
        found.pop("TOWPATH_READ_DATABASE_URL", None)
    return {**found, **{name: value for name, value in env.items() if value.strip()}}


def environment(arguments: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the command line's options laid over it."""
    parser = argparse.ArgumentParser(
        prog="towpath-read-engine", description="Serve a PostgreSQL database in the Hasura v2 dialect of GraphQL."
    )
    parser.add_argument("--database-url", dest="TOWPATH_READ_DATABASE_URL", metavar="DSN", help="the database to read")
    parser.add_argument("--metadata", dest="TOWPATH_READ_METADATA", metavar="PATH", help="folder or JSON file of Hasura metadata")
    parser.add_argument(
        "--metadata-store", dest="TOWPATH_READ_METADATA_STORE", metavar="FILE", help="file that keeps what the metadata API has replaced"
    )
    parser.add_argument("--host", dest="TOWPATH_READ_HOST", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", dest="TOWPATH_READ_PORT", help=f"port to listen on ({DEFAULT_PORT})")
    parser.add_argument(
        "--metadata-api",
        dest="TOWPATH_READ_METADATA_API",
        action="store_const",
        const="true",
        help="let POST /v1/metadata replace and show the metadata",
    )
    parser.add_argument("--admin-secret", dest="TOWPATH_READ_ADMIN_SECRET", metavar="S", help="secret that callers must send")
    given = vars(parser.parse_args(list(arguments)))
    return {**env, **{name: value for name, value in given.items() if value is not None}}


@console_script
def main() -> None:
    """Run the service until it is told to stop."""
    logs.configure("read-engine")
    config = Config.from_env(environment(sys.argv[1:], os.environ))
    serve(build(config), config.host, config.port)
