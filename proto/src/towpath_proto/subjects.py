"""NATS subjects and the events on them.

A subject is `towpath.v1.<tenant>.<entity>.<id>.<event>`. Events are hints: a consumer that misses one finds the same by its sweep. Each
event type has a JSON Schema under `events/`; a change of shape is a new version of the type, never an edit.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

PREFIX = "towpath.v1"
_to_json = json.JSONEncoder(separators=(",", ":")).encode

EVENT_TYPES = {
    # type: (entity, event)
    "flow.registered": ("flow", "registered"),
    "schedule.changed": ("flow", "schedule"),
    "flow_run.created": ("flow_run", "created"),
    "flow_run.offered": ("flow_run", "offered"),
    "flow_run.state": ("flow_run", "state"),
    "flow_run.cancel": ("flow_run", "cancel"),
    "task_run.states": ("flow_run", "task_states"),
    "log.written": ("flow_run", "logs"),
    "agent.registered": ("agent", "registered"),
    "cloud_hook.changed": ("cloud_hook", "changed"),
}
"""Event types with the entity whose id stands in the subject, and the subject's last word."""


def subject(event_type: str, tenant_id: str, entity_id: str) -> str:
    """The subject on which an event of this type is published."""
    entity, event = EVENT_TYPES[event_type]
    return f"{PREFIX}.{tenant_id}.{entity}.{entity_id}.{event}"


def pattern(event_type: str, tenant_id: str = "*", entity_id: str = "*") -> str:
    """The subject pattern that matches events of this type; `*` stands for any tenant or entity."""
    return subject(event_type, tenant_id, entity_id)


def envelope(
    *, event_id: str, event_type: str, tenant_id: str, occurred_at: datetime, data: dict[str, Any] | str, trace: str | None = None
) -> bytes:
    """An event's JSON body.

    Args:
        event_id: The outbox row's id; consumers drop what they have seen.
        event_type: A key of `EVENT_TYPES`.
        tenant_id: The tenant it belongs to.
        occurred_at: Aware UTC datetime.
        data: The fields that the type's schema names, as a value or as JSON text.
        trace: W3C traceparent of the change, if there is one.
    """
    body: dict[str, Any] = {
        "event_id": event_id,
        "type": event_type,
        "version": 1,
        "tenant_id": tenant_id,
        "occurred_at": occurred_at.isoformat(),
    }
    if trace:
        body["traceparent"] = trace
    head = _to_json(body)
    text = data if isinstance(data, str) else _to_json(data)
    return f'{head[:-1]},"data":{text}}}'.encode()


@cache
def schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema of an event type's `data`."""
    text = (files("towpath_proto") / "events" / f"{event_type}.v1.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
