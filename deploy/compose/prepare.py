"""Writes `.env` beside the compose file: the secrets of this installation, each random, none with a default. A file that is there stays,
but for public keys that are to be trusted, which are added, and for who answers reads, if that is said.

Usage: prepare.py [--reads hasura|embedded-reads] [--trust PUBLIC_KEY ...] [--file FILE]
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
    made["TOWPATH_AGENT_KEY"] = "twk_" + secrets.token_urlsafe(32)
    made["TOWPATH_SECRET_KEY"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return made


def main() -> None:
    """Write it, for this user only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE, help="where to (default: %(default)s)")
    parser.add_argument("--reads", choices=["hasura", "embedded-reads"], help="who answers reads (default: as it was, hasura at first)")
    parser.add_argument("--trust", nargs="*", default=[], metavar="PUBLIC_KEY", help="whose flows may run (towpath keys show)")
    options = parser.parse_args()
    if options.file.exists():
        text = options.file.read_text(encoding="utf-8")
        have = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
        print(f"{options.file} is there already and stays as it is")
    else:
        have, text = {}, ""
        print(f"{options.file} written: the secrets of this installation; keep it, and keep it to yourself")
    wanted = {name: value for name, value in values(options.reads or "hasura").items() if name not in have}
    # those of an older file that a newer stack needs are added, and change nothing that holds
    trusted = [key for key in have.get("TOWPATH_TRUSTED_KEYS", "").split(",") if key]
    added = [key for key in dict.fromkeys(options.trust) if key not in trusted]
    moved = options.reads is not None and options.reads != have.get("COMPOSE_PROFILES", options.reads)
    written = {"TOWPATH_TRUSTED_KEYS="} if added else set()
    written |= {"COMPOSE_PROFILES="} if moved else set()
    lines = [line for line in text.splitlines() if not line.startswith(tuple(written))]
    lines += [f"{name}={value}" for name, value in wanted.items()]
    if moved:
        lines.append(f"COMPOSE_PROFILES={options.reads}")
        print(f"reads are answered by {options.reads} from now on; a stack that is up has to go down first (make down, make up)")
    if added:
        lines.append(f"TOWPATH_TRUSTED_KEYS={','.join([*trusted, *added])}")
        print(f"flows signed with {', '.join(added)} may run in the stack's containers")
    if not (trusted or added):
        print("nobody's flows may run in the stack's containers yet: name your public key with --trust (towpath keys show)")
    if wanted or added or moved:
        write(options.file, "".join(f"{line}\n" for line in lines))


def write(path: Path, text: str) -> None:
    """Put the text there whole, for this user only."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


if __name__ == "__main__":
    main()
