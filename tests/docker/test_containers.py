"""What the agent asks of an engine for one container, on a real one: names, labels, networks, mounts, ports, hosts, pulls, and its output.

The container's own command ends at once here: there is no backend.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from towpath_agent_docker.containers import AGENT, Plan, plan
from towpath_agent_docker.engine import Engine
from towpath_agent_docker.settings import DockerSettings

from tests.docker.conftest import FLOW_IMAGE, PATIENCE
from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun

MARK = "tests-of-containers"
NETWORKS = ("towpath-test-first", "towpath-test-second")


@pytest.fixture
def agents(engine: Any) -> Iterator[Engine]:
    """The engine as the agent sees it, on which containers and networks of a test are removed."""
    mine = Engine(None, PATIENCE)
    yield mine
    mine.close()
    for container in engine.containers.list(all=True, filters={"label": f"{AGENT}={MARK}"}):
        container.remove(force=True)
    for network in engine.networks.list(names=list(NETWORKS)):
        network.remove()


def planned(run_config: dict[str, Any] | None = None, **settings: Any) -> Plan:
    run = ClaimedRun(
        id="r1", fence=3, run_token="twr_x", name="Brisk Heron", flow_id="f1", flow_name="nightly", run_config=run_config or {}
    )
    return plan(run, DockerSettings(image=FLOW_IMAGE, **settings), api_url="http://127.0.0.1:9", trusted_keys="", mark=MARK)


def test_what_a_run_config_and_an_agent_say_holds(agents: Engine, engine: Any, tmp_path: Path) -> None:
    """Both networks, the mount, the port, the limits, labels, and the engine's machine by its name."""
    for name in NETWORKS:
        engine.networks.create(name)
    limits = {"mem_limit": "96m", "nano_cpus": 500_000_000, "shm_size": "8m"}
    config = {"ports": [8123], "env": {"COLOR": "blue"}, "host_config": limits}
    wanted = planned(config, networks=NETWORKS, volumes=(f"{tmp_path}:/data:ro",))
    container = engine.containers.get(agents.start(wanted, pull="never"))
    host, made = container.attrs["HostConfig"], container.attrs["Config"]
    assert set(container.attrs["NetworkSettings"]["Networks"]) == set(NETWORKS)
    assert [(m["Source"], m["Destination"], m["RW"]) for m in container.attrs["Mounts"]] == [(str(tmp_path), "/data", False)]
    assert host["PortBindings"] == {"8123/tcp": [{"HostIp": "", "HostPort": "8123"}]}
    assert (host["Memory"], host["NanoCpus"], host["ShmSize"]) == (96 << 20, 500_000_000, 8 << 20)
    assert host["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert "COLOR=blue" in made["Env"]
    assert {name: made["Labels"][f"io.towpath.{name}"] for name in ("flow-run-id", "flow-id", "flow-name", "fence")} == {
        "flow-run-id": "r1",
        "flow-id": "f1",
        "flow-name": "nightly",
        "fence": "3",
    }


def test_a_name_that_another_container_has(agents: Engine, engine: Any) -> None:
    """The next one gets a number behind it, as Prefect 1 does."""
    made = [engine.containers.get(agents.start(planned(networks=("none",)), pull="never")).name for _ in range(3)]
    assert made == ["brisk-heron", "brisk-heron-1", "brisk-heron-2"]


def test_nothing_is_left_of_what_cannot_start(agents: Engine, engine: Any) -> None:
    """A network that is not there, a port that another one has: the engine's reason, and no container."""
    engine.networks.create(NETWORKS[0])
    with pytest.raises(CannotStartError, match=r"network towpath-test-second not found"):
        agents.start(planned(networks=NETWORKS), pull="never")
    taken = engine.containers.run(
        FLOW_IMAGE, ["sleep", "600"], detach=True, ports={"8124/tcp": 8124}, network=NETWORKS[0], labels={AGENT: MARK}
    )
    with pytest.raises(CannotStartError, match=r"port is already allocated"):
        agents.start(planned({"ports": [8124]}, networks=NETWORKS[:1]), pull="never")
    assert [each.id for each in agents.all(MARK)] == [taken.id]


def test_when_images_are_pulled(agents: Engine) -> None:
    """`missing` takes what is there and `always` asks its registry, which there is none of; `never` does not ask."""
    agents.start(planned(networks=("none",)), pull="missing")
    for image, pull in ((FLOW_IMAGE, "always"), ("127.0.0.1:9/nobody:1", "missing"), ("127.0.0.1:9/nobody:1", "never")):
        with pytest.raises(CannotStartError) as caught:
            agents.start(planned({"image": image}, networks=("none",)), pull=pull)
        assert ("No such image" in str(caught.value)) is (pull == "never"), caught.value


def test_what_a_container_writes_is_streamed(agents: Engine, engine: Any) -> None:
    """Line by line until it ends, without anything of Towpath inside."""
    script = "for n in 1 2 3; do echo line $n; done"
    container = engine.containers.run(FLOW_IMAGE, ["sh", "-c", script], detach=True, network_mode="none", labels={AGENT: MARK})
    assert list(agents.follow(container.id)) == ["line 1", "line 2", "line 3"]
    assert agents.output(container.id, 2) == ["line 2", "line 3"]
    agents.remove(container.id)
    assert agents.all(MARK) == []
