"""A small Towpath API in this process, for tests of what talks to one: real HTTP and WebSocket on loopback, no database.

It knows the calls of agents and runs, keeps runs in a dict, enforces fences and sequences, and remembers every request. It decides nothing
about states beyond what its users need; the real service is the authority. Anything else is answered by `answers[field]`.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from towpath.client.testing.http import Handler, Server, Socket
from towpath_proto.ids import uuid7
from towpath_proto.states import is_final

TENANT = "00000000-0000-7000-8000-000000000001"
_ROOT_FIELD = re.compile(r"\{\s*(\w+)")
_NO_STATE = {"type": "Pending", "message": "", "context": {}, "cached_inputs": {}}

Answer = dict[str, Any]


class Refusal(Exception):  # noqa: N818  (a refusal is what it is)
    """A GraphQL error to answer with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class FakeRun:
    """One flow run of the fake.

    Attributes:
        id: Its id.
        flow: The registered flow (the `register_flow` input).
        state: Kind of its state.
        fence: The fence of the newest claim.
        phase: None, `launching` or `running`.
        cancel: Whether it is to be stopped.
        states: Every reported state: (reporter, slug, map index, state).
        logs: Every reported log line.
        artifacts: Every reported artifact, change and end of one.
        sequences: The last sequence of each reporter.
        renewed: How often its lease was renewed.
    """

    id: str
    flow: Answer
    run_config: Answer | None = None
    parameters: Answer = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    state: str = "Scheduled"
    fence: int = 0
    phase: str | None = None
    cancel: bool = False
    states: list[tuple[str, str | None, int, Answer]] = field(default_factory=list)
    logs: list[Answer] = field(default_factory=list)
    artifacts: list[Answer] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    renewed: int = 0
    released: list[str] = field(default_factory=list)
    holder: str | None = None
    due: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def flow_states(self) -> list[str]:
        """Kinds of the flow run's own states, in order."""
        return [state["type"] for _, slug, _, state in self.states if slug is None]

    def task_states(self, slug: str, map_index: int = -1) -> list[str]:
        """Kinds of one task run's states, in order."""
        return [state["type"] for _, own, index, state in self.states if (own, index) == (slug, map_index)]


class FakeApi:
    """The fake. Use it as a context manager.

    Args:
        port: Port to listen on; a free one when absent.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.flows: dict[str, Answer] = {}
        self.runs: dict[str, FakeRun] = {}
        self.requests: list[tuple[str, Answer]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, Callable[[Answer], Any]] = {}
        self.http_failures: list[int] = []
        self.failures: dict[str, list[Refusal]] = {}
        self.changed = threading.Condition()
        self.sockets: list[Socket] = []
        self._server: Server | None = None
        self._connections: set[socket.socket] = set()

    # ----------------------------------------------------------------------------------------------------------------------------- life

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; after `stop`, on the same port again."""
        self._server = Server(("127.0.0.1", self.port), type("Handler", (Handler,), {"api": self}))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="fake-api", daemon=True).start()

    def stop(self) -> None:
        """Close every connection and listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self.changed:  # else a test may take a lost subscription for the next one
            self.sockets.clear()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self) -> FakeApi:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # --------------------------------------------------------------------------------------------------------------------- for the tests

    def create_run(self, flow_id: str, **fields: Any) -> FakeRun:
        """Create a run of a registered flow, due now, and ring the agents."""
        run = FakeRun(str(uuid7()), self.flows[flow_id], **fields)
        with self.changed:
            self.runs[run.id] = run
            self.changed.notify_all()
        self.ring()
        return run

    def ring(self, event: Answer | None = None) -> None:
        """Send an event to every subscription."""
        for sock in list(self.sockets):
            sock.event(event or {"agent_work": {"reason": "offered"}})

    def wait_for(self, condition: Callable[[], Any], timeout: float = 15.0) -> Any:
        """Wait until `condition` holds; it is looked at after each request.

        Raises:
            TimeoutError: It does not.
        """
        with self.changed:
            if not self.changed.wait_for(condition, timeout):
                raise TimeoutError(f"did not happen within {timeout} s; requests: {[name for name, _ in self.requests][-20:]}")
            return condition()

    def of(self, name: str) -> list[Answer]:
        """The variables of every request for a root field."""
        return [variables for own, variables in self.requests if own == name]

    # ------------------------------------------------------------------------------------------------------------------------- answering

    def answer(self, body: Answer) -> Answer:
        """Answer one GraphQL request."""
        found = _ROOT_FIELD.search(body["query"])
        name = found.group(1) if found else ""
        variables = body.get("variables") or {}
        with self.changed:
            self.requests.append((name, variables))
            try:
                if self.failures.get(name):
                    raise self.failures[name].pop(0)
                if name in self.answers:
                    data = self.answers[name](variables)
                else:
                    method = getattr(self, f"_on_{name}", None)
                    if method is None:
                        raise Refusal("VALIDATION_FAILED", f"the fake API knows no field {name!r}")
                    data = method(variables.get("input") or variables)
            except Refusal as e:
                return {"errors": [{"message": str(e), "extensions": {"code": e.code}}]}
            finally:
                self.changed.notify_all()
        return {"data": {name: data}}

    def _owned(self, value: Answer) -> FakeRun:
        run = self.runs.get(value["flow_run_id"])
        if run is None:
            raise Refusal("NOT_FOUND", "no such flow run")
        if run.fence != value["fence"]:
            raise Refusal("FENCED", f"fence {value['fence']} is over; the run is at {run.fence}")
        return run

    def _on_auth_info(self, _: Answer) -> Answer:
        return {"tenant_id": TENANT, "user_id": None, "role": "admin", "actor": "test"}

    def _on_add_signing_key(self, _: Answer) -> Answer:
        return {"success": True}

    def _on_register_flow(self, value: Answer) -> Answer:
        for flow_id, flow in self.flows.items():
            if flow.get("idempotency_key") == value.get("idempotency_key"):
                return {"flow_id": flow_id, "flow_group_id": flow_id, "version": 1, "created": False}
        flow_id = str(uuid7())
        self.flows[flow_id] = {**value, "id": flow_id}
        return {"flow_id": flow_id, "flow_group_id": flow_id, "version": 1, "created": True}

    def _on_cached_task_runs(self, _: Answer) -> list[Answer]:
        return []

    def _on_register_agent(self, _: Answer) -> Answer:
        return {"id": str(uuid7())}

    def _on_claim_flow_runs(self, value: Answer) -> Answer:
        now = datetime.now(UTC)
        waiting = [r for r in self.runs.values() if r.state == "Scheduled" and r.phase is None and set(r.labels) <= set(value["labels"])]
        taken = [r for r in waiting if r.due <= now][: value["limit"]]
        for run in taken:
            run.fence += 1
            run.phase, run.state, run.sequences = "launching", "Submitted", {}
        later = [r.due for r in waiting if r not in taken]
        return {"runs": [self._claimed(r) for r in taken], "next_due": min(later).isoformat() if later else None, "now": now.isoformat()}

    def _claimed(self, run: FakeRun) -> Answer:
        return {
            "id": run.id,
            "name": "brisk-heron",
            "flow_id": run.flow["id"],
            "flow_name": run.flow["serialized_flow"]["name"],
            "version": 2,
            "fence": run.fence,
            "run_token": f"token-of-{run.id}",
            "lease_expires_at": datetime.now(UTC).isoformat(),
            "scheduled_start_time": run.due.isoformat(),
            "labels": run.labels,
            "run_config": run.run_config,
            "storage": None,
        }

    def _on_begin_run(self, value: Answer) -> Answer:
        run = self._owned(value)
        run.phase, run.holder = "running", value["holder"]
        flow = run.flow
        known = flow["code_hash"] in (value.get("known_code") or [])
        tasks = [
            {"id": str(uuid7()), "slug": t["slug"], "map_index": -1, "version": 1, "attempt": 1, "state": _NO_STATE}
            for t in flow["serialized_flow"]["tasks"]
        ]
        return {
            "run": {
                "id": run.id,
                "name": "brisk-heron",
                "version": 2,
                "attempt": 1,
                "parameters": run.parameters,
                "context": {},
                "scheduled_start_time": run.due.isoformat(),
                "labels": run.labels,
                "run_config": run.run_config,
                "flow_id": flow["id"],
                "flow_name": flow["serialized_flow"]["name"],
                "flow_version": 1,
                "project_id": str(uuid7()),
                "project_name": "default",
                "tenant_id": TENANT,
                "state": {**_NO_STATE, "type": run.state},
            },
            "code": {
                "hash": flow["code_hash"],
                "blob": None if known else flow["code"],
                "signature": flow["signature"],
                "key_id": flow["key_id"],
                "public_key": None,
                "info": flow.get("code_info"),
            },
            "task_runs": tasks,
            "limited_tags": [],
            "lease_expires_at": (datetime.now(UTC) + timedelta(seconds=15)).isoformat(),
            "lease": 15.0,
        }

    def _on_renew_leases(self, value: Answer) -> Answer:
        return {"results": [self._renewed(lease) for lease in value["leases"]]}

    def _renewed(self, lease: Answer) -> Answer:
        run = self.runs.get(lease["flow_run_id"])
        answer: Answer = {"flow_run_id": lease["flow_run_id"], "cancel": False, "expires_at": None}
        if run is None:
            return {**answer, "status": "NOT_FOUND"}
        if is_final(run.state):
            return {**answer, "status": "FINISHED"}
        if run.fence != lease["fence"]:
            return {**answer, "status": "FENCED", "cancel": True}
        run.renewed += 1
        return {**answer, "status": "OK", "phase": run.phase, "cancel": run.cancel}

    def _on_report_run(self, value: Answer) -> Answer:
        run = self._owned(value)
        reporter = value["reporter"]
        states = value.get("states") or []
        if value["sequence"] <= run.sequences.get(reporter, 0):
            return {
                "results": [{"status": "REPLAYED"} for _ in states],
                "replayed": True,
                "cancel": run.cancel,
                "lease_expires_at": None,
                "limited_tags": [],
            }
        run.sequences[reporter] = value["sequence"]
        for item in states:
            run.states.append((reporter, item.get("slug"), item.get("map_index", -1), item["state"]))
            if item.get("slug") is None:
                run.state = item["state"]["type"]
                if run.state not in ("Running", "Cancelling"):
                    run.phase = None
        run.logs += value.get("logs") or []
        run.artifacts += value.get("artifacts") or []
        return {
            "results": [{"status": "SUCCESS"} for _ in states],
            "replayed": False,
            "cancel": run.cancel,
            "lease_expires_at": None,
            "limited_tags": [],
        }

    def _on_release_run(self, value: Answer) -> Answer:
        run = self._owned(value)
        run.released.append(value["reason"])
        run.phase, run.state = None, "Scheduled"
        run.due = datetime.now(UTC) + timedelta(hours=1)
        return {"success": True, "error": None}
