"""The runner's duties towards the API: renew the leases of its children, and report those that died without a word.

Failure cases:
* A renewal is lost or the API is away: it is tried again after a second; the children go on. The reap gate of the API gives owners a lease
  period to come back, so an outage kills nothing.
* The API says FENCED or NOT_FOUND, or twice in a row FINISHED: the run is no longer ours. Its process is stopped and nothing is reported.
* A crash cannot be reported: the report is kept and sent again until the API answers. Its sequence number never changes, so the API takes
  it once. If this process dies first, the lease runs out and the zombie killer finds the run.
* The runner itself is told to stop: the API is asked once more, since that may be how a cancelled run is stopped (its pod is deleted).
  Runs that are not being cancelled, or of which the API does not say so in time, are lost processes: the API decides on them.

No process is touched and no socket read here: `send` is the courier's, `stop` the zygote's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.runner.child_table import Child, Stage, Verdict, Why
from towpath_proto.timers import BEAT

RENEW = "mutation($input: renew_leases_input!) { renew_leases(input: $input) { results } }"
REPORT = "mutation($input: report_run_input!) { report_run(input: $input) { results replayed cancel } }"

_RETRY = 1.0
_LONGEST_RETRY = 5.0
LAST_QUESTION = 2.0
"""Seconds that the API has to say which runs are being cancelled, when the runner is told to stop. Their grace is longer."""
_PASSING = {"UNREACHABLE", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "LIMIT_EXCEEDED", "API_ERROR"}

Answer = dict[str, Any]


class Send(Protocol):
    """Sends a document to the API and calls back with `{"data"}` or `{"error": {code, message}}`, some time later."""

    def __call__(self, query: str, variables: dict[str, Any], then: Callable[[Answer], None]) -> None: ...  # noqa: D102


class Stop(Protocol):
    """Begins to stop a child."""

    def __call__(self, child: Child, reason: str, *, why: Why) -> None: ...  # noqa: D102


_STARTED = {"type": "Running", "message": "Starting task run."}
_MOST_RUNNING = 1_000
"""Task runs named in the report of a lost process; no executor of one process runs more at a time."""


@dataclass(slots=True)
class Report:
    """The end of a run that its process could not report.

    Attributes:
        flow_run_id: The run.
        fence: The fence of its claim.
        state: Kind of state.
        message: The sentence for people.
        running: Task runs (slug, map index) that died with the process; the API may not have heard of them yet.
        due: When to send it (monotonic).
        pause: Seconds until the next try.
        on_its_way: Whether an answer is awaited.
    """

    flow_run_id: str
    fence: int
    state: str
    message: str
    running: tuple[tuple[str, int], ...]
    due: float
    pause: float = _RETRY
    on_its_way: bool = False

    def variables(self, at: str) -> dict[str, Any]:
        """The mutation's variables."""
        lost = [{"slug": slug, "map_index": index, "timestamp": at, "state": _STARTED} for slug, index in self.running]
        batch: dict[str, Any] = {
            "flow_run_id": self.flow_run_id,
            "fence": self.fence,
            "reporter": "supervisor",
            "sequence": 1,
            "states": [*lost, {"timestamp": at, "state": {"type": self.state, "message": self.message}}],
        }
        if self.state != "Failed":  # a failure's log line is written by the API, which knows what was lost with it
            batch["logs"] = [{"timestamp": at, "level": "WARNING", "name": "towpath.runner", "message": self.message}]
        return {"input": batch}


class Supervision:
    """Renews and reports.

    Args:
        children: The runner's children by (run, fence); read here, changed by the zygote.
        send: Sends to the API.
        stop: Stops a child.
        clock: Monotonic seconds.
        timestamp: The time of day as ISO text in UTC.
        beat: Seconds between two renewals.
    """

    def __init__(
        self,
        children: dict[tuple[str, int], Child],
        *,
        send: Send,
        stop: Stop,
        clock: Callable[[], float],
        timestamp: Callable[[], str],
        beat: float = BEAT,
    ) -> None:
        self._children = children
        self._send = send
        self._stop = stop
        self._clock = clock
        self._timestamp = timestamp
        self._beat = beat
        self._renew_at: float | None = None
        self._renewing = False
        self._leaving: str | None = None
        self._leave_at: float | None = None
        self.reports: list[Report] = []
        self.trouble: str | None = None

    def child_died(self, child: Child, verdict: Verdict) -> None:
        """Take note of a child that is gone."""
        if verdict.state is not None:
            running = tuple(child.running)[:_MOST_RUNNING]
            launch = child.launch
            self.reports.append(Report(launch.flow_run_id, launch.fence, verdict.state, verdict.reason, running, self._clock()))

    def renew_soon(self) -> None:
        """Renew without waiting for the beat: the answer says whether a run is to be stopped."""
        if self._has_leases():
            self._renew_at = self._clock()

    def leave(self, reason: str) -> None:
        """Stop all children, once the API had the chance to say which of their runs are being cancelled.

        Args:
            reason: A clause that follows "the run's process …".
        """
        if self._leaving is None and self._children:
            self._leaving = reason
            self._leave_at = self._clock() + LAST_QUESTION
            self._renew_at = self._clock()

    def next_due(self) -> float | None:
        """When `work` has something to do (monotonic); None for never."""
        moments = [r.due for r in self.reports if not r.on_its_way]
        if self._has_leases() and not self._renewing:
            if self._renew_at is None:
                self._renew_at = self._clock() + self._beat
            moments.append(self._renew_at)
        if self._leave_at is not None:
            moments.append(self._leave_at)
        return min(moments, default=None)

    def work(self) -> None:
        """Send what is due."""
        now = self._clock()
        if not self._has_leases():
            self._renew_at = None
        elif not self._renewing and self._renew_at is not None and now >= self._renew_at:
            self._renew()
        if self._leave_at is not None and now >= self._leave_at:
            self._leave()
        for report in self.reports:
            if not report.on_its_way and now >= report.due:
                report.on_its_way = True
                self._send(REPORT, report.variables(self._timestamp()), lambda answer, r=report: self._reported(r, answer))  # type: ignore[misc]

    def _has_leases(self) -> bool:
        return any(self._asks_for(child) for child in self._children.values())

    def _asks_for(self, child: Child) -> bool:
        # of one that has not begun the lease is its agent's, but who is leaving asks for all
        return child.renews or (self._leave_at is not None and child.stage is Stage.STARTING)

    def _leave(self) -> None:
        self._leave_at = None
        assert self._leaving is not None
        for child in list(self._children.values()):
            self._stop(child, self._leaving, why=Why.TOLD)

    def _renew(self) -> None:
        self._renewing = True
        leases = [{"flow_run_id": c.launch.flow_run_id, "fence": c.launch.fence} for c in self._children.values() if self._asks_for(c)]
        asked = {(lease["flow_run_id"], lease["fence"]) for lease in leases}
        last = self._leave_at is not None
        self._send(RENEW, {"input": {"leases": leases}}, lambda answer: self._renewed(asked, answer, last=last))

    def _renewed(self, asked: set[tuple[Any, Any]], answer: Answer, *, last: bool) -> None:
        self._renewing = False
        if "error" in answer:
            self._renew_at = self._clock() + _RETRY
            self.trouble = f"{answer['error']['message']} ({answer['error']['code']})"
            return
        self.trouble = None
        # what was asked before the runner was told to stop says nothing about the time since
        self._renew_at = self._clock() + (0.0 if self._leave_at is not None and not last else self._beat)
        self._judge_all(asked, answer)
        if last and self._leave_at is not None:
            self._leave()

    def _judge_all(self, asked: set[tuple[Any, Any]], answer: Answer) -> None:
        results = {item.get("flow_run_id"): item for item in answer["data"]["renew_leases"]["results"]}
        for run, fence in asked:
            child = self._children.get((run, fence))
            if child is not None and run in results:
                self._judge(child, results[run])

    def _judge(self, child: Child, result: dict[str, Any]) -> None:
        status = result.get("status")
        if status == "FINISHED":
            child.ended_elsewhere += 1
            if child.ended_elsewhere >= 2 and child.renews:  # once may be its own report, just sent
                self._stop(child, "The run has ended already", why=Why.NOT_OURS)
        elif status in ("FENCED", "NOT_FOUND"):
            self._stop(child, "The run has another owner" if status == "FENCED" else "The run was deleted", why=Why.NOT_OURS)
        elif result.get("cancel"):
            self._stop(child, "The run was cancelled", why=Why.CANCELLED)

    def _reported(self, report: Report, answer: Answer) -> None:
        report.on_its_way = False
        error = answer.get("error")
        if error is not None and error["code"] in _PASSING:
            report.due = self._clock() + report.pause
            report.pause = min(_LONGEST_RETRY, report.pause * 2)
            self.trouble = f"{error['message']} ({error['code']})"
            return
        # an answer, or a refusal that will not change (the run has another owner or has ended): nothing more to say
        self.reports.remove(report)
