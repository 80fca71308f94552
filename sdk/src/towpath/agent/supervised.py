"""An agent whose runs have a supervisor of their own (`towpath.runner.single`) wherever they run: containers, pods, tasks of a cloud.

It keeps the book of what it has started, and settles with the API what ended without a word. What it means to start, stop and find is for
the kinds to say.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from towpath.agent import documents
from towpath.agent.base import CALL_TIMEOUT, Agent, CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.endings import Duty, Ending
from towpath.agent.inside import scope
from towpath.agent.settings import AgentSettings
from towpath.client.client import Client
from towpath.client.keys import TrustStore
from towpath.client.settings import Settings
from towpath.runner.supervision import REPORT
from towpath_proto.errors import TowpathError

WORKERS = 8
"""Runs that are started or looked after at once; an image that is being pulled takes one."""

Key = tuple[str, int]
"""A claim: the flow run's id and the fence (`ClaimedRun.key`)."""


class Book:
    """What has been started and not yet taken care of: by claim, the handle of what runs it. Thread-safe; no I/O."""

    def __init__(self) -> None:
        self._handles: dict[Key, str | None] = {}  # None while there is nothing yet
        self._unwanted: set[Key] = set()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        with self._guard:
            return len(self._handles)

    def begin(self, key: Key) -> None:
        """Something is about to be started for this claim: it takes a place."""
        with self._guard:
            self._handles[key] = None

    def started(self, key: Key, handle: str) -> bool:
        """It is there. False when it was to be stopped meanwhile."""
        with self._guard:
            if key in self._handles:  # else it has ended already
                self._handles[key] = handle
            return key not in self._unwanted

    def adopt(self, key: Key, handle: str) -> bool:
        """It was found. True when the book did not know the claim."""
        with self._guard:
            known = key in self._handles
            self._handles[key] = handle
            return not known

    def unwanted(self, key: Key) -> str | None:
        """It is to be stopped, and its end says nothing; its handle if there is one."""
        with self._guard:
            self._unwanted.add(key)
            return self._handles.get(key)

    def is_unwanted(self, key: Key) -> bool:
        """Whether it was to be stopped."""
        with self._guard:
            return key in self._unwanted

    def gone(self, key: Key) -> None:
        """It is taken care of: its place is free."""
        with self._guard:
            self._handles.pop(key, None)
            self._unwanted.discard(key)

    def handles(self) -> list[str]:
        """All handles."""
        with self._guard:
            return [handle for handle in self._handles.values() if handle is not None]

    def items(self) -> list[tuple[Key, str | None]]:
        """All claims with their handles."""
        with self._guard:
            return list(self._handles.items())


class SupervisedAgent(Agent):
    """An agent whose runs have a supervisor of their own.

    Args:
        settings: Name, labels and the like.
        max_runs: At most this many runs at once.
        client_settings: How to reach the API; the environment's when absent.
    """

    thing = "container"
    """What a run is to people who read its reasons: "its container was killed"."""

    def __init__(self, settings: AgentSettings, *, max_runs: int, client_settings: Settings | None = None) -> None:
        super().__init__(settings, client_settings=client_settings)
        self.max_runs = max_runs
        self.book = Book()
        self.mark = scope(self.client_settings.api_url, settings.name)
        self.workers = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"towpath-{self.kind}")
        self._reports = Client(settings=self.client_settings)

    def capacity(self) -> int:
        """Places that are free."""
        return self.max_runs - len(self.book)

    def teardown(self) -> None:
        """Let go of the workers. What runs goes on."""
        self.workers.shutdown(wait=False, cancel_futures=True)
        self._reports.close()

    def trusted_keys(self) -> str:
        """The keys whose flows may run, as `TOWPATH_TRUSTED_KEYS` names them."""
        return TrustStore.load(self.client_settings).as_setting()

    def start(self, run: ClaimedRun, how: Callable[[], str | None]) -> None:
        """Have it started by a worker, and see to what comes of it.

        Args:
            run: The claimed run; it takes a place from now on.
            how: Starts it and returns its handle; None when it will be tried again, by another call of this method. When it raises
                anything the run is given back: on `CannotStartError` with its words.
        """
        self.book.begin(run.key)
        self.workers.submit(self._start, run, how)

    def _start(self, run: ClaimedRun, how: Callable[[], str | None]) -> None:
        try:
            handle = how()
        except CannotStartError as e:
            self.not_started(run, str(e))
            return
        except Exception as e:
            self.log.exception("The %s of flow run %s could not be started.", self.thing, run.id)
            self.not_started(run, f"{type(e).__name__}: {e}")
            return
        if handle is None:
            return
        self.log.info("Flow run %s has the %s %s.", run.name or run.id, self.thing, self.short(handle))
        if not self.book.started(run.key, handle):
            self.discard(handle)

    @abc.abstractmethod
    def discard(self, handle: str) -> None:
        """Stop at once what nobody wants: its claim was to be stopped, or is not this agent's any more."""

    def short(self, handle: str) -> str:
        """A handle for people."""
        return handle

    def not_started(self, run: ClaimedRun, reason: str) -> None:
        """It could not be started: give the run back, and its place free."""
        self.book.gone(run.key)
        self.run_not_begun(run.id, run.fence, reason)

    def adopt(self, run: ClaimedRun, handle: str) -> None:
        """Take care of something live of an agent before this one. Its lease is this agent's until a renewal tells that it has begun."""
        if self.book.adopt(run.key, handle) and self.launching.add(run):
            self.launching.mark_deployed(run)

    def ended(self, run: ClaimedRun, handle: str, verdict: Ending, output: list[str]) -> None:
        """It has ended: settle with the API what it could not say itself, and free its place.

        Args:
            run: Whose it was.
            handle: What it was called.
            verdict: What its end means.
            output: Its last lines, for the run's log; empty for none.
        """
        if verdict.duty is not Duty.NOTHING and not self.book.is_unwanted(run.key):
            self.log.warning("The %s %s of flow run %s %s.", self.thing, self.short(handle), run.name or run.id, verdict.reason)
            self._settle(run, verdict, output)
        elif verdict.reason and not self.book.is_unwanted(run.key):
            self.tell(run.id, f"The {self.thing} {verdict.reason}.")
        self.run_begun(run.id, run.fence)  # whatever it was, nothing of it is launching any more
        self.book.gone(run.key)
        self.look_again()

    def tell(self, flow_run_id: str, words: str) -> None:
        """Put a line into a run's log."""
        line = {"flow_run_id": flow_run_id, "timestamp": datetime.now(UTC).isoformat(), "level": "WARNING", "message": words}
        self._ask(documents.WRITE_LOGS, {"input": {"logs": [line | {"name": f"towpath.agent.{self.kind}"}]}})

    def _settle(self, run: ClaimedRun, verdict: Ending, output: list[str]) -> None:
        """Give the run back if it has not begun, report it Failed if it has; nothing when it is not this claim's any more."""
        answer = self._ask(documents.RENEW, {"input": {"leases": [{"flow_run_id": run.id, "fence": run.fence}]}})
        phase = answer["renew_leases"]["results"][0].get("phase") if answer else None
        if phase == "running" and verdict.duty is Duty.FIND_OUT:
            self._report(run, verdict.reason, output)
        elif phase == "launching":
            self.launching.add(run)  # what was found by its labels may not be in the book
            reason = f"its {self.thing} {verdict.reason}" if verdict.duty is Duty.FIND_OUT else verdict.reason
            self.run_not_begun(run.id, run.fence, reason)

    def _report(self, run: ClaimedRun, reason: str, output: list[str]) -> None:
        at = datetime.now(UTC).isoformat()
        lines = [{"timestamp": at, "level": "ERROR", "name": f"towpath.agent.{self.kind}", "message": line} for line in output]
        batch = {
            "flow_run_id": run.id,
            "fence": run.fence,
            "reporter": "supervisor",
            "sequence": 1,  # of the only report of a supervisor: the run's own, if it came before this, stands
            "states": [{"timestamp": at, "state": {"type": "Failed", "message": reason}}],
            "logs": lines,
        }
        self._ask(REPORT, {"input": batch})

    def _ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """An answer of the API, waited for while the API is away as long as the lease may last; empty when it refuses."""
        with contextlib.suppress(TowpathError):
            return self._reports.graphql(document, variables, timeout=CALL_TIMEOUT, patience=60.0)
        return {}
