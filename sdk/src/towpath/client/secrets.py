"""`Secret`: a password or a key that a flow uses and that stands in no code, state or log.

Looked for in this order: the context's `secrets`, the environment variable `TOWPATH_SECRET__<name>`, and, in a run that belongs to an API,
that API's store (`towpath secret set`). A run of `flow.run()` asks no API unless `TOWPATH_USE_LOCAL_SECRETS=false`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from towpath._context import context
from towpath.errors import FlowError, MissingSecretError
from towpath_proto.errors import Code, TowpathError

VARIABLE = "TOWPATH_SECRET__"
"""Beginning of the environment variables that hold secrets."""
USE_LOCAL = "TOWPATH_USE_LOCAL_SECRETS"


class Secret:
    """A secret by its name. Making one reads nothing.

    Args:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self) -> Any:
        """The value. A text that is JSON is read as such, so that an object can be kept as one secret.

        Raises:
            MissingSecretError: There is none; also a `KeyError` and a `ValueError`, as it was in Prefect 1.
            FlowError: In the `with` block of a flow, where its value would become part of the flow.
            TowpathError: What the API says.
        """
        if context.get("flow") is not None:
            sentence = f"Secret {self.name!r} was read while a flow is built; read it inside a task, or use the task PrefectSecret."
            raise FlowError(Code.BAD_FLOW, sentence)
        found, value = self._local()
        if not found:
            value = self._from_api()
        try:
            return json.loads(value)
        except (ValueError, TypeError):
            return value

    def exists(self) -> bool:
        """Whether there is such a secret here."""
        if self._local()[0]:
            return True
        if not _asks_api():
            return False
        from towpath.client.client import Client

        with Client() as client:
            return self.name in client.get_secret_names()

    def _local(self) -> tuple[bool, Any]:
        secrets = context.get("secrets") or {}
        if self.name in secrets:
            return True, secrets[self.name]
        text = os.environ.get(VARIABLE + self.name)
        return text is not None, text

    def _from_api(self) -> Any:
        if not _asks_api():
            raise MissingSecretError(
                Code.NOT_FOUND,
                f"Local Secret {self.name!r} was not found: set the environment variable {VARIABLE}{self.name}, or put it into the context "
                f"(`with towpath.context(secrets={{...}}): flow.run()`). With {USE_LOCAL}=false the API is asked.",
            )
        from towpath.client.client import Client

        try:
            with Client() as client:
                return client.get_secret(self.name)
        except TowpathError as e:
            if e.code != Code.NOT_FOUND:
                raise
            sentence = f"The secret {self.name!r} was not found. Set it with `towpath secret set {self.name}`."
            raise MissingSecretError(Code.NOT_FOUND, sentence) from e

    def __repr__(self) -> str:
        return f"<Secret: {self.name}>"


def _asks_api() -> bool:
    return bool(context.get("running_with_backend")) or os.environ.get(USE_LOCAL, "true").strip().lower() in ("false", "0", "no", "off")
