"""One run on a Dask cluster: sends calls, hears answers, log records and deaths.

Calls travel as our own bytes, so what a script defines travels by value and no exception is lost on its way. Log records and small answers
come as worker events; a big answer is fetched. A big value that calls take is sent to the cluster once and moves between its workers.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

import dask
from distributed import KilledWorker

from towpath._context import context
from towpath.client.settings import Settings
from towpath.errors import TowpathError
from towpath.executors import dask_worker
from towpath.executors.parcels import Parcels, references
from towpath.executors.pickling import packed, unpacked
from towpath.executors.worker import INTERRUPTED, RETURNED
from towpath.log_relay import levels, replay
from towpath.storage import scripts_by_value
from towpath_proto.errors import Code
from towpath_proto.ids import uuid7

_logger = logging.getLogger("towpath.engine")

GRACE = 5.0
"""Seconds after an interrupt in which tasks may end by themselves, before they are given up and their cluster is closed."""


_ODD = re.compile(r"[^\w.\[\]-]")  # what a name may not hold, as workers name a file after it


def _api(local: bool) -> dict[str, str]:
    """What a worker elsewhere needs to reach the API of a run that belongs to one: its address, and the token of this run only."""
    if local or not context.get("running_with_backend"):
        return {}
    settings = Settings.from_env()
    return {"TOWPATH_API_URL": settings.api_url, "TOWPATH_API_KEY": settings.token or ""}


class Session:
    """One run on a cluster.

    Args:
        client: The Dask client.
        exact: Whether workers are on this machine and the cluster re-runs nothing, so that what had begun is known.
        watch: Whether to log workers that come and go.
        stops: Whether to interrupt what runs on the workers.
    """

    def __init__(self, client: Any, *, exact: bool, watch: bool, stops: bool) -> None:
        self._client = client
        self._exact = exact
        self._watch = watch
        self._stops = stops
        self._id = uuid7().hex
        self._context = copy_context()
        self._calls: dict[str, tuple[Any, Future[Any], dict[str, Any]]] = {}  # by key: Dask's future, ours, how to send it again
        self._held: dict[int, Any] = {}
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._interrupted = False
        self._stopper: threading.Thread | None = None
        self._numbers = itertools.count(1)

    @contextmanager
    def open(self) -> Iterator[Session]:
        """Listen to the cluster inside the block."""
        self._parcels = Parcels()
        collector = threading.Thread(target=self._collect, name="towpath-dask", daemon=True)
        with ExitStack() as stack:
            marks = stack.enter_context(tempfile.TemporaryDirectory(prefix="towpath-")) if self._exact else None
            self._terms = dask_worker.Terms(self._id, f"towpath-{self._id}", levels(), marks, _api(self._exact))
            stack.enter_context(scripts_by_value())
            stack.enter_context(dask_worker.here(self._id, self._context))
            self._client.subscribe_topic(self._terms.topic, self._on_report)
            if self._watch:
                self._client.subscribe_topic("all", self._on_event)
            collector.start()
            try:
                yield self
            finally:
                self._client.unsubscribe_topic(self._terms.topic)
                if self._watch:
                    self._client.unsubscribe_topic("all")
                if self._stopper is not None:
                    self._stopper.join()
                self._done.put(None)
                collector.join()

    # --- sending ------------------------------------------------------------------------------------------------------------------

    def submit(self, fn: Callable[..., Any], shared: Any, args: tuple[Any, ...], name: str, resources: dict[str, float]) -> Future[Any]:
        """Send a call."""
        arguments = [self._parcels.wrap(argument, f"the input of task {name!r}") for argument in args]
        small = self._parcels.wrap(shared, f"task {name!r}")
        body = (fn, small, arguments)
        numbers = sorted(references(body))
        for number in self._held.keys() - self._parcels.data.keys():
            del self._held[number]  # no call takes it any more, but those that hold it themselves
        what = {
            "name": name,
            "head": packed((*body, numbers), f"task {name!r}"),
            "held": [self._hold(number) for number in numbers],
            "resources": resources or None,
        }
        ours: Future[Any] = Future()
        if self._interrupted:
            ours.set_exception(KeyboardInterrupt())
        else:
            self._send(ours, what)
        return ours

    def _hold(self, number: int) -> Any:
        """A big value in the cluster; the scheduler can make it again should its worker die."""
        if number not in self._held:
            key = f"towpath-value-{number}-{self._id}"
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
                self._held[number] = self._client.submit(dask_worker.hold, self._parcels.data[number], key=key, pure=False)
        return self._held[number]

    def _send(self, ours: Future[Any], what: dict[str, Any]) -> None:
        for held in what["held"]:
            if held.status == "error":  # its worker has died
                held.retry()
        base, _, index = _ODD.sub("_", what["name"]).partition("[")
        key = "-".join(part for part in (base, index.rstrip("]"), str(next(self._numbers)), self._id) if part)
        theirs = self._client.submit(
            dask_worker.call, self._terms, key, what["head"], *what["held"], key=key, pure=False, resources=what["resources"], retries=0
        )
        self._calls[key] = (theirs, ours, what)
        theirs.add_done_callback(self._done.put)

    def interrupt(self) -> None:
        """See `DaskExecutor.interrupt`. Safe in a signal handler: a thread of its own does it."""
        if not self._interrupted:
            self._interrupted = True
            self._stopper = threading.Thread(target=self._stop, name="towpath-dask-stop", daemon=True)
            self._stopper.start()

    def _stop(self) -> None:
        try:
            if self._stops:
                self._client.run(dask_worker.stop, self._id, on_error="ignore")
                wait([ours for _, ours, _ in list(self._calls.values())], GRACE)
        finally:
            left = list(self._calls.values())
            self._client.cancel([theirs for theirs, _, _ in left], force=True)
            for theirs, _, _ in left:
                self._done.put(theirs)

    # --- listening ----------------------------------------------------------------------------------------------------------------

    def _on_report(self, event: tuple[float, Any]) -> None:
        message = event[1]
        if "answer" in message:
            self._done.put(tuple(message["answer"]))
        else:
            replay(message, self._context)

    def _on_event(self, event: tuple[float, Any]) -> None:
        message = event[1]
        if not isinstance(message, dict) or message.get("action") not in {"add-worker", "remove-worker"} or self._interrupted:
            return
        if message["action"] == "add-worker":
            self._context.copy().run(_logger.info, "Dask worker %s has joined", message.get("worker"))
            return
        again = [*message.get("processing-tasks", ()), *message.get("lost-computed-tasks", ())]
        names = sorted(self._calls[key][2]["name"] for key in again if key in self._calls)
        level = logging.WARNING if names or not message.get("expected") else logging.INFO
        more = f"; it was given {', '.join(names)}" + ("" if self._exact else ", which Dask runs again") if names else ""
        self._context.copy().run(_logger.log, level, "Dask worker %s is gone%s", message.get("worker"), more)

    def _collect(self) -> None:
        while (item := self._done.get()) is not None:
            items = [item]
            while not self._done.empty():
                items.append(self._done.get())
            ended = []
            for item in items:
                if item is None:
                    return
                if isinstance(item, tuple):
                    self._answered(*item)
                elif item.key in self._calls:
                    ended.append(item)
            self._fetch(ended)

    def _fetch(self, ended: list[Any]) -> None:
        """Settle calls that have ended and whose answer has not come as an event."""
        ended = [theirs for theirs in ended if theirs.key in self._calls]
        there = [theirs for theirs in ended if theirs.status == "finished"]
        try:
            answers = dict(zip([theirs.key for theirs in there], self._client.gather(there), strict=True)) if there else {}
        except Exception:
            answers = {}  # one of them was lost with its worker just now: ask for each
        for theirs in ended:
            try:
                kind, data = answers.get(theirs.key) or theirs.result()
            except KilledWorker as error:
                self._killed(theirs.key, getattr(error.last_worker, "address", error.last_worker))
            except BaseException as error:
                self._fail(theirs.key, f"The Dask cluster could not run the task: {error!r}")
            else:
                self._answered(theirs.key, kind, data)

    def _killed(self, key: str, worker: Any) -> None:
        if self._terms.marks is None or self._interrupted or os.path.exists(os.path.join(self._terms.marks, key)):
            self._fail(key, f"The process that ran the task (Dask worker {worker}) died before the task ended; memory may be short.")
            return
        call = self._calls.pop(key, None)
        if call is not None:
            self._send(call[1], call[2])

    def _fail(self, key: str, sentence: str) -> None:
        call = self._calls.pop(key, None)
        if call is not None:
            call[1].set_exception(KeyboardInterrupt() if self._interrupted else TowpathError(Code.WORKER_LOST, sentence))

    def _answered(self, key: str, kind: bytes, data: bytes) -> None:
        call = self._calls.pop(key, None)
        if call is None:
            return  # it came twice
        ours = call[1]
        if kind == INTERRUPTED:
            ours.set_exception(KeyboardInterrupt())
            return
        try:
            value = unpacked(data, "what the task returned")
        except TowpathError as error:
            ours.set_exception(error)
            return
        if kind == RETURNED:
            ours.set_result(value)
        else:
            ours.set_exception(value)
