"""The task that reads a secret, and the base class of others that do."""

from __future__ import annotations

from typing import Any, ClassVar

from towpath.client.secrets import Secret
from towpath.core.task import Task
from towpath.errors import FlowError
from towpath_proto.errors import Code


class SecretBase(Task):
    """Base class of tasks whose value is a secret: it is never stored, and a resumed run reads it again.

    Args:
        name: Name of the task.
        **options: Of `Task`, but not `result`, `target` or `checkpoint`.

    Raises:
        FlowError: For an option that would store the value.
    """

    recompute_on_resume: ClassVar[bool] = True

    def __init__(self, name: str | None = None, **options: Any) -> None:
        for option in ("result", "target", "checkpoint", "cache_for"):
            if options.get(option):
                raise FlowError(Code.BAD_FLOW, f"{option}= of a task for secrets would store its value; leave it out.")
        super().__init__(name, **{**options, "checkpoint": False})


class PrefectSecret(SecretBase):
    """Reads a secret by `towpath.client.Secret`: from the context, the environment, or the API that the run belongs to.

    Args:
        name: Name of the secret, and of the task.
        **options: Of `Task`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)

    def run(self, name: str | None = None) -> Any:
        """The secret's value.

        Args:
            name: Of another secret than the task's own.
        """
        return Secret(name or self.name).get()
