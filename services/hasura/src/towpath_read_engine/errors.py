"""The errors of the dialect: one exception with a stable code, a sentence and the path to the place in the document.

Responsible for the shape `{"message", "extensions": {"path", "code"}}`. Knows nothing of PostgreSQL or HTTP: a
database error is translated once, in `database.py`, and the HTTP status is chosen in `app.py`.
"""

from enum import StrEnum


class DialectCode(StrEnum):
    """Codes that clients of the dialect key on."""

    VALIDATION_FAILED = "validation-failed"
    PARSE_FAILED = "parse-failed"
    NOT_SUPPORTED = "not-supported"
    NOT_FOUND = "not-found"
    ACCESS_DENIED = "access-denied"
    DATA_EXCEPTION = "data-exception"
    BAD_REQUEST = "bad-request"
    CONCURRENT_UPDATE = "concurrent-update"
    UNEXPECTED = "unexpected"
    UNEXPECTED_PAYLOAD = "unexpected-payload"
    POSTGRES_ERROR = "postgres-error"
    INVALID_HEADERS = "invalid-headers"
    INVALID_JSON = "invalid-json"
    TIMEOUT = "timeout"


class ReadError(Exception):
    """A request was refused.

    Attributes:
        code: the stable part, what programs look at.
        message: the sentence for people.
        path: where in the document, `$` for the whole of it.
    """

    def __init__(self, code: DialectCode, message: str, path: str = "$") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path

    def as_json(self) -> dict[str, object]:
        """The error as an item of the answer's `errors`."""
        return {"message": self.message, "extensions": {"path": self.path, "code": self.code.value}}


class MetadataError(Exception):
    """The metadata cannot be served: it is malformed, or asks for what this engine does not do."""


def invalid(message: str, path: str = "$") -> ReadError:
    """The commonest refusal: the document does not fit the schema."""
    return ReadError(DialectCode.VALIDATION_FAILED, message, path)
