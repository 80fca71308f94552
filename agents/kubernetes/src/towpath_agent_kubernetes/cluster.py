"""The cluster, as far as the agent needs it. Its errors become words here.

Objects go in and out as plain objects (lightkube's generic resources): what a template says is sent as it stands, and no model is loaded.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from lightkube import ApiError, Client, KubeConfig
from lightkube.config.client_adapter import verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import CascadeType

from towpath.agent.base import CannotStartError
from towpath.client.transport import backoff
from towpath_agent_kubernetes import jobs
from towpath_proto.errors import Code, TowpathError

Job: Any = create_namespaced_resource("batch", "v1", "Job", "jobs")
Pod: Any = create_namespaced_resource("", "v1", "Pod", "pods")
Secret: Any = create_namespaced_resource("", "v1", "Secret", "secrets")
Event: Any = create_namespaced_resource("", "v1", "Event", "events")

PATIENCE = 120.0
"""Seconds for which a Job is offered to an API server that does not answer: one that is upgraded is away for a minute or so."""
_ANSWER = 10.0
"""Seconds that the API server has for an answer."""
_WATCH = 280
"""Seconds after which the API server ends a watch, which is then resumed."""
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A watch waits without a time limit: only the kernel can tell that the other side is gone without a word."""
Changed = Callable[[str, dict[str, Any]], None]
Listed = Callable[[list[dict[str, Any]], Any], None]


class Cluster:
    """One namespace of a cluster.

    Args:
        namespace: The namespace; None for the kubeconfig's, or in a cluster the agent's own.
        kubeconfig: A kubeconfig file; None for what is found.
        context: A context of it; None for the current one.

    Raises:
        TowpathError: `BAD_SETTING` when it says of no cluster.
    """

    def __init__(self, namespace: str | None = None, kubeconfig: str | None = None, context: str | None = None) -> None:
        try:
            found = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()
            config = found.get(context)
        except (ConfigError, KeyError, OSError, ValueError) as e:
            how = "Name a kubeconfig with --kubeconfig or KUBECONFIG, or run the agent in a pod with a service account."
            raise TowpathError(Code.BAD_SETTING, f"No Kubernetes cluster is known here: {e}. {how}") from e
        if config is None or config.user is None:
            raise TowpathError(Code.BAD_SETTING, "The kubeconfig's context has no user; name another with --context.")
        self._config: SingleConfig = config
        self.namespace = namespace or config.namespace
        self._clients: set[Client] = set()
        self._guard = threading.Lock()
        self._client = self._open()

    @property
    def address(self) -> str:
        """Where its API server is, for people."""
        return str(self._config.cluster.server)

    def close(self) -> None:
        """Let go of all connections."""
        with self._guard:
            clients, self._clients = self._clients, set()
        for client in clients:
            client.close()

    def connect(self) -> None:
        """See whether it answers, and lets the agent do its work.

        Raises:
            TowpathError: `UNREACHABLE` or `FORBIDDEN`.
        """
        try:
            next(iter(self._client.list(Job, chunk_size=1)), None)
        except ApiError as e:
            how = "`towpath agent kubernetes install` prints the Role that the agent needs."
            raise TowpathError(Code.FORBIDDEN, f"The API server at {self.address} refuses: {said(e)}. {how}") from e
        except httpx2.HTTPError as e:
            raise TowpathError(Code.UNREACHABLE, f"The API server at {self.address} does not answer: {said(e)}.") from e

    def start(self, plan: jobs.Plan, stop: threading.Event) -> None:
        """Have the Job, once, with its secret. A Job of that name is this claim's own: an answer was lost.

        Raises:
            CannotStartError: It is refused, or the API server did not answer in time.
        """
        until, attempt, was_away = time.monotonic() + PATIENCE, 0, False
        while True:
            try:
                self._secure(plan, self._create(plan))
            except ApiError as e:
                # one that has just begun may not know yet who may do what
                if not (passing(e) or (was_away and e.status.code in (401, 403))):
                    with contextlib.suppress(httpx2.HTTPError):
                        self.delete(plan.name)
                    raise CannotStartError(f"the cluster refuses its Job: {said(e)}") from e
                trouble: Exception = e
            except httpx2.HTTPError as e:
                trouble, was_away = e, True
            else:
                return
            if time.monotonic() > until or stop.wait(backoff(attempt, first=0.2, longest=5.0)):
                raise CannotStartError(f"the API server at {self.address} does not answer: {said(trouble)}") from trouble
            attempt += 1

    def delete(self, name: str) -> None:
        """Delete a Job, if it is there; its pod gets SIGTERM and its grace.

        Raises:
            httpx2.HTTPError: The API server does not answer, or refuses.
        """
        try:
            self._client.delete(Job, name, cascade=CascadeType.BACKGROUND)
        except ApiError as e:
            if e.status.code != 404:
                raise

    def job(self, name: str) -> dict[str, Any] | None:
        """A Job as it is now; None when it is gone.

        Raises:
            httpx2.HTTPError: The API server does not answer, or refuses.
        """
        try:
            found: dict[str, Any] = self._client.get(Job, name)
        except ApiError as e:
            if e.status.code != 404:
                raise
            return None
        return found

    def pods(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """The pods that have these labels.

        Raises:
            httpx2.HTTPError: The API server does not answer, or refuses.
        """
        return list(self._client.list(Pod, labels=dict(labels)))

    def output(self, pod: str, container: str, lines: int) -> list[str]:
        """The last lines that a container has written; empty when nobody knows them any more."""
        try:
            return list(self._client.log(pod, container=container, tail_lines=lines, newlines=False))
        except httpx2.HTTPError:
            return []

    def pass_on(self, pod: str, container: str, show: Callable[[str], None], over: Callable[[], bool], stop: threading.Event) -> None:
        """Pass on each line that a container writes, from its first one to its last, however often the connection ends.

        Args:
            pod, container: Whose output it is.
            show: Told a line, without its end.
            over: Whether it writes no more; asked when a connection has ended.
            stop: Set to end, followed by `close`.
        """
        shown, attempt, was_away = 0, 0, False
        while not stop.is_set():
            client = self._open()
            try:
                for number, line in enumerate(client.log(pod, container=container, follow=True, newlines=False)):
                    if number >= shown:
                        show(line)
                        shown, attempt = number + 1, 0
            except httpx2.HTTPError as e:
                # gone it is, unless the API server has just begun and may not know yet who may do what
                if not (passing(e) or (was_away and _status(e) in (401, 403))):
                    return
                was_away = was_away or _status(e) == 0
            except RuntimeError:  # of a client that was closed
                if not stop.is_set():
                    raise
            finally:
                self._shut(client)
            if over() or stop.wait(backoff(attempt, first=0.2, longest=5.0)):
                return
            attempt += 1

    def follow(
        self,
        kind: Any,
        *,
        before: Callable[[], Any],
        listed: Listed,
        changed: Changed,
        stop: threading.Event,
        trouble: Callable[[str], None],
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """Tell what changes, until `stop`: a list, then a watch that goes on where it broke off; when that is too long ago, a list again.

        Args:
            kind: `Job`, `Pod` or `Event`.
            before: Asked before each list.
            listed: Told all that there is, at the beginning and after a gap, and what `before` said.
            changed: Told of one change: `ADDED`, `MODIFIED` or `DELETED`, and the object.
            stop: Set to end, followed by `close`.
            trouble: Told in words why there is a gap, once for each.
            labels, fields: Which objects.
        """
        selected: dict[str, Any] = {"labels": dict(labels or {}), "fields": dict(fields or {})}
        version, attempt = None, 0
        while not stop.is_set():
            client = self._open()
            try:
                if version is None:
                    known = before()
                    found = client.list(kind, chunk_size=500, **selected)
                    listed(list(found), known)
                    version = found.resourceVersion
                for what, one in client.watch(kind, server_timeout=_WATCH, resource_version=version, **selected):
                    attempt = 0
                    changed(what, one)
                    version = one["metadata"]["resourceVersion"]
            except (httpx2.HTTPStatusError, ApiError) as e:
                version = None  # 410: too long ago. Others: whatever it was, a list tells
                if stop.is_set() or _status(e) == 410:
                    continue
                trouble(f"The API server at {self.address} refuses to tell of {kind.__name__}s: {said(e)}.")
            except httpx2.HTTPError as e:
                if not stop.is_set() and attempt == 1:
                    trouble(f"The API server at {self.address} does not answer: {said(e)}.")
            except RuntimeError:  # of a client that was closed
                if not stop.is_set():
                    raise
            finally:
                self._shut(client)
            stop.wait(backoff(attempt, first=0.1, longest=5.0))
            attempt += 1

    def _create(self, plan: jobs.Plan) -> str:
        """The uid of the Job."""
        try:
            made = self._client.create(Job(plan.job))
        except ApiError as e:
            if e.status.code != 409:
                raise
            made = self._client.get(Job, plan.name)
        return str(made["metadata"]["uid"])

    def _secure(self, plan: jobs.Plan, uid: str) -> None:
        try:
            self._client.create(Secret(jobs.secret(plan, uid)))
        except ApiError as e:
            if e.status.code != 409:
                raise

    def _open(self) -> Client:
        config = self._config
        context = verify_cluster(config.cluster, config.user, config.abs_file)  # type: ignore[arg-type]
        limits = httpx2.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=60.0)
        transport = httpx2.HTTPTransport(verify=context, socket_options=list(_KEEPALIVE), limits=limits)
        client = Client(config, namespace=self.namespace, timeout=httpx2.Timeout(_ANSWER), transport=transport)
        with self._guard:
            self._clients.add(client)
        return client

    def _shut(self, client: Client) -> None:
        with self._guard:
            self._clients.discard(client)
        client.close()


def said(error: BaseException) -> str:
    """What went wrong, without the full stop."""
    if isinstance(error, ApiError):
        return str(error.status.message or error.status.reason or error).strip().rstrip(".")
    return (str(error) or type(error).__name__).strip().rstrip(".")


def _status(error: BaseException) -> int:
    if isinstance(error, ApiError):
        return int(error.status.code or 0)
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else 0


def passing(error: BaseException) -> bool:
    """Whether the same may be answered well a little later."""
    code = _status(error)
    return code in (0, 429) or code >= 500
