"""Error codes of Towpath and the one exception that carries them.

A code is a contract: clients branch on `extensions.code`, never on a sentence. The sentence says what is wrong and what to do. This
module knows nothing of HTTP or GraphQL; `wire` and the services map codes to their transports.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Stable error codes. The value of a member is what goes over the wire."""

    # who is asking
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    # the request itself
    BAD_REQUEST = "BAD_REQUEST"
    PARSE_FAILED = "PARSE_FAILED"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"
    API_ERROR = "API_ERROR"
    # things asked for
    NOT_FOUND = "NOT_FOUND"
    UNIQUENESS_VIOLATION = "UNIQUENESS_VIOLATION"
    # flows
    BAD_FLOW = "BAD_FLOW"
    FLOW_CYCLE = "FLOW_CYCLE"
    DUPLICATE_SLUG = "DUPLICATE_SLUG"
    UNKNOWN_TASK = "UNKNOWN_TASK"
    FLOW_ARCHIVED = "FLOW_ARCHIVED"
    FLOW_NOT_PICKLABLE = "FLOW_NOT_PICKLABLE"
    FLOW_CODE_MISSING = "FLOW_CODE_MISSING"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    UNTRUSTED_KEY = "UNTRUSTED_KEY"
    BAD_SCHEDULE = "BAD_SCHEDULE"
    BAD_RUN_CONFIG = "BAD_RUN_CONFIG"
    NOT_MAPPABLE = "NOT_MAPPABLE"
    # parameters
    BAD_PARAMETERS = "BAD_PARAMETERS"
    MISSING_PARAMETER = "MISSING_PARAMETER"
    UNKNOWN_PARAMETER = "UNKNOWN_PARAMETER"
    # states, leases
    BAD_STATE = "BAD_STATE"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    VERSION_LOCKING_ERROR = "VERSION_LOCKING_ERROR"
    FENCED = "FENCED"
    NOT_OWNED = "NOT_OWNED"
    ALREADY_CLAIMED = "ALREADY_CLAIMED"
    STATE_TOO_LARGE = "STATE_TOO_LARGE"
    FLOW_RUN_NOT_RUNNING = "FLOW_RUN_NOT_RUNNING"
    REAP_GATE_CLOSED = "REAP_GATE_CLOSED"
    LEASE_ALIVE = "LEASE_ALIVE"
    NO_FREE_SLOT = "NO_FREE_SLOT"
    NOT_STRANDED = "NOT_STRANDED"
    # this machine
    BAD_SETTING = "BAD_SETTING"
    UNREACHABLE = "UNREACHABLE"
    PORT_TAKEN = "PORT_TAKEN"
    DATA_DIR_IN_USE = "DATA_DIR_IN_USE"
    DATA_DIR_BROKEN = "DATA_DIR_BROKEN"
    DISK_FULL = "DISK_FULL"
    MISSING_EXTRA = "MISSING_EXTRA"
    NOT_RUNNING = "NOT_RUNNING"
    # where tasks run
    WORKER_LOST = "WORKER_LOST"
    VALUE_NOT_PICKLABLE = "VALUE_NOT_PICKLABLE"


class TowpathError(Exception):
    """An error with a stable code and a sentence that says what to do.

    Attributes:
        code: The stable code.
        message: One sentence or two for a person.
        detail: Further fields for programs (JSON-able); they travel in `extensions`.
    """

    def __init__(self, code: Code, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.code, self.message, self.detail))

    def to_graphql(self, path: list[str | int] | None = None) -> dict[str, Any]:
        """The error as an entry of a GraphQL answer's `errors` list."""
        entry: dict[str, Any] = {"message": self.message, "extensions": {"code": str(self.code), **self.detail}}
        if path is not None:
            entry["path"] = path
        return entry


def _rebuild(kind: type[TowpathError], code: Code, message: str, detail: dict[str, Any]) -> TowpathError:
    return kind(code, message, **detail)
