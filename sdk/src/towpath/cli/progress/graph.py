"""The tasks of a flow in an order and with an indent that show what waits for what. Pure functions of slugs and edges."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]
"""(upstream slug, downstream slug)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands in the list.

    Attributes:
        slug: The task.
        indent: Steps to the right; a task below another one and further right waits for it.
    """

    slug: str
    indent: int


def in_order(slugs: Sequence[str], edges: Iterable[Edge]) -> list[Place]:
    """The tasks so that each comes after all that it waits for, branches together.

    The only task that follows another one stands at its indent, so a chain is a plain list; several are one step further right. A task
    that joins branches comes back to the left of them. A cycle, which no valid flow has, is listed at the end.
    """
    number = {slug: i for i, slug in enumerate(slugs)}
    upstream: dict[str, list[str]] = {slug: [] for slug in slugs}
    downstream: dict[str, list[str]] = {slug: [] for slug in slugs}
    for up, down in dict.fromkeys(edges):
        if up in number and down in number:
            upstream[down].append(up)
            downstream[up].append(down)
    waits = {slug: len(ups) for slug, ups in upstream.items()}
    indents: dict[str, int] = {}
    # deepest first, then the branch that was begun last, then as in the flow
    ready = [(0, 0, i, slug) for i, slug in enumerate(slugs) if not waits[slug]]
    while ready:
        indent, _, _, slug = heapq.heappop(ready)
        indents[slug] = -indent
        free = []
        for down in downstream[slug]:
            waits[down] -= 1
            if not waits[down]:
                free.append(down)
        for down in free:
            ups = upstream[down]
            step = max(0, min(indents[up] for up in ups) - 1) if len(ups) > 1 else -indent + (len(downstream[slug]) > 1)
            heapq.heappush(ready, (-step, -len(indents), number[down], down))
    return [Place(slug, indent) for slug, indent in indents.items()] + [Place(slug, 0) for slug in slugs if slug not in indents]
