"""The runner's duties towards the API: renew the leases of its children, and report those that died without a word.

Failure cases:
* A renewal is lost or the API is away: it is tried again after a second; the children go on. The reap gate of the API gives owners a lease
  period to come back, so an outage kills nothing.
* The API says FENCED or NOT_FOUND, or twice in a row FINISHED: the run is no longer ours. Its process is stopped and nothing is reported.
* A crash cannot be reported: the report is kept and sent again until the API answers. Its sequence number never changes, so the API takes
  it once. If this process dies first, the lease runs out and the zombie killer finds the run.

No process is touched and no socket read here: `send` is the courier's, `stop` the zygote's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.runner.child_table import Child, Verdict
from towpath_proto.timers import BEAT

RENEW = "mutation($input: renew_leases_input!) { renew_leases(input: $input) { results } }"
REPORT = "mutation($input: report_run_input!) { report_run(input: $input) { results replayed cancel } }"

_RETRY = 1.0
_LONGEST_RETRY = 5.0
_PASSING = {"UNREACHABLE", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "LIMIT_EXCEEDED", "API_ERROR"}

Answer = dict[str, Any]


class Send(Protocol):
    """Sends a document to the API and calls back with `{"data"}` or `{"error": {code, message}}`, some time later."""

    def __call__(self, query: str, variables: dict[str, Any], then: Callable[[Answer], None]) -> None: ...  # noqa: D102


class Stop(Protocol):
    """Begins to stop a child."""

    def __call__(self, child: Child, reason: str, *, fenced: bool) -> None: ...  # noqa: D102


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

    def next_due(self) -> float | None:
        """When `work` has something to do (monotonic); None for never."""
        moments = [r.due for r in self.reports if not r.on_its_way]
        if self._has_leases() and not self._renewing:
            if self._renew_at is None:
                self._renew_at = self._clock() + self._beat
            moments.append(self._renew_at)
        return min(moments, default=None)

    def work(self) -> None:
        """Send what is due."""
        now = self._clock()
        if not self._has_leases():
            self._renew_at = None
        elif not self._renewing and self._renew_at is not None and now >= self._renew_at:
            self._renew()
        for report in self.reports:
            if not report.on_its_way and now >= report.due:
                report.on_its_way = True
                self._send(REPORT, report.variables(self._timestamp()), lambda answer, r=report: self._reported(r, answer))  # type: ignore[misc]

    def _has_leases(self) -> bool:
        return any(child.renews for child in self._children.values())

    def _renew(self) -> None:
        self._renewing = True
        leases = [{"flow_run_id": c.launch.flow_run_id, "fence": c.launch.fence} for c in self._children.values() if c.renews]
        asked = {(lease["flow_run_id"], lease["fence"]) for lease in leases}
        self._send(RENEW, {"input": {"leases": leases}}, lambda answer: self._renewed(asked, answer))

    def _renewed(self, asked: set[tuple[Any, Any]], answer: Answer) -> None:
        self._renewing = False
        if "error" in answer:
            self._renew_at = self._clock() + _RETRY
            self.trouble = f"{answer['error']['message']} ({answer['error']['code']})"
            return
        self.trouble = None
        self._renew_at = self._clock() + self._beat
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
                self._stop(child, "The run has ended already", fenced=True)
        elif status in ("FENCED", "NOT_FOUND"):
            self._stop(child, "The run has another owner" if status == "FENCED" else "The run was deleted", fenced=True)
        elif result.get("cancel"):
            self._stop(child, "The run was cancelled", fenced=False)

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
