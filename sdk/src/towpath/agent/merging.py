"""Two objects of somebody's API as one: what the agent was told, and what a run config says over it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeGuard


def merge(below: Mapping[str, Any], above: Mapping[str, Any], *, keys: Mapping[str, str], whole: Collection[str] = ()) -> dict[str, Any]:
    """Lay one object over another: what `above` says wins, field by field.

    Args:
        below: The one below; neither is changed.
        above: The one above.
        keys: Names of lists whose items are things with a name, and the field that holds it: such lists are laid over each other item by
            item. Other lists replace each other.
        whole: Fields that make an item one that is replaced, not merged.
    """
    merged = dict(below)
    for name, value in above.items():
        before = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[name] = merge(before, value, keys=keys, whole=whole)
        elif name in keys and _are_objects(before) and _are_objects(value):
            items = {item.get(keys[name]): item for item in before}
            for item in value:
                name_of = item.get(keys[name])
                known = items.get(name_of)
                if known is None or any(field in item or field in known for field in whole):
                    items[name_of] = item
                else:
                    items[name_of] = merge(known, item, keys=keys, whole=whole)
            merged[name] = list(items.values())
        else:
            merged[name] = value
    return merged


def _are_objects(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)
