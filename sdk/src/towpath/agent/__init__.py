"""What every kind of agent shares: `Agent`, the base class. The kinds are packages of their own (`towpath-agent-local`, …)."""

from __future__ import annotations

from towpath.agent.base import Agent, AgentSettings, CannotStartError
from towpath.agent.claims import ClaimedRun

__all__ = ["Agent", "AgentSettings", "CannotStartError", "ClaimedRun"]
