"""The relay's batches: what an agent waits for is told at once, what people look at a few times a second."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from towpath_graphql.adapters import relay
from towpath_graphql.domain.runs import Event
from towpath_service_kit.metrics import Metrics


class Watched(relay.Relay):
    """A relay that notes its batches instead of publishing them."""

    def __init__(self):
        super().__init__(None, None, Metrics())
        self.batches: asyncio.Queue[float] = asyncio.Queue()

    async def publish_batch(self) -> int:
        """Note the time."""
        self.batches.put_nowait(asyncio.get_running_loop().time())
        return 0


def event(event_type):
    """An event of a type."""
    return Event(event_type, uuid4(), uuid4(), {})


async def batch_after(watched, *types):
    """Seconds from the last batch to the one that events of these types cause."""
    watched.wake([event(t) for t in types])
    async with asyncio.timeout(5):
        return await watched.batches.get()


async def test_what_is_only_looked_at_shares_a_batch(monkeypatch):
    """Task states that come one by one share a batch, no sooner than `LEISURE` after the last batch; an offered run is not held."""
    watched = Watched()
    task = asyncio.create_task(watched.run())
    try:
        first = await asyncio.wait_for(watched.batches.get(), 5)
        for _ in range(3):
            watched.wake([event("task_run.states"), event("log.written")])
            await asyncio.sleep(0)
        assert await batch_after(watched, "task_run.states") - first >= relay.LEISURE * 0.9
        assert watched.batches.empty()
        monkeypatch.setattr(relay, "LEISURE", 60.0)
        await batch_after(watched, "task_run.states", "flow_run.offered")
        watched.wake([event("log.written")])
        await asyncio.sleep(0)
        assert watched.batches.empty()
        await batch_after(watched, "flow_run.offered")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
