"""`DaskExecutor`: tasks on a Dask cluster, a temporary one or a given one.

A worker that dies: a temporary `LocalCluster` re-runs nothing by itself (`allowed-failures` is 0). Its workers note on disk what they
begin, and begin nothing twice: a task that had begun fails, and is retried if its author wants that; one that only waited there is sent
again. Other clusters re-run lost tasks by their own rules; that is written in the run's log.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError, TowpathError
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.executors.dask_cluster import Beginning
    from towpath.executors.dask_session import Session

_logger = logging.getLogger("towpath.engine")

_AHEAD = 8  # calls beyond the threads of a temporary cluster, so that workers do not wait for the next one
_RESOURCE = "dask-resource:"


def _needs_dask(error: ImportError) -> FlowError:
    return FlowError(Code.MISSING_EXTRA, f"DaskExecutor needs dask ({error}); install it with: pip install 'towpath[dask]'")


class DaskExecutor:
    """Runs tasks on a Dask cluster. The name and the arguments are Prefect 1's.

    A task's tags of the form `dask-resource:GPU=1` are the Dask resources that it needs.

    Args:
        address: Address of a scheduler that is running; default a temporary cluster for each run.
        cluster_class: Class of the temporary cluster, or a callable that makes one, or the dotted name of either; default `LocalCluster`.
        cluster_kwargs: Its arguments, such as `{"n_workers": 4, "threads_per_worker": 1}`.
        adapt_kwargs: Let the temporary cluster grow and shrink: arguments of its `adapt`, such as `{"minimum": 1, "maximum": 10}`.
        client_kwargs: Arguments of the Dask client, such as `{"security": …}`.
        debug: Whether a local cluster prints its own warnings.
        performance_report_path: Where to write Dask's report of the run (HTML; needs bokeh); the run's log says when that fails.
        disable_cancellation_event: Whether to leave alone what runs on the workers when the run is cancelled.
        watch_worker_status: Whether to log workers that come and go; default yes, but not with `adapt_kwargs`.
        cluster_timeout: Longest time in seconds for a temporary cluster to come up; default 10 minutes.

    Raises:
        FlowError: BAD_SETTING; when it starts, MISSING_EXTRA where dask or the package of `cluster_class` is not installed.
        TowpathError: When it starts: UNREACHABLE, TIMEOUT, or BAD_SETTING for a cluster that cannot run the flow's tasks.
    """

    inline = False

    def __init__(
        self,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        debug: bool = False,
        performance_report_path: str | None = None,
        disable_cancellation_event: bool = False,
        watch_worker_status: bool | None = None,
        cluster_timeout: float = 600.0,
    ) -> None:
        if address is not None and (cluster_class or cluster_kwargs or adapt_kwargs):
            raise FlowError(Code.BAD_SETTING, "DaskExecutor: give the address of a cluster, or say how to make one, not both")
        self.address = address
        self.cluster_class = cluster_class
        self.cluster_kwargs = dict(cluster_kwargs or {})
        self.adapt_kwargs = dict(adapt_kwargs or {})
        self.client_kwargs = dict(client_kwargs or {})
        self.debug = debug
        self.performance_report_path = performance_report_path
        self.disable_cancellation_event = disable_cancellation_event
        self.watch_worker_status = not self.adapt_kwargs if watch_worker_status is None else watch_worker_status
        self.cluster_timeout = cluster_timeout
        self.slots: int | None = None
        self._session: Session | None = None
        self._beginning: Beginning | None = None

    @contextmanager
    def start(self) -> Iterator[None]:
        """Connect to the cluster, or make it; close it at the end."""
        try:
            import distributed
        except ImportError as error:
            raise _needs_dask(error) from error
        from towpath.executors.dask_cluster import Beginning
        from towpath.executors.dask_session import Session

        with ExitStack() as stack:
            self._beginning = Beginning()
            with self._beginning.limited(self.cluster_timeout, f"The Dask cluster {self._where()}"):
                client, local = self._connected(stack)
            if self.performance_report_path:
                stack.enter_context(self._report(distributed, client))
            if local and not self.adapt_kwargs:
                self.slots = sum(client.nthreads().values()) + _AHEAD
            session = Session(client, exact=local, watch=self.watch_worker_status, stops=not self.disable_cancellation_event)
            self._session = stack.enter_context(session.open())
            try:
                yield
            finally:
                self._session = None

    def _connected(self, stack: ExitStack) -> tuple[Any, bool]:
        """A client of the cluster, and whether that is a local one of ours."""
        import distributed
        from distributed.versions import VersionMismatchWarning

        from towpath.executors import dask_cluster

        address: Any = self.address
        local = False
        if address is None:
            make = dask_cluster.maker(self.cluster_class)
            local = make is distributed.LocalCluster
            address = stack.enter_context(self._cluster(make, local))
            if self.adapt_kwargs:
                address.adapt(**self.adapt_kwargs)
        try:
            connect: Any = distributed.Client
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", VersionMismatchWarning)  # `check` says it in the run's log
                client = stack.enter_context(connect(address, **{"set_as_default": False, **self.client_kwargs}))
        except OSError as error:
            raise TowpathError(Code.UNREACHABLE, f"The Dask cluster {self._where()} cannot be reached: {error}") from error
        if not local:
            dask_cluster.check(client, f"The Dask cluster {self._where()}")
        return client, local

    def _where(self) -> str:
        if self.address is not None:
            return f"at {self.address}"
        made = self.cluster_class or "LocalCluster"
        return made if isinstance(made, str) else getattr(made, "__qualname__", repr(made))

    @contextmanager
    def _cluster(self, make: Callable[..., Any], local: bool) -> Iterator[Any]:
        import dask

        from towpath.executors.dask_cluster import making

        arguments: dict[str, Any] = dict(self.cluster_kwargs)
        settings: dict[str, Any] = {}
        if local:
            quiet = logging.WARNING if self.debug else logging.CRITICAL
            # loopback, and any free port: Dask serves its health there even where its dashboard is not installed
            arguments = {"silence_logs": quiet, "dashboard_address": "127.0.0.1:0", **arguments}
            settings = {"distributed.scheduler.allowed-failures": 0}
        with ExitStack() as stack:
            with dask.config.set(settings):
                cluster = stack.enter_context(making(make, arguments))
            yield cluster

    @contextmanager
    def _report(self, distributed: Any, client: Any) -> Iterator[None]:
        try:
            importlib.import_module("bokeh")
        except ImportError as error:
            raise FlowError(Code.MISSING_EXTRA, "DaskExecutor: performance_report_path needs bokeh: pip install bokeh") from error
        report = distributed.performance_report(self.performance_report_path)
        with client.as_current():  # not around the run: Dask's own calls of the flow's would then go to this cluster
            report.__enter__()
        try:
            yield
        finally:
            try:
                with client.as_current():
                    report.__exit__(None, None, None)
            except Exception as error:  # the tasks have done their work
                _logger.warning("Dask's report could not be written to %s: %s", self.performance_report_path, error)

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str = "task", tags: Collection[str] = ()) -> Future[Any]:
        """Send it to the cluster."""
        if self._session is None:
            raise RuntimeError("the executor has not been started")
        return self._session.submit(fn, shared, args, name, _resources(tags))

    def interrupt(self) -> None:
        """Interrupt what runs on the workers, and begin nothing more; what has not ended after the grace is given up.

        A cluster that is coming up is closed instead.
        """
        if self._session is not None:
            self._session.interrupt()
        elif self._beginning is not None:
            self._beginning.interrupt()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None, "_beginning": None, "slots": None}

    def __repr__(self) -> str:
        return f"<DaskExecutor: {self.address or self._where()}>"


def _resources(tags: Collection[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for tag in tags:
        if tag.startswith(_RESOURCE):
            key, _, number = tag.removeprefix(_RESOURCE).partition("=")
            try:
                found[key] = float(number)
            except ValueError:
                raise FlowError(Code.BAD_FLOW, f"the tag {tag!r} must be {_RESOURCE}NAME=NUMBER") from None
    return found
