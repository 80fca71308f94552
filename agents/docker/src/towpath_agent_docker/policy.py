"""What a run config may ask of the engine. Whoever may create runs is not whoever may become root on this machine.

`host_config` can mount the whole disk or switch isolation off, so only keys that stay inside the container are taken by themselves; others
an operator allows by name. The keys are docker-py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from towpath.agent.base import CannotStartError

HARMLESS = frozenset(
    {
        "blkio_weight",
        "cap_drop",
        "cpu_count",
        "cpu_percent",
        "cpu_period",
        "cpu_quota",
        "cpu_shares",
        "cpuset_cpus",
        "cpuset_mems",
        "device_requests",
        "dns",
        "dns_opt",
        "dns_search",
        "extra_hosts",
        "init",
        "kernel_memory",
        "log_config",
        "mem_limit",
        "mem_reservation",
        "mem_swappiness",
        "memswap_limit",
        "nano_cpus",
        "oom_score_adj",
        "pids_limit",
        "read_only",
        "shm_size",
        "storage_opt",
        "tmpfs",
        "ulimits",
    }
)
"""Limits, GPUs and names: they take nothing from the host but what the engine gives every container."""


def check_host_config(host_config: Mapping[str, Any], allowed: Iterable[str] = ()) -> None:
    """Refuse a host_config that reaches beyond its container.

    Raises:
        CannotStartError: With the key, and the option that would allow it.
    """
    for key in sorted(host_config.keys() - HARMLESS - set(allowed)):
        raise CannotStartError(
            f"its host_config has {key!r}, which this agent does not allow: it was not started with --allow-host-config {key}"
        )
