"""Run configs: where and how an agent runs a flow, as JSON that the agent understands. They start nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from towpath.errors import FlowError
from towpath_proto import __version__
from towpath_proto.errors import Code


class RunConfig:
    """Base of the run configs.

    Args:
        env: Environment variables of the run.
        labels: The run goes to an agent that has all of them.
    """

    def __init__(self, *, env: Mapping[str, str] | None = None, labels: Iterable[str] | None = None) -> None:
        if isinstance(labels, str):
            raise FlowError(Code.BAD_RUN_CONFIG, "labels is a list of strings, not one string")
        if env is not None and not all(isinstance(k, str) and isinstance(v, str) for k, v in env.items()):
            raise FlowError(Code.BAD_RUN_CONFIG, "env must map strings to strings, since that is what an environment holds")
        self.env = None if env is None else dict(env)
        self.labels: set[str] = set(labels or ())

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        return {"env": self.env, "labels": sorted(self.labels), **self._fields(), "__version__": __version__, "type": type(self).__name__}

    def _fields(self) -> dict[str, Any]:
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: labels={sorted(self.labels)}>"


class UniversalRun(RunConfig):
    """Any agent may run it."""


class LocalRun(RunConfig):
    """A local agent runs it as a process.

    Args:
        env: Environment variables of the run.
        labels: The run goes to an agent that has all of them.
        working_dir: Absolute folder that the process works in; default the agent's.
    """

    def __init__(
        self, *, env: Mapping[str, str] | None = None, labels: Iterable[str] | None = None, working_dir: str | None = None
    ) -> None:
        super().__init__(env=env, labels=labels)
        self.working_dir = working_dir

    def _fields(self) -> dict[str, Any]:
        return {"working_dir": self.working_dir}
