"""`deploy/compose/prepare.py` and `check.py`: the stack's settings, and what is missing on a machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

COMPOSE = Path(__file__).resolve().parents[3] / "deploy" / "compose"


def run(script: str, file: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(COMPOSE / script), "--file", str(file), *options]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False, timeout=60)


def read(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_what_holds_stays_and_what_is_missing_is_made(tmp_path: Path) -> None:
    """Secrets are this user's alone and stay; one whose line was deleted is another one then; keys are added."""
    file = tmp_path / "env"
    assert "nobody's flows may run" in run("prepare.py", file).stdout
    first = read(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert first["COMPOSE_PROFILES"] == "hasura"
    assert run("prepare.py", file, "--trust", "k1").returncode == 0
    file.write_text(file.read_text().replace(f"TOWPATH_SERVICE_TOKEN={first['TOWPATH_SERVICE_TOKEN']}\n", ""))
    run("prepare.py", file, "--trust", "k2")
    second = read(file)
    assert second.pop("TOWPATH_TRUSTED_KEYS") == "k1,k2"
    assert {name for name in first if first[name] != second[name]} == {"TOWPATH_SERVICE_TOKEN"}


def test_who_answers_reads_changes_when_it_is_said(tmp_path: Path) -> None:
    """Not when nothing is said: the next `make up` is not a move back."""
    file = tmp_path / "env"
    run("prepare.py", file)
    moved = run("prepare.py", file, "--reads", "embedded-reads")
    assert "a stack that is up has to go down first" in moved.stdout
    assert "from now on" not in run("prepare.py", file, "--reads", "embedded-reads").stdout
    run("prepare.py", file)
    assert read(file)["COMPOSE_PROFILES"] == "embedded-reads"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Programs of a machine on which all is there: a folder for PATH."""
    for name, body in (("docker", 'case "$1" in ps) ;; *) echo 27.0 ;; esac'), ("docker-compose", "true")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    return tmp_path / "bin"


def test_what_is_missing_is_said(tmp_path: Path, machine: Path) -> None:
    """Each with what to do; nothing when nothing is missing."""
    file = tmp_path / "env"
    run("prepare.py", file, "--reads", "embedded-reads")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        other.listen()
        assert f"cannot listen on {listen}" in run("check.py", file, PATH=str(machine), TOWPATH_LISTEN=listen).stderr
    fine = run("check.py", file, PATH=str(machine), TOWPATH_LISTEN=listen)
    assert (fine.returncode, fine.stderr) == (0, "")
    for body, words in (
        ("echo 'permission denied while trying to connect' >&2; exit 1", "usermod -aG docker"),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "No Docker engine answers (Cannot connect"),
    ):
        (machine / "docker").write_text(f"#!/bin/sh\n{body}\n")
        assert words in run("check.py", file, PATH=str(machine), TOWPATH_LISTEN=listen).stderr
    (machine / "docker").write_text('#!/bin/sh\ncase "$1" in ps) ;; compose) exit 1 ;; *) echo 27.0 ;; esac\n')
    (machine / "docker-compose").unlink()
    assert "Docker Compose is not installed" in run("check.py", file, PATH=str(machine), TOWPATH_LISTEN=listen).stderr
    (machine / "docker").unlink()
    assert "Docker is not installed" in run("check.py", file, PATH=str(machine), TOWPATH_LISTEN=listen).stderr
    (machine / "docker").write_text('#!/bin/sh\ncase "$1" in ps) ;; image|pull) echo "no such image" >&2; exit 1 ;; *) echo 27.0 ;; esac\n')
    (machine / "docker").chmod(0o755)
    hasura = run("check.py", file, PATH=str(machine), TOWPATH_LISTEN=listen, COMPOSE_PROFILES="hasura")
    assert "make up READS=embedded-reads" in hasura.stderr
