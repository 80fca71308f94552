"""Key-value pairs that flows leave for each other: small JSON values by key, seen by the whole tenant. Not for secrets."""

from __future__ import annotations

from typing import Any

from towpath.client.client import Client
from towpath.errors import MissingKeyError
from towpath_proto.errors import Code, TowpathError


def set_key_value(key: str, value: Any) -> str:
    """Keep a value under a key, or change it.

    Args:
        key: The key.
        value: Any JSON value but null, 10 KB at most.

    Returns:
        The pair's id.
    """
    with Client() as client:
        return client.set_key_value(key, value)


def get_key_value(key: str) -> Any:
    """The value under a key.

    Raises:
        MissingKeyError: There is none; also a `ValueError`, as it was in Prefect 1.
    """
    try:
        with Client() as client:
            return client.get_key_value(key)
    except TowpathError as e:
        raise _missing(e) from e


def delete_key_value(key: str) -> bool:
    """Delete the value under a key; True.

    Raises:
        MissingKeyError: There is none.
    """
    try:
        with Client() as client:
            client.delete_key_value(key)
    except TowpathError as e:
        raise _missing(e) from e
    return True


delete_key = delete_key_value
"""The name that it has in Prefect 1."""


def list_keys() -> list[str]:
    """All keys, in order."""
    with Client() as client:
        return [row["key"] for row in client.get_keys()]


def _missing(error: TowpathError) -> TowpathError:
    return MissingKeyError(error.code, error.message) if error.code == Code.NOT_FOUND else error
