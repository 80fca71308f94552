"""Tasks: one step of a flow each. A task says what to do and how to treat failure; the engine decides when.

Calling a task inside a flow adds a copy of it to the flow's graph and runs nothing.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, overload

from towpath._context import context
from towpath.backoff import RetryDelay, checked
from towpath.core.operators import Operators
from towpath.core.options import StateHandler, TaskOptions
from towpath.engine import triggers
from towpath.errors import FlowError
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow_graph import FlowGraph
    from towpath.engine.cache_validators import CacheValidator
    from towpath.engine.results import Result
    from towpath.engine.state import State

_RESERVED = {"flow", "mapped", "task_args", "upstream_tasks"}


class Task(Operators):
    """One step of a flow. Subclass it and define `run`, or use the `@task` decorator.

    Args:
        name: For people; default the class's or function's name.
        slug: Its id within a flow; default `name-N`.
        tags: Labels of the task, joined with those of `with tags(...)`.
        max_retries: How often to try again after a failure; needs `retry_delay`.
        retry_delay: How long to wait before each further try: seconds or a timedelta, a list of them for each try (the last one counts on),
            or a function of the number of the try that failed, such as `towpath.backoff.exponential(jitter=0.2)`.
        retry_on: Exception classes to retry on; default every failure.
        timeout: Longest time for one try (seconds or timedelta).
        trigger: Whether to run, given the states upstream; default all successful.
        skip_on_upstream_skip: Whether to be skipped when something upstream was.
        cache_for: How long its result may stand for later runs of it (seconds or timedelta); default: not at all.
        cache_validator: Which later runs; default `towpath.engine.cache_validators.duration_only`. Needs `cache_for`.
        cache_key: Shares the cached results with all tasks of that key; default: the task's own, in all versions of the flow.
        checkpoint: Whether to store the result where runs store results; default yes.
        state_handlers: Called as `handler(task, old, new)` at each change of state; may return another new state.
        on_failure: Called as `on_failure(task, state)` when it fails for good.
        log_stdout: Whether `print` in the task goes to its log.
        result: Where and how to store the result; default the flow's.
        target: Where in it, as a template or a function of inputs, context and parameters (`"{name}.csv"`). What exists there is taken
            in place of running the task, in every run; what the task returns is stored there, also by `flow.run()`.
        task_run_name: Name of a run of it, as such a template or function; default made up by the backend.
        nout: Number of items of its result, so that it can be unpacked in a flow.
    """

    recompute_on_resume: ClassVar[bool] = False
    """Whether a resumed run computes the value again rather than read a stored one."""
    auto_generated: ClassVar[bool] = False
    """Whether flows make it by themselves."""
    cleans_up: ClassVar[bool] = False
    """Whether it only closes the resource that is its input `resource`: done whenever that was opened, and it decides nothing."""

    def __init__(
        self,
        name: str | None = None,
        *,
        slug: str | None = None,
        tags: Iterable[str] | None = None,
        max_retries: int = 0,
        retry_delay: RetryDelay | None = None,
        retry_on: type[BaseException] | Iterable[type[BaseException]] | None = None,
        timeout: timedelta | float | None = None,
        trigger: triggers.Trigger | None = None,
        skip_on_upstream_skip: bool = True,
        cache_for: timedelta | float | None = None,
        cache_validator: CacheValidator | None = None,
        cache_key: str | None = None,
        checkpoint: bool | None = None,
        state_handlers: Iterable[StateHandler] | None = None,
        on_failure: Callable[[Any, State], None] | None = None,
        log_stdout: bool = False,
        result: Result | None = None,
        target: str | Callable[..., str] | None = None,
        task_run_name: str | Callable[..., str] | None = None,
        nout: int | None = None,
    ) -> None:
        self.name = name or type(self).__name__
        self.slug = slug
        if isinstance(tags, str):
            raise FlowError(Code.BAD_FLOW, f"task {self.name!r}: tags is a list of strings, not one string")
        self.tags: set[str] = set(tags or ()) | context.get("tags", set())
        self.retry_delay = checked(retry_delay)
        self.timeout = _span(timeout)
        if max_retries > 0 and self.retry_delay is None:
            raise FlowError(Code.BAD_FLOW, f"task {self.name!r} has max_retries, so it needs a retry_delay too")
        if max_retries == 0 and (self.retry_delay is not None or retry_on is not None):
            raise FlowError(Code.BAD_FLOW, f"task {self.name!r} has a retry_delay or retry_on, so it needs max_retries > 0 too")
        self.max_retries = max_retries
        self.retry_on: tuple[type[BaseException], ...] | None = (
            None if retry_on is None else (retry_on,) if isinstance(retry_on, type) else tuple(retry_on)
        )
        self.trigger: triggers.Trigger = trigger or triggers.all_successful
        self.skip_on_upstream_skip = skip_on_upstream_skip
        self.cache_for = _span(cache_for)
        if cache_validator is not None and self.cache_for is None:
            raise FlowError(Code.BAD_FLOW, f"task {self.name!r} has a cache_validator, so it needs cache_for too")
        self.cache_validator = cache_validator
        self.cache_key = cache_key
        if target is not None and checkpoint is False:
            raise FlowError(Code.BAD_FLOW, f"task {self.name!r} has a target, so its result must be stored; drop checkpoint=False")
        if target is not None and result is not None and result.location not in (None, target):
            raise FlowError(Code.BAD_FLOW, f"task {self.name!r} has a target and a result with another location; give one of them")
        self.target = target
        self.task_run_name = task_run_name
        self.checkpoint = checkpoint
        self.state_handlers: list[StateHandler] = list(state_handlers or ())
        if on_failure is not None:
            self.state_handlers.append(FailureHandler(on_failure))
        self.log_stdout = log_stdout
        self.result = result
        self.nout = nout

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the task does; its arguments are the task's inputs. A bare `Task` does nothing and only stands in the graph."""
        return None

    # --- the functional interface -------------------------------------------------------------------------------------------------

    def __call__(
        self,
        *args: Any,
        mapped: bool = False,
        task_args: Mapping[str, Any] | None = None,
        upstream_tasks: Iterable[Any] | None = None,
        flow: FlowGraph | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add a copy of this task to the flow, with these inputs.

        Args:
            *args: Inputs, as of `run`: tasks, constants, or collections of both.
            mapped: Whether to map over the inputs.
            task_args: Attributes to set on the copy, such as its name.
            upstream_tasks: Tasks that must come first and whose values are not needed.
            flow: The flow; default the one whose `with` block this is.
            **kwargs: Further inputs.
        """
        return self.copy(**(task_args or {})).bind(*args, mapped=mapped, upstream_tasks=upstream_tasks, flow=flow, **kwargs)

    def map(
        self,
        *args: Any,
        upstream_tasks: Iterable[Any] | None = None,
        flow: FlowGraph | None = None,
        task_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add a copy of this task to the flow that runs once for each element of its inputs; see `unmapped` and `flatten`."""
        return self.copy(**(task_args or {})).bind(*args, mapped=True, upstream_tasks=upstream_tasks, flow=flow, **kwargs)

    def pipe(self, other: Task, /, **kwargs: Any) -> Task:
        """Call another task with this one as its first input: `a.pipe(b).pipe(c, x=1)` is `c(b(a), x=1)`."""
        return other(self, **kwargs)

    def bind(
        self,
        *args: Any,
        mapped: bool = False,
        upstream_tasks: Iterable[Any] | None = None,
        flow: FlowGraph | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add this very task to the flow, with these inputs."""
        flow = flow or current_flow(f"task {self.name!r} was called")
        self.tags |= context.get("tags", set())
        try:
            bound = self._signature().bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"task {self.name!r}: {error}; it takes {self._signature()}") from None
        for parameter in self._signature().parameters.values():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                bound.update(bound.pop(parameter.name, {}))
        flow.set_dependencies(self, upstream_tasks=upstream_tasks, keyword_tasks=bound, mapped=mapped)
        return self

    def copy(self, **task_args: Any) -> Self:
        """A copy of this task, with some attributes set anew."""
        new = copy.copy(self)
        new.tags = set(self.tags)
        for name, value in task_args.items():
            if name not in self.__dict__:
                raise FlowError(Code.BAD_FLOW, f"task {self.name!r} has no attribute {name!r} that task_args could set")
            setattr(new, name, _KEPT[name](value) if name in _KEPT else value)
        if task_args and "slug" not in task_args:
            new.slug = None
        return new

    def _signature(self) -> inspect.Signature:
        known: inspect.Signature | None = self.__dict__.get("_known_signature")
        if known is None:
            known = self.__dict__["_known_signature"] = _checked(self)
        return known

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_known_signature"}

    def inputs(self) -> dict[str, dict[str, Any]]:
        """Each input of `run`: whether it is required, and its annotated type."""
        return {
            name: {"required": parameter.default is inspect.Parameter.empty, "type": _type_name(parameter.annotation)}
            for name, parameter in self._signature().parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        }

    def outputs(self) -> str:
        """The annotated type of the result."""
        return _type_name(self._signature().return_annotation)

    # --- the imperative interface -------------------------------------------------------------------------------------------------

    def set_dependencies(
        self,
        flow: FlowGraph | None = None,
        *,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Any] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
    ) -> Self:
        """Set tasks before and after this one, and its inputs."""
        (flow or current_flow(f"dependencies of task {self.name!r} were set")).set_dependencies(
            self, upstream_tasks=upstream_tasks, downstream_tasks=downstream_tasks, keyword_tasks=keyword_tasks, mapped=mapped
        )
        return self

    def set_upstream(self, task: Any, flow: FlowGraph | None = None, *, key: str | None = None, mapped: bool = False) -> Self:
        """Let `task` come first; with `key`, its value is that input."""
        if key is None:
            return self.set_dependencies(flow, upstream_tasks=[task], mapped=mapped)
        return self.set_dependencies(flow, keyword_tasks={key: task}, mapped=mapped)

    def set_downstream(self, task: Task, flow: FlowGraph | None = None, *, key: str | None = None, mapped: bool = False) -> Self:
        """Let `task` follow; with `key`, this task's value is its input of that name."""
        task.set_upstream(self, flow, key=key, mapped=mapped)
        return self

    def __iter__(self) -> Iterator[Task]:
        if self.nout is None:
            raise TypeError(f"task {self.name!r} cannot be unpacked: its number of results is not known; set nout=N on the task")
        return iter([self[index] for index in range(self.nout)])

    def __repr__(self) -> str:
        return f"<Task: {self.name}>"


class FunctionTask(Task):
    """A task made of a function, usually by `@task`.

    Args:
        fn: The function.
        name: Default the function's name.
        **options: As for `Task`.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, **options: Unpack[TaskOptions]) -> None:
        if not callable(fn):
            raise TypeError(f"@task needs a function, got {fn!r}")
        if nout := options.get("nout"):
            options["nout"] = int(nout)
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), **options)
        self.run = fn  # type: ignore[method-assign]
        self.__doc__ = getattr(fn, "__doc__", None)
        self._signature()


class FailureHandler:
    """Makes a state handler of an `on_failure` callback: called when a task or a flow fails for good."""

    def __init__(self, callback: Callable[[Any, State], None]) -> None:
        self.callback = callback
        self.__qualname__ = str(getattr(callback, "__qualname__", callback))

    def __call__(self, subject: Any, old: State, new: State) -> None:
        """Call the callback if `new` is a failure."""
        if new.is_failed():
            self.callback(subject, new)


@overload
def task(fn: Callable[..., Any], /) -> FunctionTask: ...
@overload
def task(*, name: str | None = None, **options: Unpack[TaskOptions]) -> Callable[[Callable[..., Any]], FunctionTask]: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Any) -> FunctionTask | Callable[[Callable[..., Any]], FunctionTask]:
    """Make a task of a function: `@task` or `@task(max_retries=2, retry_delay=timedelta(seconds=5))`."""
    if fn is not None:
        return FunctionTask(fn, **options)
    return lambda function: FunctionTask(function, **options)


@contextmanager
def tags(*names: str) -> Iterator[None]:
    """Tag all tasks that are made or called inside the `with` block."""
    with context(tags=set(names) | context.get("tags", set())):
        yield


def current_flow(what: str) -> FlowGraph:
    """The flow whose `with` block this is."""
    flow: FlowGraph | None = context.get("flow")
    if flow is None:
        raise FlowError(Code.BAD_FLOW, f"{what} outside of a flow; do it inside `with Flow(...)`, or pass flow=")
    return flow


def _span(value: timedelta | float | None) -> timedelta | None:
    return value if value is None or isinstance(value, timedelta) else timedelta(seconds=value)


_KEPT: dict[str, Callable[[Any], Any]] = {"retry_delay": checked, "timeout": _span, "cache_for": _span}
"""How attributes are kept that may be given in several ways."""


def _type_name(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "typing.Any"
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _checked(step: Task) -> inspect.Signature:
    if getattr(step.run, "__func__", None) is Task.run:
        return inspect.Signature()
    try:
        signature = inspect.signature(step.run)
    except ValueError:
        raise FlowError(Code.BAD_FLOW, f"task {step.name!r}: the arguments of {step.run!r} are not known; wrap it in a function") from None
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise FlowError(Code.BAD_FLOW, f"task {step.name!r} takes *{parameter.name}; inputs need names, so take a list or **kwargs")
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise FlowError(Code.BAD_FLOW, f"task {step.name!r}: {parameter.name!r} is positional-only; inputs are passed by name")
        if parameter.name in _RESERVED:
            raise FlowError(Code.BAD_FLOW, f"task {step.name!r}: {parameter.name!r} is a reserved argument; rename it")
    return signature
