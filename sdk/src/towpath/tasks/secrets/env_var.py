"""A secret from an environment variable."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from towpath.errors import MissingSecretError
from towpath.tasks.secrets.base import SecretBase
from towpath_proto.errors import Code


class EnvVarSecret(SecretBase):
    """Reads an environment variable where the task runs.

    Args:
        name: The variable, and the task's name.
        cast: Makes the value from the text.
        raise_if_missing: Whether a variable that is not set is an error; otherwise the value is None.
        **options: Of `Task`.
    """

    def __init__(self, name: str, cast: Callable[[str], Any] | None = None, raise_if_missing: bool = False, **options: Any) -> None:
        self.cast = cast
        self.raise_if_missing = raise_if_missing
        super().__init__(name, **options)

    def run(self, name: str | None = None) -> Any:
        """The variable's value.

        Args:
            name: Of another variable than the task's own.

        Raises:
            MissingSecretError: It is not set, and that is an error.
        """
        variable = name or self.name
        text = os.environ.get(variable)
        if text is None:
            if self.raise_if_missing:
                raise MissingSecretError(Code.NOT_FOUND, f"The environment variable {variable!r} is not set where this task runs.")
            return None
        return text if self.cast is None else self.cast(text)
