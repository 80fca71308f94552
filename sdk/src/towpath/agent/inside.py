"""What is inside every container that runs a flow: its command and its environment. Only what starts it differs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from towpath.agent.claims import ClaimedRun
from towpath.runner.launch import grace

COMMAND = ("python", "-m", "towpath.runner.single")
"""The supervisor of one run. Its exit status says what it knows: see `towpath.runner.single`."""

SPARE = 20
"""Seconds that a container has on top of its run's grace."""


def environment(run: ClaimedRun, *, api_url: str, trusted_keys: str, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run's container.

    Args:
        run: The claimed run; variables of its run config win over the agent's.
        api_url: The API's address as the container sees it; `TOWPATH_API_URL` of the agent or the run config wins.
        trusted_keys: Public keys whose flows may run, apart by a blank. Nobody else can say it.
        env: The agent's own variables for every run.
    """
    given = {name: value for name, value in (run.run_config.get("env") or {}).items() if value is not None}
    return {
        "TOWPATH_API_URL": api_url,
        **run.trace,
        **env,
        **given,
        "TOWPATH_TRUSTED_KEYS": trusted_keys,
        **secrets(run),
        "PYTHONUNBUFFERED": "1",
    }


def secrets(run: ClaimedRun) -> dict[str, str]:
    """The part of the environment that makes a process the supervisor of this claim. It holds the token of the run."""
    return {
        "TOWPATH_RUN_ID": run.id,
        "TOWPATH_RUN_FENCE": str(run.fence),
        "TOWPATH_RUN_TOKEN": run.run_token,
        "TOWPATH_FLOW_ID": run.flow_id,
    }


def stop_timeout(env: Mapping[str, str]) -> int:
    """Seconds that a run's container has between SIGTERM and SIGKILL: the run's grace, and time to report how it ended."""
    return int(grace(env)) + SPARE


def scope(api_url: str, name: str) -> str:
    """What marks the containers of one agent among those of others that share the engine, cluster or account."""
    return f"{hashlib.sha256(api_url.encode()).hexdigest()[:12]}.{name}"
