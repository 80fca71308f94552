"""Asks the API for slots of concurrency limits, in a thread of its own that begins with the first question.

Failure cases:
* The API is away: the question is asked again until there is an answer; nothing that needs a slot runs meanwhile, everything else does.
* The answer is lost: asking again gives the same one, for a slot that was given is kept.
* The run has another owner: no answer comes; the reports of this process learn of it by themselves and end it.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence, Set
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from towpath.client.transport import backoff
from towpath.engine.slots import Key, SlotAnswer
from towpath.runner.delivery import LOST
from towpath_proto.errors import TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client

REQUEST = "mutation($input: request_slots_input!) { request_slots(input: $input) { results retry_after cancel } }"
_Question = tuple[Sequence[Key], int, Callable[[SlotAnswer], None]]


class BackendLimits:
    """The concurrency limits that one run comes under.

    Args:
        client: The run's client, with the run's token.
        flow_run_id: The run.
        fence: The fence of its claim.
        tags: The limited tags that `begin_run` has named.
        flush: Returns when everything reported so far has been answered.
        pause: Waits between tries.
    """

    def __init__(
        self,
        client: Client,
        *,
        flow_run_id: str,
        fence: int,
        tags: Sequence[str],
        flush: Callable[[], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._run = {"flow_run_id": flow_run_id, "fence": fence}
        self._tags = frozenset(tags)
        self._flush = flush
        self._pause = pause
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def learn(self, tags: Sequence[str] | None) -> None:
        """Take the limited tags that an answer of the API has named; None says nothing."""
        if tags is not None:
            self._tags = frozenset(tags)

    def limited(self, tags: Set[str]) -> frozenset[str]:
        """Those of the tags that a limit is on."""
        return self._tags & tags

    def ask(self, tasks: Sequence[Key], most: int, answered: Callable[[SlotAnswer], None]) -> None:
        """Ask for slots; returns at once."""
        self._questions.put((tasks, most, answered))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="towpath-slots", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            tasks, most, answered = self._questions.get()
            attempt = 0
            while True:
                # a state of an earlier try that arrived after the slot was given would give it back
                self._flush()
                try:
                    answered(self._asked(tasks, most))
                    break
                except TowpathError as e:
                    if e.code in LOST:
                        return
                    if attempt == 3:
                        print(f"towpath: no slots could be asked for: {e.message} ({e.code}); trying on.", file=sys.stderr, flush=True)
                self._pause(backoff(attempt, first=0.2, longest=3.0))
                attempt += 1

    def _asked(self, tasks: Sequence[Key], most: int) -> SlotAnswer:
        named = [{"slug": slug, "map_index": index} for slug, index in tasks]
        value: dict[str, Any] = {**self._run, "tasks": named, "most": most}
        answer = self._client.graphql(REQUEST, {"input": value}, timeout=10.0, patience=0)["request_slots"]
        results = dict(zip(tasks, answer["results"], strict=True))
        # what the API cannot give a slot to is let go on: it is the report of its state that will say why
        granted = {key for key, r in results.items() if r["status"] != "WAITING"}
        waiting = {key: r["message"] for key, r in results.items() if r["status"] == "WAITING"}
        return SlotAnswer(granted, waiting, timedelta(seconds=answer["retry_after"] or 1.0))
