"""One abuse of start and stop for every service.

    @pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
    async def test_survives_start_stop_abuse(case):
        await case(make_my_service)

`make` gives a new service at each call; after each case nothing that the service began may still run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from towpath_service_kit.service import Service

MakeService = Callable[[], Service]
LifecycleCase = Callable[[MakeService], Awaitable[None]]
_PATIENCE = 30.0


async def _leaves_nothing(case: Callable[[Service], Awaitable[None]], make: MakeService) -> None:
    before = asyncio.all_tasks()
    service = make()
    async with asyncio.timeout(_PATIENCE):
        await case(service)
        await service.stop()
        for _ in range(3):
            await asyncio.sleep(0)  # a turn of the loop for what is ending
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    if left:
        raise AssertionError(f"{service.name} left tasks behind: {sorted(task.get_name() for task in left)}")


async def stop_before_start(make: MakeService) -> None:
    """A service that never started can be stopped, and started then."""

    async def case(service: Service) -> None:
        await service.stop()
        await service.start()

    await _leaves_nothing(case, make)


async def start_twice(make: MakeService) -> None:
    """A second start changes nothing, and one stop ends it."""

    async def case(service: Service) -> None:
        await service.start()
        await service.start()

    await _leaves_nothing(case, make)


async def many_times(make: MakeService) -> None:
    """It can be started and stopped again and again."""

    async def case(service: Service) -> None:
        for _ in range(10):
            await service.start()
            await service.stop()
        await service.start()

    await _leaves_nothing(case, make)


async def stop_twice(make: MakeService) -> None:
    """A second stop changes nothing."""

    async def case(service: Service) -> None:
        await service.start()
        await service.stop()
        await service.stop()

    await _leaves_nothing(case, make)


async def all_at_once(make: MakeService) -> None:
    """Starts and stops that overlap take turns; the last stop ends it."""

    async def case(service: Service) -> None:
        calls: list[Awaitable[Any]] = []
        for number in range(20):
            calls.append(service.stop() if number % 3 == 2 else service.start())
        await asyncio.gather(*calls)

    await _leaves_nothing(case, make)


async def stop_during_start(make: MakeService) -> None:
    """A stop that comes while it starts ends it."""

    async def case(service: Service) -> None:
        starting = asyncio.ensure_future(service.start())
        await asyncio.sleep(0)
        await service.stop()
        await starting

    await _leaves_nothing(case, make)


async def start_cancelled(make: MakeService) -> None:
    """A start that is cancelled midway leaves a service that can be started again."""

    async def case(service: Service) -> None:
        starting = asyncio.ensure_future(service.start())
        await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await service.start()

    await _leaves_nothing(case, make)


START_STOP_CASES: tuple[LifecycleCase, ...] = (
    stop_before_start,
    start_twice,
    many_times,
    stop_twice,
    all_at_once,
    stop_during_start,
    start_cancelled,
)
"""Every service passes all of these."""
