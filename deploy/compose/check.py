"""Says in a sentence each what the stack lacks on this machine, before anything is built or started. Silent when nothing is.

Usage: check.py [--file FILE]. Exit status 1 when something is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE = Path(__file__).with_name(".env")
HASURA = "hasura/graphql-engine:v2.48.3.cli-migrations-v3"


def told(*command: str) -> tuple[bool, str]:
    """Whether a command succeeds, and the last line that it writes."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return False, str(error)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else ""


def missing(settings: dict[str, str]) -> Iterator[str]:
    """What is missing, each with what to do."""
    if shutil.which("docker") is None:
        yield "Docker is not installed here: install docker.io (Debian) or Docker Engine, and start it."
        return
    answers, why = told("docker", "version", "--format", "{{.Server.Version}}")
    if not answers:
        if "permission denied" in why.lower():
            yield 'You may not use the Docker engine: sudo usermod -aG docker "$USER", log in again, or use sudo.'
        else:
            yield f"No Docker engine answers ({why}): start it (sudo systemctl start docker), or set DOCKER_HOST."
        return
    if shutil.which("docker-compose") is None and not told("docker", "compose", "version")[0]:
        yield "Docker Compose is not installed here: install docker-compose (Debian), or Docker's docker-compose-plugin."
    yield from taken(settings)
    yield from unreadable(settings)


def taken(settings: dict[str, str]) -> Iterator[str]:
    """The gateway's port, if something other than this stack has it."""
    host, _, port = settings.get("TOWPATH_LISTEN", "127.0.0.1:4200").rpartition(":")
    project = f"label=com.docker.compose.project={settings.get('COMPOSE_PROJECT_NAME', 'towpath')}"
    if told("docker", "ps", "-q", "--filter", project, "--filter", f"publish={port}")[1]:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host or "0.0.0.0", int(port)))
        except OSError as error:
            why = f"{host}:{port} ({error.strerror})"
            yield f"The gateway cannot listen on {why}: end what does (ss -ltnp), or say TOWPATH_LISTEN=127.0.0.1:4300 in {FILE}."


def unreadable(settings: dict[str, str]) -> Iterator[str]:
    """Hasura's image, if it answers reads and cannot be had."""
    if "hasura" not in settings.get("COMPOSE_PROFILES", "").split(","):
        return
    image = settings.get("HASURA_IMAGE", HASURA)
    if not told("docker", "image", "inspect", image)[0]:
        print(f"pulling {image}", flush=True)
        pulled, why = told("docker", "pull", "-q", image)
        if not pulled:
            yield f"{image} cannot be had ({why}). Towpath's own read engine answers reads as well: make up READS=embedded-reads."


def main() -> None:
    """Check, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE, help="the stack's settings (default: %(default)s)")
    options = parser.parse_args()
    lines = options.file.read_text(encoding="utf-8").splitlines() if options.file.exists() else []
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")) | dict(os.environ)
    found = list(missing(settings))
    for sentence in found:
        print(f"!! {sentence}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
