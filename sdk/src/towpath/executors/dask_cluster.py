"""The cluster of a `DaskExecutor`: who makes it, that it runs what we send, and that nothing of it stays behind.

Clusters outside of this process cost money until somebody deletes them. So one that had only begun to come up (an error, a cancelled run, a
time limit) is closed like a whole one.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from threading import Timer
from typing import Any

from towpath.errors import FlowError, TowpathError
from towpath.executors.interrupt import interrupt_thread
from towpath_proto import __version__
from towpath_proto.errors import Code

_logger = logging.getLogger("towpath.engine")

ANSWER = 30.0
"""Longest wait, in seconds, for a cluster to say which versions it has."""
ASKED = 20
"""Workers that are asked: the others have the same image, as a rule."""
_EXTRAS = {"dask_cloudprovider.aws": "'dask-cloudprovider[aws]'", "dask_cloudprovider.azure": "'dask-cloudprovider[azure]'"}
_MOVED = {"dask_kubernetes.KubeCluster": "dask_kubernetes.operator.KubeCluster"}
"""Names that flows of Prefect 1 have, of classes that are gone."""
_NOTED = ("towpath", "dask", "distributed", "cloudpickle")

Maker = Callable[..., Any]


def maker(made: str | Maker | None) -> Maker:
    """What makes the cluster: `LocalCluster`, a callable, or what a dotted name stands for.

    Raises:
        FlowError: MISSING_EXTRA where its package is not installed; BAD_SETTING where that has no such name.
    """
    import distributed

    if made is None:
        local: Maker = distributed.LocalCluster
        return local
    if callable(made):
        return made
    module, _, name = made.rpartition(".")
    try:
        found: Maker = getattr(importlib.import_module(module or "distributed"), name)
    except ModuleNotFoundError as error:
        raise _missing(made, module, error) from error
    except (ImportError, AttributeError) as error:
        now = f"; today it is {_MOVED[made]!r}, with other arguments" if made in _MOVED else ""
        raise FlowError(Code.BAD_SETTING, f"DaskExecutor: there is no cluster_class {made!r} here: {error}{now}") from error
    return found


def _missing(made: str, module: str, error: ModuleNotFoundError) -> FlowError:
    package = module.partition(".")[0]
    if error.name is not None and module.startswith(error.name) and error.name != package:
        return FlowError(Code.BAD_SETTING, f"DaskExecutor: there is no cluster_class {made!r} here: {error}")
    wanted = _EXTRAS.get(module, package.replace("_", "-"))
    sentence = f"DaskExecutor: cluster_class {made!r} needs a package that is not installed where the run is ({error}); "
    return FlowError(Code.MISSING_EXTRA, f"{sentence}add it to the image or the environment of the run: pip install {wanted}")


# --- making it ------------------------------------------------------------------------------------------------------------------------


class Beginning:
    """The time in which a cluster comes up: it can be ended from another thread, or a signal handler, or by a time limit."""

    def __init__(self) -> None:
        self._thread: int | None = None
        self._late = False
        self._guard = threading.RLock()  # re-entrant: a signal handler may interrupt while its own thread holds it

    @contextlib.contextmanager
    def limited(self, seconds: float, what: str) -> Iterator[None]:
        """Let the block be interrupted, by a KeyboardInterrupt inside it.

        Raises:
            TowpathError: TIMEOUT when it takes longer than `seconds`.
        """
        self._late = False
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        with self._guard:
            self._thread = threading.get_ident()
        timer.start()
        try:
            yield
        except KeyboardInterrupt:
            if not self._late:
                raise
            raise TowpathError(Code.TIMEOUT, f"{what} was not there after {seconds:g} s; it has been closed.") from None
        finally:
            with self._guard:
                self._thread = None
            timer.cancel()

    def interrupt(self) -> None:
        """End the block, if something is in it."""
        with self._guard:
            thread, self._thread = self._thread, None  # once: it is being closed then
            if thread is not None:
                interrupt_thread(thread)

    def _expire(self) -> None:
        with self._guard:
            self._late = self._thread is not None
            self.interrupt()


@contextlib.contextmanager
def making(make: Maker, arguments: Mapping[str, Any]) -> Iterator[Any]:
    """A cluster as long as the block. One that is not whole when an error or an interrupt comes is closed, too."""
    if isinstance(make, type):
        # in two steps, so that there is something to close when the second one does not end
        kind: Any = make
        cluster: Any = kind.__new__(kind, **arguments)
        try:
            kind.__init__(cluster, **arguments)
        except BaseException:
            with _kept(cluster):
                _close_part(cluster)
            raise
    else:
        cluster = make(**arguments)
    with _kept(cluster), cluster:
        yield cluster


@contextlib.contextmanager
def _kept(cluster: Any) -> Iterator[None]:
    """Run the finalizers of a cluster when it has been closed, on its own loop.

    Those of dask_cloudprovider delete roles, definitions and security groups. They hold the cluster that they wait for, so they run when
    the interpreter exits at the earliest, and by then fail, since `close` has stopped the loop that they need.
    """
    from distributed.utils import LoopRunner

    runner: Any = None
    with contextlib.suppress(Exception):  # one that has not come as far as a loop has nothing that needs it
        runner = LoopRunner(loop=cluster.loop)
        runner.start()
    try:
        yield
    finally:
        registry: Mapping[Any, Any] = getattr(weakref.finalize, "_registry", {})
        due = [one for one in list(registry) if (alive := one.peek()) is not None and alive[0] is cluster]
        for one in reversed(due):
            try:
                one()
            except Exception as error:
                _logger.warning("Something of the Dask cluster %r could not be deleted: %s", cluster, error)
        if runner is not None:
            runner.stop()


def _close_part(cluster: Any) -> None:
    """Close a cluster that is not whole. Its class would leave a scheduler that it still waits for."""
    status = getattr(getattr(cluster, "status", None), "name", "")
    try:
        scheduler: Any = getattr(cluster, "scheduler", None)
        if status == "starting" and scheduler is not None:
            cluster.sync(scheduler.close)
        cluster.close()
    except Exception as error:
        _logger.warning("A Dask cluster that had begun to come up could not be closed: %s", error)


# --- whether it can run what we send --------------------------------------------------------------------------------------------------


def check(client: Any, where: str) -> None:
    """See that a cluster can run the tasks of this process; log what may not fit.

    Args:
        client: A connected client.
        where: What the cluster is called in sentences.

    Raises:
        TowpathError: BAD_SETTING when it has no Towpath, or another Python; UNREACHABLE when it does not answer.
    """
    asked = list(client.scheduler_info(n_workers=ASKED)["workers"])
    question = {"op": "versions", "packages": ["towpath"]}
    try:
        scheduler = client.sync(client.scheduler.versions, packages=["towpath"], callback_timeout=ANSWER)
        workers = {}
        if asked:
            answers = client.sync(client.scheduler.broadcast, msg=question, workers=asked, on_error="ignore", callback_timeout=ANSWER)
            workers = {f"worker {name}": answer["packages"] for name, answer in answers.items() if isinstance(answer, dict)}
    except (TimeoutError, OSError) as error:
        raise TowpathError(Code.UNREACHABLE, f"{where} does not answer: {error!r}") from error
    import distributed.versions

    ours = {**distributed.versions.get_versions()["packages"], "towpath": __version__}
    theirs = {"scheduler": scheduler["packages"], **workers}
    if wrong := unfit(ours, theirs):
        raise TowpathError(Code.BAD_SETTING, f"{where} cannot run this flow: {wrong}; use one image for all of it.")
    for line in differences(ours, theirs):
        _logger.warning("%s has other versions than the run: %s", where, line)
    if not asked:
        _logger.warning("%s has no workers yet; tasks wait for some to join", where)


def unfit(ours: Mapping[str, str | None], theirs: Mapping[str, Mapping[str, str | None]]) -> str:
    """Why tasks of ours cannot run there; empty if they can. What a flow's file defines travels as bytecode of one Python."""
    for who, packages in theirs.items():
        if packages.get("towpath") is None:
            return f"its {who} has no towpath installed"
        mine, its = _minor(ours["python"]), _minor(packages.get("python"))
        if mine != its:
            return f"its {who} has Python {its}, the run has {mine}"
    return ""


def differences(ours: Mapping[str, str | None], theirs: Mapping[str, Mapping[str, str | None]]) -> list[str]:
    """A line for each package whose versions differ and that both sides talk with."""
    lines = []
    for name in _NOTED:
        others = sorted({str(packages.get(name)) for packages in theirs.values()} - {str(ours.get(name))})
        if others:
            lines.append(f"{name} {', '.join(others)} there, {ours.get(name)} here")
    return lines


def _minor(version: str | None) -> str:
    return ".".join((version or "?").split(".")[:2])
