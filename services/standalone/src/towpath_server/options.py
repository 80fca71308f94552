"""How a standalone server is to run, and the settings that its services get from that. Nothing is started here."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath_proto.errors import Code, TowpathError
from towpath_server.data_dir import Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says.

    Attributes:
        host, port: Where the one URL is.
        data_dir: Everything that must survive.
        ui: Whether the UI is served.
        processes: One process per service instead of one for all.
    """

    host: str = "127.0.0.1"
    port: int = 4200
    data_dir: Path
    ui: bool = True
    processes: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where things are once they run."""

    database: str
    nats: str
    graphql: str | None = None
    read: str | None = None
    api: str | None = None


def metadata_path() -> Path:
    """The Hasura metadata of Towpath's tables: beside the installed read engine, or in the source tree.

    Raises:
        TowpathError: `MISSING_EXTRA` when it is at neither place.
    """
    spec = importlib.util.find_spec("towpath_read_engine")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for place in (package / "bundled_metadata", package.parents[1] / "metadata"):
            if (place / "version.yaml").exists():
                return place
    raise TowpathError(Code.MISSING_EXTRA, "The metadata of the read engine is not installed; reinstall towpath-read-engine.")


def service_environment(options: Options, secrets: Secrets, addresses: Addresses, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the services: the caller's own TOWPATH_* settings, with ours laid over them."""
    settings = {
        "TOWPATH_IDENTITY_SECRET": secrets.identity,
        "TOWPATH_READ_SECRET": secrets.read,
        "TOWPATH_READ_ADMIN_SECRET": secrets.read,
        "TOWPATH_SERVICE_TOKEN": secrets.service,
        "TOWPATH_SECRET_KEY": ",".join(filter(None, (env.get("TOWPATH_SECRET_KEY"), secrets.secret_key))),
        "TOWPATH_DATABASE_URL": addresses.database,
        "TOWPATH_READ_DATABASE_URL": addresses.database,
        "TOWPATH_READ_METADATA": str(metadata_path()),
        "TOWPATH_READ_NULL_COLLAPSE": "true",  # as in Prefect Server's own deployment: an absent variable is no condition
        "TOWPATH_NATS_URL": addresses.nats,
        "TOWPATH_HOST": options.host,
        "TOWPATH_PORT": str(options.port),
        "TOWPATH_UI": None if options.ui else "off",
        "TOWPATH_GRAPHQL_URL": addresses.graphql,
        "TOWPATH_READ_URL": addresses.read,
        "TOWPATH_API_URL": addresses.api,
    }
    kept = {k: v for k, v in env.items() if k.startswith("TOWPATH_")}
    return kept | {k: v for k, v in settings.items() if v is not None}
