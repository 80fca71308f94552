"""`towpath agent <kind> install`: a unit that systemd takes, a Compose file that YAML reads, and no key in either."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from towpath.agent.installation import arguments
from towpath.cli import main

KEY = "twk_of_nobody_else"
TRUSTED = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs="


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name, value in {"API_URL": "http://127.0.0.1:4200", "API_KEY": KEY, "TRUSTED_KEYS": TRUSTED, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(f"TOWPATH_{name}", value)

    def run(kind: str, *options: str) -> str:
        assert main(["agent", kind, "install", *options]) == 0
        text = capsys.readouterr().out
        assert KEY not in text
        return text

    return run


def test_only_what_differs_is_on_the_command_line() -> None:
    """Flags, values and repeated options come back; defaults do not."""
    options = [
        click.Option(["--name", "-n"]),
        click.Option(["--label", "-l", "labels"], multiple=True),
        click.Option(["--keep"], is_flag=True),
        click.Option(["--max-runs"], type=int, default=50),
    ]
    values = {"name": "a b", "labels": ("x", "y"), "keep": True, "max_runs": 3}
    assert arguments(options, values) == ("--name", "a b", "--label", "x", "--label", "y", "--keep", "--max-runs", "3")
    assert arguments(options, {"name": None, "labels": (), "keep": False, "max_runs": 50}) == ()


@pytest.mark.parametrize("unit", ["system", "user"])
def test_a_unit_that_systemd_takes(install: Any, tmp_path: Path, unit: str) -> None:
    """The agent's options arrive as they were given; only the agent is killed; the key's file is named."""
    words = ["--name", 'blue "box" 100%', "--label", "gpu", "--env", "PRICE=$5"]
    text = install("local", "--unit", unit, *words)
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith(("#", "Environment=")))
    said = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(lines["ExecStart"])]
    assert said[1:] == ["agent", "local", "start", *words]
    assert lines["KillMode"] == "process"
    assert lines["NoNewPrivileges"] == "yes"
    assert lines["EnvironmentFile"].endswith("towpath/agent.env")
    assert (TRUSTED in text) == (unit == "system")
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here: the unit was NOT checked by systemd")
    program = tmp_path / "towpath-agent.service"
    # its user need not exist here, and the interpreter of the tests may be anywhere
    program.write_text(text.replace("User=towpath", "User=root"))
    done = subprocess.run([analyze, "verify", "--man=no", f"--{unit}", str(program)], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if program.name in line]
    assert complaints == [], done.stderr


def test_a_compose_file_with_a_proxy(install: Any) -> None:
    """Only the proxy has the engine's socket, only the agent reaches the proxy, and texts with `$` or quotes stay what they are."""
    options = ["--name", 'b"$x', "--network", "data", "--base-url", "tcp://elsewhere:1"]
    made = yaml.safe_load(install("docker", *options, "--tag", "1.2"))
    engine, agent = made["services"]["engine"], made["services"]["agent"]
    assert engine["image"] == "towpath-engine-proxy:1.2"
    assert engine["volumes"] == ["/var/run/docker.sock:/var/run/docker.sock:ro"]
    assert "volumes" not in agent
    assert made["networks"]["engine"] == {"internal": True}
    assert agent["command"] == ["towpath", "agent", "docker", "start", "--name", 'b"$$x', "--network", "data"]
    environment = agent["environment"]
    assert environment["TOWPATH_API_URL"] == "http://host.docker.internal:4200"
    assert environment["TOWPATH_TRUSTED_KEYS"] == TRUSTED
    assert environment["TOWPATH_API_KEY"].startswith("${TOWPATH_API_KEY?")
    assert all(each["read_only"] and each["cap_drop"] == ["ALL"] for each in (engine, agent))
