"""A container as values, what a run config may ask for, and what a container's end means."""

from __future__ import annotations

from typing import Any

import pytest
from towpath_agent_docker.containers import LABEL, container_name, plan, seen_from_inside
from towpath_agent_docker.options import OPTIONS, read
from towpath_agent_docker.policy import check_host_config
from towpath_agent_docker.settings import DockerSettings

from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.endings import Duty, ending
from towpath.agent.images import check_image, registry_of
from towpath.agent.inside import scope
from towpath.runner.single import DIED, UNBEGUN
from towpath_proto.errors import Code, TowpathError

_REACHING = ["privileged", "binds", "mounts", "devices", "cap_add", "pid_mode", "network_mode", "security_opt", "volumes_from", "sysctls"]
RUN = ClaimedRun(id="r1", fence=3, run_token="twr_x", name="Brisk Heron!", flow_id="f1", flow_name="nightly")


def _plan(run_config: dict[str, Any] | None = None, **settings: Any) -> Any:
    run = ClaimedRun(**{**{k: getattr(RUN, k) for k in RUN.__slots__}, "run_config": run_config or {}})
    return plan(run, DockerSettings(**settings), api_url="http://127.0.0.1:4200", trusted_keys="KEY", mark="m")


def test_a_plan_holds_the_runs_identity_and_settings() -> None:
    """Agent's variables below the run config's, the run's own above both; loopback becomes the host; labels name run and fence."""
    made = _plan(
        {"env": {"A": "run", "B": None, "TOWPATH_RUN_ID": "forged"}, "image": "mine:1", "ports": [80]}, env={"A": "agent", "C": "1"}
    )
    assert made.image == "mine:1"
    assert made.name == "brisk-heron"
    assert {k: made.env[k] for k in ("A", "C", "TOWPATH_RUN_ID", "TOWPATH_RUN_FENCE", "TOWPATH_RUN_TOKEN", "TOWPATH_TRUSTED_KEYS")} == {
        "A": "run",
        "C": "1",
        "TOWPATH_RUN_ID": "r1",
        "TOWPATH_RUN_FENCE": "3",
        "TOWPATH_RUN_TOKEN": "twr_x",
        "TOWPATH_TRUSTED_KEYS": "KEY",
    }
    assert "B" not in made.env
    assert made.env["TOWPATH_API_URL"] == "http://host.docker.internal:4200"
    assert made.host_config["extra_hosts"] == {"host.docker.internal": "host-gateway"}
    assert made.host_config["port_bindings"] == {80: 80}
    found = ClaimedRun.from_marks(made.labels, LABEL)
    assert found is not None
    assert found.key == RUN.key
    assert (found.name, found.flow_name, found.run_token) == ("Brisk Heron!", "nightly", "")
    assert "twr_x" not in repr(made)


def test_networks_and_volumes() -> None:
    """The first network is the container's from the start; sharing the host's network leaves the API's address as it is."""
    shared = _plan(networks=("host",))
    assert shared.env["TOWPATH_API_URL"] == "http://127.0.0.1:4200"
    assert shared.host_config == {"network_mode": "host"}
    joined = _plan({"host_config": {"extra_hosts": ["db:10.0.0.1"]}}, networks=("a", "b"), volumes=("/data:/data:ro",))
    assert joined.networks == ("a", "b")
    assert joined.host_config["network_mode"] == "a"
    assert joined.host_config["binds"] == ["/data:/data:ro"]
    assert joined.host_config["extra_hosts"]["db"] == "10.0.0.1"
    assert joined.volumes == ("/data",)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://localhost:4200", "http://host.docker.internal:4200"),
        ("http://[::1]/", "http://host.docker.internal/"),
        ("https://towpath.example.org/api", "https://towpath.example.org/api"),
    ],
)
def test_loopback_is_another_machine_inside(url: str, inside: str) -> None:
    """A container's loopback is its own."""
    assert seen_from_inside(url) == inside


def test_names_and_marks() -> None:
    """Names become what the engine takes; agents of other names or APIs have other marks; labels of strangers name no run."""
    assert container_name("Ünïcode / run #7") == "n-code-run-7"
    assert container_name("///") == "flow-run"
    assert len({scope("http://a", "x"), scope("http://a", "y"), scope("http://b", "x")}) == 3
    assert ClaimedRun.from_marks({"io.towpath.flow-run-id": "r", "io.towpath.fence": "one"}, LABEL) is None
    assert ClaimedRun.from_marks({}, LABEL) is None


def test_only_harmless_settings_are_taken_by_themselves() -> None:
    """What reaches for the host is refused with the option that would allow it."""
    check_host_config({"mem_limit": "1g", "device_requests": [{"Count": -1, "Capabilities": [["gpu"]]}]})
    for key in (
        "privileged",
        "binds",
        "mounts",
        "devices",
        "cap_add",
        "pid_mode",
        "network_mode",
        "security_opt",
        "volumes_from",
        "userns_mode",
    ):
        with pytest.raises(CannotStartError, match=f"--allow-host-config {key}"):
            check_host_config({key: True})
    check_host_config({"binds": ["/data:/data"]}, allowed=["binds"])


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("towpath", "docker.io"),
        ("team/towpath:1", "docker.io"),
        ("localhost/x", "localhost"),
        ("registry:5000/x", "registry:5000"),
        ("r.example.org/team/x@sha256:0", "r.example.org"),
    ],
)
def test_registries_of_images(image: str, registry: str) -> None:
    """An allow-list of registries is one of hosts."""
    assert registry_of(image) == registry
    check_image(image, [])
    check_image(image, [registry])
    with pytest.raises(CannotStartError, match=r"takes images of other\.example only"):
        check_image(image, ["other.example"])


@pytest.mark.parametrize(
    ("status", "engine", "duty", "words"),
    [
        (0, {}, Duty.NOTHING, ""),
        (DIED, {}, Duty.NOTHING, ""),
        (UNBEGUN, {"output": ["towpath: it is full"]}, Duty.GIVE_BACK, "it is full"),
        (137, {"oom": True, "memory_limit": 64 * 2**20}, Duty.FIND_OUT, "was killed by the kernel: out of memory (its limit is 64 MiB)"),
        (DIED, {"oom": True}, Duty.FIND_OUT, "out of memory"),
        (137, {}, Duty.FIND_OUT, "was killed (SIGKILL)"),
        (139, {}, Duty.FIND_OUT, "died of a segmentation fault (SIGSEGV)"),
        (127, {"error": ""}, Duty.FIND_OUT, "could not execute its command; is towpath installed in its image?"),
        (128, {"error": "no such device"}, Duty.FIND_OUT, "ended with an error: no such device"),
        (1, {"output": ["a", "No module named towpath"]}, Duty.FIND_OUT, "exited with status 1; its last line: No module named towpath"),
    ],
)
def test_what_an_end_means(status: int, engine: dict[str, Any], duty: Duty, words: str) -> None:
    """Only the engine's own word makes it "out of memory"; what is not understood is asked of the API."""
    found = ending(status, **{"oom": False, "error": "", "memory_limit": 0, "output": [], **engine})
    assert found.duty is duty
    assert words in found.reason


def test_options() -> None:
    """Options as settings; what cannot be meant is refused."""
    defaults = {str(option.name): () if option.multiple else option.default for option in OPTIONS}
    made = read(defaults | {"env": ("A=1=2",), "no_pull": True, "network": ("n",), "volume": ("/a:/b",)})
    assert (made.env, made.pull, made.networks, made.volumes) == ({"A": "1=2"}, "never", ("n",), ("/a:/b",))
    for bad in ({"env": ("A",)}, {"volume": ("/a",)}):
        with pytest.raises(TowpathError) as caught:
            read(defaults | bad)
        assert caught.value.code == Code.BAD_SETTING
