"""`deploy/needs.sh`: what a machine lacks is said at once, with what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NEEDS = Path(__file__).resolve().parents[3] / "deploy" / "needs.sh"
ALL = ("docker", "dockerd", "docker-compose", "iptables", "ip", "npm")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder for PATH: the script's own tools, and programs that say the oldest versions which will do."""
    for tool in ("bash", "dirname", "awk", "sort", "head"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    go = next(
        line.split()[1] for line in (NEEDS.parent.parent / "tests/kubernetes/tools/go.mod").read_text().splitlines() if line[:3] == "go "
    )
    says = dict.fromkeys(ALL, "") | {"python3": "3.11.2", "node": "v20.19.0", "go": f"go version go{go} linux/amd64", "id": "0"}
    for name, words in says.items():
        write(tmp_path / name, words)
    return tmp_path


def write(program: Path, words: str) -> None:
    program.write_text(f"#!{program.parent}/bash\necho {words}\n")
    program.chmod(0o755)


def needs(machine: Path, *what: str, browser: str = "") -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(machine), "TOWPATH_UI_CHROMIUM": browser or str(machine / "bash")}
    return subprocess.run([NEEDS, *what], env=env, capture_output=True, text=True, check=False, timeout=60)


def test_nothing_is_lacking(machine: Path) -> None:
    """It is silent then."""
    done = needs(machine, "python", "node", "go", "containers", "chromium")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("what", "program", "version", "words"),
    [
        ("python", "python3", "3.9.18", "found: 3.9.18): apt-get install python3 python3-venv"),
        ("node", "node", "v18.20.4", "Node 20.19, or 22.12 or newer, with npm is needed (found: v18.20.4"),
        ("node", "node", "v20.9.0", "found: v20.9.0"),
        ("node", "node", "v21.7.3", "found: v21.7.3"),
        ("node", "node", "v22.11.0", "found: v22.11.0"),
        ("go", "go", "go version go1.19.8 linux/amd64", "or newer is needed (found: go1.19.8"),
        ("containers", "id", "1000", "as root alone may: sudo make"),
    ],
)
def test_one_that_is_too_old(machine: Path, what: str, program: str, version: str, words: str) -> None:
    """Versions are compared as numbers, and what was found is told."""
    write(machine / program, version)
    done = needs(machine, what)
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.parametrize("version", ["v20.20.2", "v22.12.0", "v24.1.0"])
def test_a_node_that_the_pages_can_be_built_with(machine: Path, version: str) -> None:
    """What Vite asks for."""
    write(machine / "node", version)
    assert needs(machine, "node").returncode == 0


def test_a_program_that_fails_counts_as_missing(machine: Path) -> None:
    """A version manager's stand-in without a version, say: the other needs are still looked at."""
    for name in ("python3", "node", "go"):
        (machine / name).write_text(f"#!{machine}/bash\nexit 1\n")
    done = needs(machine, "python", "node", "go")
    assert done.returncode == 1
    assert done.stderr.count("found: none") == 3


def test_all_that_is_missing_is_told_in_one_go(machine: Path) -> None:
    """A Debian package each, so that one command installs them."""
    for name in (*ALL, "python3", "node", "go"):
        (machine / name).unlink()
    done = needs(machine, "python", "node", "go", "containers", "chromium", browser=os.devnull)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 5
    assert "apt-get install docker.io docker-compose iptables iproute2\n" in done.stderr


def test_a_venv_that_is_not_complete(machine: Path) -> None:
    """Debian's Python makes half an environment without python3-venv."""
    (machine / "python3").write_text(f"#!{machine}/bash\ncase $2 in *platform*) echo 3.11.2 ;; *) exit 1 ;; esac\n")
    assert "apt-get install python3-venv" in needs(machine, "python").stderr
    assert needs(machine, "anything").returncode == 2
