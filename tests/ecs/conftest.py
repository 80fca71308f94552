"""A backend, moto's server, the host in front of it, and an ECS agent that takes all of this for AWS."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Site, empty_site, make_site, until, wait_until  # noqa: F401  (fixtures)
from tests.ecs.host import Host

ROOT = Path(__file__).resolve().parents[2]
MOTO = Path(os.environ.get("TOWPATH_MOTO_SERVER") or ROOT / ".cache" / "ecs-venv" / "bin" / "moto_server")
OPTIONS = ("--cluster", "runs", "--image", "towpath:test")


def ask(url: str, body: bytes | None = None) -> bool:
    """Whether moto's own API says yes."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"}), timeout=5) as answer:
            return bool(answer.status < 300)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of moto's server; it is a process in an environment of its own."""
    if not MOTO.exists():
        pytest.exit(f"{MOTO} is not there; `make test-ecs` installs it", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until("moto answers", lambda: process.poll() is not None or ask(f"{url}/moto-api/data.json"), 120)
        assert process.poll() is None, log.read_text()[-3000:]
        still = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 10**9}}  # it would end tasks by being asked
        assert ask(f"{url}/moto-api/state-manager/set-transition", json.dumps(still).encode())
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def aws(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """What the agent takes for AWS: a cluster `runs` in a region with a default VPC."""
    host = Host(moto, tmp_path_factory.mktemp("tasks"))
    patch = pytest.MonkeyPatch()
    for name, value in {
        "ENDPOINT_URL": host.url,
        "DEFAULT_REGION": "eu-central-1",
        "ACCESS_KEY_ID": "testing",
        "SECRET_ACCESS_KEY": "testing",
        "EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(f"AWS_{name}", value)
    import boto3

    client = boto3.client("ecs")
    client.create_cluster(clusterName="runs")
    client.close()
    yield host
    host.close()
    patch.undo()


@pytest.fixture(scope="module")
def cloud(aws: Host, empty_site: Site) -> Site:  # noqa: F811
    """A backend and an ECS agent."""
    empty_site.agent("ecs", *OPTIONS, kind="ecs")
    return empty_site
