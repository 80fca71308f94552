"""A flow as Prefect 1's JSON. One direction only: code is never made from JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.backoff import first_delay, listed
from towpath.core.parameter import Parameter
from towpath.engine import triggers
from towpath_proto import __version__

if TYPE_CHECKING:
    from towpath.core.flow import Flow
    from towpath.core.task import Task


def serialize_flow(flow: Flow) -> dict[str, Any]:
    """The whole flow."""
    return {
        "name": flow.name,
        "type": _dotted(flow),
        "schedule": flow.schedule.to_dict() if flow.schedule else None,
        "parameters": [_parameter(flow, p) for p in flow.slugs if isinstance(p, Parameter)],
        "tasks": [_parameter(flow, t) if isinstance(t, Parameter) else _task(flow, t) for t in flow.slugs],
        "edges": [
            {
                "upstream_task": {"slug": flow.slugs[edge.upstream_task], "__version__": __version__},
                "downstream_task": {"slug": flow.slugs[edge.downstream_task], "__version__": __version__},
                "key": edge.key,
                "mapped": edge.mapped,
                "flattened": edge.flattened,
                "__version__": __version__,
            }
            for edge in flow._graph.edges
        ],
        "reference_tasks": [{"slug": slug, "__version__": __version__} for slug in sorted(flow.slugs[t] for t in flow.reference_tasks())],
        "run_config": flow.run_config.to_dict() if flow.run_config else None,
        "storage": flow.storage.to_dict() if flow.storage else None,
        "__version__": __version__,
    }


def _parameter(flow: Flow, parameter: Parameter) -> dict[str, Any]:
    return {
        "type": _dotted(parameter),
        "name": parameter.name,
        "slug": flow.slugs[parameter],
        "default": parameter.default,
        "required": parameter.required,
        "schema": parameter.schema,
        "enforced": parameter.enforced,
        "tags": sorted(parameter.tags),
        "outputs": parameter.outputs(),
        "__version__": __version__,
    }


def _task(flow: Flow, task: Task) -> dict[str, Any]:
    delays = listed(task.retry_delay, task.max_retries)
    return {
        "type": _dotted(task),
        "name": task.name,
        "slug": flow.slugs[task],
        "tags": sorted(task.tags),
        "max_retries": task.max_retries,
        "retry_delay": first_delay(task.retry_delay),
        "inputs": task.inputs(),
        "outputs": task.outputs(),
        "timeout": task.timeout.total_seconds() if task.timeout is not None else None,
        "trigger": triggers.describe(task.trigger),
        "skip_on_upstream_skip": task.skip_on_upstream_skip,
        "cache_for": task.cache_for.total_seconds() if task.cache_for is not None else None,
        "cache_key": task.cache_key,
        "cache_validator": _validator(task),
        "auto_generated": task.auto_generated,
        **({} if delays is None else {"retry_delays": delays}),
        "__version__": __version__,
    }


def _validator(task: Task) -> dict[str, Any] | None:
    if task.cache_for is None:
        return None
    from towpath.engine import cache_validators

    return cache_validators.describe(task.cache_validator or cache_validators.duration_only)


def _dotted(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
