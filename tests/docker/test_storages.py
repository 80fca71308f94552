"""Flows whose code is in an image of their own, or in Git: run in containers, with secrets of the API that stand in no container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import FLOW_IMAGE, PATIENCE
from tests.e2e.conftest import TOWPATH, Site
from tests.unit.sdk.test_remote_storages import Host

PASSWORD = "not-to-be-seen-anywhere"
TOKEN = "s3cret"
FLOWS = """
import os, time
import towpath
from towpath import Flow, Parameter, task
from towpath.client import Secret
from towpath.run_configs import DockerRun
from towpath.storage import Docker, Git

@task
def look(seconds):
    towpath.context.logger.info("%s, a secret of %d letters", open("/data/here.txt").read(), len(Secret("PASSWORD").get()))
    time.sleep(seconds)

IMAGE = Docker(base_image="BASE", files={"FILE": "/data/here.txt"}, image_name="towpath-test-storage", secrets=["PASSWORD"])
with Flow("imaged", run_config=DockerRun(image="nobody/nothing:1"), storage=IMAGE) as imaged:
    look(Parameter("seconds", default=0))

with Flow("kept", run_config=DockerRun(), storage=Git("flows/kept.py", "team/flows", "HOST", git_token_secret_name="TOKEN")) as kept:
    look(0)
"""


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("git"))
    host.commit(1)
    yield host
    host.close()


@pytest.fixture(scope="module")
def flows(docked: Site, engine: Any, git: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The flows' ids by name, and the secrets set."""
    for name, value in (("PASSWORD", PASSWORD), ("TOKEN", TOKEN)):
        command = [TOWPATH, "secret", "set", name]
        subprocess.run(command, env=docked.env(), input=f"{value}\n", capture_output=True, text=True, check=True, timeout=PATIENCE)
    file: Path = tmp_path_factory.mktemp("files") / "here.txt"
    file.write_text("a file of mine")
    source = FLOWS.replace("BASE", FLOW_IMAGE).replace("FILE", str(file)).replace("HOST", git.url)
    yield docked.register("kept-elsewhere", source)
    for image in engine.images.list("towpath-test-storage"):
        engine.images.remove(image.id, force=True)


def create(site: Site, flow_id: str, **more: Any) -> str:
    with site.client as client:
        return client.create_flow_run(flow_id, **more)


def test_an_image_of_its_own(docked: Site, flows: dict[str, str], engine: Any, until: Callable[..., Any], containers: Any) -> None:
    """The image that registration built is the one that runs, whatever the run config names; registering again builds nothing."""
    (image,) = engine.images.list("towpath-test-storage")
    assert docked.register("kept-elsewhere", (docked.folder / "kept-elsewhere.py").read_text()) == flows
    assert engine.images.list("towpath-test-storage") == [image]
    run_id = create(docked, flows["imaged"], parameters={"seconds": 600})
    until("it has looked", lambda: f"a file of mine, a secret of {len(PASSWORD)} letters" in docked.logs(run_id), PATIENCE)
    (container,) = containers(run_id)
    assert container.image.id == image.id
    assert PASSWORD not in json.dumps(container.attrs)
    docked.cli("cancel", run_id)
    docked.ended(run_id, state="Cancelled", timeout=PATIENCE)


def test_a_script_in_git(docked: Site, flows: dict[str, str], git: Host) -> None:
    """The container clones the repository with a token that it asks the API for; what was pushed since is what runs."""
    run_id = create(docked, flows["kept"])
    docked.ended(run_id, state="Success", timeout=PATIENCE)
    assert TOKEN not in docked.logs(run_id)
    git.commit(7)
    docked.ended(create(docked, flows["kept"]), state="Success", timeout=PATIENCE)
