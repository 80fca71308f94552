"""What every kind of agent shares: `Agent`, the base class. The kinds are packages of their own (`towpath-agent-local`, …)."""

from __future__ import annotations

from towpath.agent.base import Agent, CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.installation import Installation
from towpath.agent.settings import AgentSettings

__all__ = ["Agent", "AgentSettings", "CannotStartError", "ClaimedRun", "Installation"]
