"""The Docker engine, as far as the agent needs it. Its errors become words here."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.utils import kwargs_from_env

from towpath.agent.base import CannotStartError
from towpath.agent.inside import COMMAND
from towpath_agent_docker.containers import AGENT, Plan
from towpath_proto.errors import Code, TowpathError

_NAMES = 100
"""How many names are tried when others have them."""
_AWAY = (requests.exceptions.ConnectionError, requests.exceptions.Timeout)


@dataclass(frozen=True, slots=True)
class Found:
    """A container.

    Attributes:
        id: Its id.
        labels: Its labels.
        running: Whether it runs.
    """

    id: str
    labels: dict[str, str]
    running: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended.

    Attributes:
        status: Its exit status.
        oom: Whether the kernel ended it for want of memory.
        error: What the engine says went wrong.
        memory_limit: Its limit in bytes; 0 for none.
    """

    status: int
    oom: bool
    error: str
    memory_limit: int


class Engine:
    """One engine.

    Args:
        base_url: Its address; None for the environment's.
        timeout: Seconds that it has for an answer.
    """

    def __init__(self, base_url: str | None, timeout: int) -> None:
        self._timeout = timeout
        options = kwargs_from_env()
        if base_url:
            options["base_url"] = base_url
        self._options = {"version": "auto", "timeout": timeout, **options}
        self._client: Any = None
        self._guard = threading.Lock()

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return str(self._options.get("base_url") or "unix:///var/run/docker.sock")

    def connect(self) -> str:
        """Connect; the engine's version.

        Raises:
            TowpathError: `UNREACHABLE`.
        """
        try:
            return str(self._api().version()["Version"])
        except (docker.errors.DockerException, *_AWAY) as e:
            raise TowpathError(
                Code.UNREACHABLE, f"No Docker engine answers at {self.address} ({_said(e)}); start it, or name another with --base-url."
            ) from e

    def close(self) -> None:
        """Let go of its connections."""
        if self._client is not None:
            self._client.close()

    def start(self, plan: Plan, *, pull: str) -> str:
        """Make and start the container of a run; its id.

        Raises:
            CannotStartError: With the engine's reason.
        """
        try:
            self._have_image(plan.image, pull)
            container = self._create(plan)
            try:
                for network in plan.networks[1:]:
                    self._api().connect_container_to_network(container, network)
                self._api().start(container)
            except BaseException:
                self.remove(container)
                raise
        except docker.errors.ImageNotFound as e:
            raise CannotStartError(f"its image {plan.image!r} is not there and could not be pulled: {_said(e)}") from e
        except docker.errors.APIError as e:
            raise CannotStartError(_refusal(e)) from e
        except (TypeError, ValueError, docker.errors.DockerException) as e:
            raise CannotStartError(f"its run config cannot be followed: {_said(e)}") from e
        except _AWAY as e:
            raise CannotStartError(f"the Docker engine at {self.address} does not answer: {_said(e)}") from e
        return container

    def signal(self, container: str, name: str) -> None:
        """Send a signal to the first process of a container, if it runs."""
        with contextlib.suppress(docker.errors.APIError, *_AWAY):
            self._api().kill(container, name)

    def stop(self, container: str, *, at_once: bool) -> None:
        """Stop a container: SIGTERM, and SIGKILL when its own time to stop is over, or a second later."""
        with contextlib.suppress(docker.errors.APIError, *_AWAY):
            self._api().stop(container, timeout=1 if at_once else None)

    def remove(self, container: str) -> None:
        """Remove a container with what it wrote."""
        with contextlib.suppress(docker.errors.APIError, *_AWAY):
            self._api().remove_container(container, v=True, force=True)

    def ended(self, container: str) -> Ended | None:
        """How a container ended; None while it runs, or when it is gone, or when the engine is (which then tells of it again)."""
        try:
            found = self._api().inspect_container(container)
        except (docker.errors.APIError, *_AWAY):
            return None
        state = found["State"]
        if state.get("Running") or state.get("Status") in ("created", "restarting", "paused"):
            return None
        return Ended(
            status=int(state.get("ExitCode") or 0),
            oom=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            memory_limit=int((found.get("HostConfig") or {}).get("Memory") or 0),
        )

    def output(self, container: str, lines: int) -> list[str]:
        """The last lines that a container has written."""
        try:
            text: bytes = self._api().logs(container, tail=lines)
        except (docker.errors.APIError, *_AWAY):
            return []
        return text.decode(errors="replace").splitlines()

    def follow(self, container: str) -> Iterator[str]:
        """The lines that a container writes, until it ends."""
        with contextlib.suppress(docker.errors.APIError, *_AWAY):
            rest = b""
            for part in self._api().logs(container, stream=True, follow=True):
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
            if rest:
                yield rest.decode(errors="replace")

    def all(self, mark: str) -> list[Found]:
        """All containers of an agent, also those that have ended.

        Raises:
            TowpathError: `UNREACHABLE`.
        """
        try:
            rows = self._api().containers(all=True, filters={"label": f"{AGENT}={mark}"})
        except (docker.errors.DockerException, *_AWAY) as e:
            raise TowpathError(Code.UNREACHABLE, f"The Docker engine at {self.address} does not answer: {_said(e)}.") from e
        return [Found(row["Id"], row.get("Labels") or {}, row["State"] == "running") for row in rows]

    def ends(self, mark: str, *, connected: Callable[[], None], stop: threading.Event) -> Iterator[tuple[str, dict[str, str]]]:
        """Containers of an agent as they end: id and labels. Ends when the engine closes the stream, or `stop` is set.

        Args:
            mark: The agent's mark.
            connected: Called when events are coming: what happened before is not told.
            stop: Set to end.

        Raises:
            TowpathError: `UNREACHABLE`.
        """
        filters = {"type": "container", "event": ["die"], "label": f"{AGENT}={mark}"}
        try:
            # a client of its own: a stream has no time limit, and is closed from another thread
            client = docker.APIClient(**{**self._options, "timeout": None})
            stream = client.events(decode=True, filters=filters)
        except (docker.errors.DockerException, *_AWAY) as e:
            raise TowpathError(Code.UNREACHABLE, f"The Docker engine at {self.address} does not answer: {_said(e)}.") from e
        closer = threading.Thread(target=lambda: (stop.wait(), stream.close()), name="towpath-docker-closer", daemon=True)
        closer.start()
        try:
            connected()
            for event in stream:
                actor = event.get("Actor") or {}
                yield str(actor.get("ID") or event.get("id")), actor.get("Attributes") or {}
        except (*_AWAY, ValueError, requests.exceptions.ChunkedEncodingError):
            return
        finally:
            stream.close()
            client.close()

    def _api(self) -> Any:
        with self._guard:
            if self._client is None:
                self._client = docker.APIClient(**self._options)
            return self._client

    def _have_image(self, image: str, pull: str) -> None:
        if pull != "always":
            try:
                self._api().inspect_image(image)
            except docker.errors.ImageNotFound:
                if pull == "never":
                    raise
            else:
                return
        repository, tag = docker.utils.parse_repository_tag(image)
        for line in self._api().pull(repository, tag=tag or "latest", stream=True, decode=True):
            if "error" in line:
                raise docker.errors.ImageNotFound(line["error"])

    def _create(self, plan: Plan) -> str:
        api = self._api()
        networking = None
        if plan.networks and plan.networks[0] not in ("host", "none", "bridge"):
            networking = api.create_networking_config({plan.networks[0]: api.create_endpoint_config()})
        for number in range(_NAMES):
            name = plan.name if number == 0 else f"{plan.name}-{number}"
            try:
                made = api.create_container(
                    plan.image,
                    command=list(COMMAND),
                    name=name,
                    environment=dict(plan.env),
                    labels=dict(plan.labels),
                    stop_timeout=plan.stop_timeout,
                    host_config=api.create_host_config(**plan.host_config),
                    ports=list(plan.ports) or None,
                    volumes=list(plan.volumes) or None,
                    networking_config=networking,
                )
            except docker.errors.APIError as e:
                if e.status_code != 409 or "already in use" not in str(e):
                    raise
            else:
                return str(made["Id"])
        raise CannotStartError(f"{_NAMES} containers named like {plan.name!r} are there already; remove some")


def _refusal(error: docker.errors.APIError) -> str:
    said = _said(error)
    if "could not select device driver" in said and "gpu" in said:  # what the engine says without NVIDIA's runtime
        return f"it wants a GPU, and this Docker engine has none to give: {said}"
    return f"the Docker engine refuses its container: {said}"


def _said(error: BaseException) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return str(text).strip().rstrip(".")
