"""Errors of the SDK. All carry a stable code of `towpath_proto.errors`; nothing here knows how they are shown."""

from __future__ import annotations

from towpath_proto.errors import Code, TowpathError

__all__ = ["Code", "FlowError", "MissingKeyError", "MissingResultError", "MissingSecretError", "TowpathError"]


class FlowError(TowpathError, ValueError):
    """A flow, a task or a setting of one is wrong. Also a `ValueError`, as it was in Prefect 1."""


class MissingResultError(TowpathError):
    """The result of a finished task run is needed and cannot be read."""


class MissingSecretError(TowpathError, KeyError, ValueError):
    """There is no such secret. Also a `KeyError` and a `ValueError`: Prefect 1 raised the one or the other."""

    __str__ = Exception.__str__  # a KeyError shows its sentence in quotes


class MissingKeyError(TowpathError, ValueError):
    """There is no value under a key. Also a `ValueError`, as it was in Prefect 1."""
