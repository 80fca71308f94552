"""Resources: something that is opened, used by some tasks, and closed again whatever happens to them (a cluster, a connection, a folder).

A resource is an object of this process, so its tasks store nothing. When another process goes on with the run and a task needs the
resource, it is opened again there, and closed again at the end (the engine sees to that: `Task.cleans_up`, `engine/cleaning`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, overload

from towpath.core.blocks import Block
from towpath.core.edges import Edge
from towpath.core.task import FunctionTask, Task
from towpath.engine import signals
from towpath.engine.state import Failed, Skipped, State


class Resource(Protocol):
    """What `@resource_manager` makes a resource of."""

    def setup(self) -> Any:
        """Open it; what is returned is what the tasks get."""
        ...

    def cleanup(self, resource: Any, /) -> Any:
        """Close what `setup` returned."""
        ...


class InitTask(FunctionTask):
    """Makes the manager."""

    recompute_on_resume = True


class SetupTask(Task):
    """Opens the resource."""

    recompute_on_resume = True

    def run(self, mgr: Resource) -> Any:
        """What `setup` of the manager returns."""
        return mgr.setup()


class CleanupTask(Task):
    """Closes the resource."""

    cleans_up = True

    def run(self, mgr: Resource, resource: Any) -> None:
        """Call `cleanup` of the manager."""
        mgr.cleanup(resource)


def opened(upstream: dict[Edge, State]) -> bool:
    """The trigger of a cleanup: run when the resource was opened and all that use it have ended, whatever the outcome."""
    for edge, state in upstream.items():
        if edge.key is not None and isinstance(state, Failed | Skipped):
            raise signals.SKIP("The resource was not opened, so there is nothing to close.")
    if not all(state.is_finished() for state in upstream.values()):
        raise signals.TRIGGERFAIL("Some tasks that use the resource have not ended.")
    return True


class ResourceContext:
    """A resource in a flow: `with` it, tasks get what was opened. Made by calling a `ResourceManager`."""

    def __init__(self, init: Task, setup: Task, cleanup: Task) -> None:
        self.init_task, self.setup_task, self.cleanup_task = init, setup, cleanup
        self._block = Block()

    def __enter__(self) -> Task:
        """The task whose value is the opened resource."""
        self._block.open(f"the resource {self.setup_task.name!r}")
        return self.setup_task

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._block.close()
        if kind is not None:
            return
        flow = self._block.flow
        last = self._block.last()
        for task in self._block.first():
            flow.set_dependencies(task, upstream_tasks=[self.setup_task])
        flow.set_dependencies(self.cleanup_task, upstream_tasks=last, keyword_tasks={"mgr": self.init_task, "resource": self.setup_task})


class ResourceManager:
    """A kind of resource; calling it in a flow, with constants or tasks, makes one.

    Args:
        resource_class: A class with `setup` and `cleanup`.
        name: Its name; default the class's.
        init_task_kwargs: Options of the task that makes the manager.
        setup_task_kwargs: Options of the task that opens the resource.
        cleanup_task_kwargs: Options of the task that closes it.
    """

    def __init__(
        self,
        resource_class: type[Resource],
        *,
        name: str | None = None,
        init_task_kwargs: Mapping[str, Any] | None = None,
        setup_task_kwargs: Mapping[str, Any] | None = None,
        cleanup_task_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.resource_class = resource_class
        self.name = name or getattr(resource_class, "__name__", "resource")
        common = {"checkpoint": False}
        self._init = {"name": self.name, **common, **(init_task_kwargs or {})}
        self._setup = {"name": f"{self.name}.setup", **common, **(setup_task_kwargs or {})}
        closing = {"trigger": opened, "skip_on_upstream_skip": False}
        self._cleanup = {"name": f"{self.name}.cleanup", **common, **closing, **(cleanup_task_kwargs or {})}

    def __call__(self, *args: Any, flow: Any = None, **kwargs: Any) -> ResourceContext:
        """Make a resource of this kind in the flow."""
        init = InitTask(self.resource_class, **self._init).bind(*args, flow=flow, **kwargs)
        setup = SetupTask(**self._setup).bind(init, flow=flow)
        return ResourceContext(init, setup, CleanupTask(**self._cleanup))


@overload
def resource_manager(resource_class: type[Resource], /) -> ResourceManager: ...
@overload
def resource_manager(
    *,
    name: str | None = None,
    init_task_kwargs: Mapping[str, Any] | None = None,
    setup_task_kwargs: Mapping[str, Any] | None = None,
    cleanup_task_kwargs: Mapping[str, Any] | None = None,
) -> Any: ...
def resource_manager(resource_class: type[Resource] | None = None, /, **options: Any) -> Any:
    """Make a `ResourceManager` of a class with `setup` and `cleanup`: `@resource_manager` or `@resource_manager(name=…)`."""
    if resource_class is not None:
        return ResourceManager(resource_class, **options)
    return lambda chosen: ResourceManager(chosen, **options)
