"""What registration sends of a flow: its graph as JSON, its code as bytes, and a hash over both. Nothing is signed or sent here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from towpath.storage import BackendStorage, code_hash, code_info

if TYPE_CHECKING:
    from towpath.core.flow import Flow


@dataclass(frozen=True, slots=True)
class PackedFlow:
    """A flow, ready to be signed and sent.

    Attributes:
        flow_name: Its name.
        serialized_flow: Its graph, parameters, schedule and run config as JSON.
        code: The pickled flow, or a pointer to it.
        code_hash: sha256 of the code, hex.
        code_info: The versions that wrote the code.
        content_hash: Hash over graph and code: equal for a flow that has not changed.
    """

    flow_name: str
    serialized_flow: dict[str, Any]
    code: bytes
    code_hash: str
    code_info: dict[str, str]
    content_hash: str


def pack(flow: Flow, *, labels: Iterable[str] | None = None) -> PackedFlow:
    """Serialise a flow, and pack its code as its storage does.

    Args:
        flow: The flow; it is not changed.
        labels: Labels that are added to those of its run config.

    Raises:
        TowpathError: The flow is not valid, cannot be pickled, or has a schedule that never fires.
    """
    flow.validate()
    if flow.schedule is not None:
        flow.schedule.must_fire(datetime.now(UTC))
    code = (flow.storage or BackendStorage()).pack(flow)
    serialized = flow.serialize()
    if labels:
        from towpath.run_configs import UniversalRun

        run_config = serialized.get("run_config") or UniversalRun().to_dict()
        serialized["run_config"] = {**run_config, "labels": sorted({*(run_config.get("labels") or ()), *labels})}
    address = code_hash(code)
    graph = json.dumps(serialized, sort_keys=True, default=str)
    return PackedFlow(
        flow_name=flow.name,
        serialized_flow=serialized,
        code=code,
        code_hash=address,
        code_info=code_info(),
        content_hash=hashlib.sha256(f"{address}\n{graph}".encode()).hexdigest(),
    )
