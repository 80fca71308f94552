"""Secrets as tasks: their values go from task to task in memory, and are never stored, not even as results."""

from towpath.tasks.secrets.base import PrefectSecret, SecretBase
from towpath.tasks.secrets.env_var import EnvVarSecret

__all__ = ["EnvVarSecret", "PrefectSecret", "SecretBase"]
