"""Writes `.env` beside the compose file: the secrets of this installation, each random, none with a default. A file that is there stays.

Usage: prepare.py [--reads hasura|embedded-reads] [--file FILE]
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
from pathlib import Path

FILE = Path(__file__).with_name(".env")


def values(reads: str) -> dict[str, str]:
    """Names and values of a new installation."""
    made = {"COMPOSE_PROJECT_NAME": "towpath", "COMPOSE_PROFILES": reads}
    for name in ("POSTGRES_PASSWORD", "TOWPATH_READ_PASSWORD", "TOWPATH_IDENTITY_SECRET", "TOWPATH_READ_SECRET", "TOWPATH_SERVICE_TOKEN"):
        made[name] = secrets.token_hex(32)
    made["TOWPATH_SECRET_KEY"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return made


def main() -> None:
    """Write it, for this user only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE, help="where to (default: %(default)s)")
    parser.add_argument("--reads", choices=["hasura", "embedded-reads"], default="hasura", help="who answers reads (default: %(default)s)")
    options = parser.parse_args()
    if options.file.exists():
        print(f"{options.file} is there already and stays as it is")
        return
    descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values(options.reads).items())
    print(f"{options.file} written: the secrets of this installation; keep it, and keep it to yourself")


if __name__ == "__main__":
    main()
