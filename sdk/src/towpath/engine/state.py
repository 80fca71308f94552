"""States: what a flow run or a task run is, as values.

One class per kind of `towpath_proto.states`, in the same hierarchy, with Prefect 1's JSON. A state says what happened; it does nothing, and
whether it may follow another one is decided by the table in proto, not here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from towpath.engine.results import NO_RESULT, UNSET, Result, result_from_dict
from towpath.errors import FlowError
from towpath_proto import __version__
from towpath_proto.errors import Code
from towpath_proto.states import KINDS

Codec = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def _as_is(value: Any) -> Any:
    return value


def _time_out(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _time_in(value: str | datetime | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _state_out(value: State | None) -> dict[str, Any] | None:
    return None if value is None else value.to_dict()


def _state_in(value: dict[str, Any] | None) -> State | None:
    return None if value is None else State.from_dict(value)


_PLAIN: Codec = (_as_is, _as_is)
_TIME: Codec = (_time_out, _time_in)
_NESTED: Codec = (_state_out, _state_in)

_CLASSES: dict[str, type[State]] = {}


class State:
    """Base of all states.

    Args:
        message: A sentence for people.
        result: The value, or a `Result` that holds or locates it.
        context: Small facts that travel with the state (`tags`, `task_run_count`).
        cached_inputs: Results of the inputs, by name.
    """

    __slots__ = ("_cached_inputs", "_context", "_result", "message")

    color: ClassVar[str] = KINDS["Pending"].color
    _own: ClassVar[dict[str, Codec]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind = KINDS.get(cls.__name__)
        if kind is not None:
            cls.color = kind.color
        _CLASSES[cls.__name__] = cls

    def __init__(
        self,
        message: str | None = None,
        result: Any = UNSET,
        context: dict[str, Any] | None = None,
        cached_inputs: dict[str, Result] | None = None,
    ) -> None:
        self.message = message
        self._result: Result = NO_RESULT if result is UNSET else result if isinstance(result, Result) else Result(result)
        self._context = context
        self._cached_inputs = cached_inputs

    @property
    def result(self) -> Any:
        """The value in memory; None where there is none or it has not been read."""
        return self._result.value

    @result.setter
    def result(self, value: Any) -> None:
        self._result = value if isinstance(value, Result) else Result(value)

    @property
    def context(self) -> dict[str, Any]:
        """Small facts that travel with the state."""
        if self._context is None:
            self._context = {}
        return self._context

    @property
    def cached_inputs(self) -> dict[str, Result]:
        """Results of the inputs, by name."""
        if self._cached_inputs is None:
            self._cached_inputs = {}
        return self._cached_inputs

    def load_result(self) -> State:
        """This state with its result read into memory."""
        if not self._result.has_value:
            self._result = self._result.read()
        return self

    @property
    def kind(self) -> str:
        """Name of the kind: `type` on the wire."""
        return type(self).__name__

    def is_pending(self) -> bool:
        """Known and not begun (Pending or one of its kinds)."""
        return isinstance(self, Pending)

    def is_scheduled(self) -> bool:
        """Will run at some time (Scheduled or one of its kinds)."""
        return isinstance(self, Scheduled)

    def is_retrying(self) -> bool:
        """Waits for its next try."""
        return isinstance(self, Retrying)

    def is_queued(self) -> bool:
        """Waits for a slot."""
        return isinstance(self, Queued)

    def is_submitted(self) -> bool:
        """Taken by an agent."""
        return isinstance(self, Submitted)

    def is_running(self) -> bool:
        """Running or being stopped."""
        return isinstance(self, Running)

    def is_finished(self) -> bool:
        """Has ended, whatever the outcome."""
        return isinstance(self, Finished)

    def is_successful(self) -> bool:
        """Ended well."""
        return isinstance(self, Success)

    def is_failed(self) -> bool:
        """Ended with an error."""
        return isinstance(self, Failed)

    def is_skipped(self) -> bool:
        """Left out on purpose."""
        return isinstance(self, Skipped)

    def is_mapped(self) -> bool:
        """Spread over its inputs."""
        return isinstance(self, Mapped)

    def is_cached(self) -> bool:
        """Took an earlier result."""
        return isinstance(self, Cached)

    def is_looped(self) -> bool:
        """One turn of a loop has ended."""
        return isinstance(self, Looped)

    def is_cancelled(self) -> bool:
        """Was stopped."""
        return isinstance(self, Cancelled)

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON of this state."""
        data: dict[str, Any] = {
            "context": dict(self._context or {}),
            "message": self.message,
            "_result": self._result.to_dict(),
            "cached_inputs": {name: result.to_dict() for name, result in (self._cached_inputs or {}).items()},
        }
        for name, (encode, _) in self._own.items():
            data[name] = encode(getattr(self, name))
        data["__version__"] = __version__
        data["type"] = self.kind
        return data

    @staticmethod
    def from_dict(data: dict[str, Any]) -> State:
        """The state that Prefect 1's JSON `data` describes. Unknown fields are ignored, missing ones take their default.

        Raises:
            FlowError: If the type is not a state's.
        """
        kind = _CLASSES.get(data.get("type", ""))
        if kind is None:
            raise FlowError(Code.BAD_STATE, f"{data.get('type')!r} is not a type of state; known are {', '.join(_CLASSES)}")
        state = kind(
            data.get("message"),
            result_from_dict(data.get("_result")),
            data.get("context") or None,
            {name: result_from_dict(item) for name, item in (data.get("cached_inputs") or {}).items()} or None,
        )
        for name, (_, decode) in kind._own.items():
            if name in data:
                setattr(state, name, decode(data[name]))
        return state

    def __repr__(self) -> str:
        return f'<{self.kind}: "{self.message}">' if self.message else f"<{self.kind}>"


class Pending(State):
    """Known, and not ready to run yet."""

    __slots__ = ()


class Scheduled(Pending):
    """Will run at its start time (default: now) or soon after."""

    __slots__ = ("start_time",)
    _own = {"start_time": _TIME}

    def __init__(self, *args: Any, start_time: datetime | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.start_time: datetime | None = _time_in(start_time) if start_time is not None else self._default_start()

    def _default_start(self) -> datetime | None:
        return datetime.now(UTC)


class Paused(Scheduled):
    """Waits until a person resumes it; without a start time it waits for ever."""

    __slots__ = ()

    def _default_start(self) -> datetime | None:
        return None


class Resume(Scheduled):
    """Was paused and may go on."""

    __slots__ = ()


class Retrying(Scheduled):
    """Failed, and will be tried again at its start time; `run_count` tries were made."""

    __slots__ = ("run_count",)
    _own = {"start_time": _TIME, "run_count": _PLAIN}

    def __init__(self, *args: Any, run_count: int = 1, **options: Any) -> None:
        super().__init__(*args, **options)
        self.run_count = run_count


class Queued(Scheduled):
    """Waits for a free slot of a concurrency limit; `state` is what it will become then."""

    __slots__ = ("state",)
    _own = {"start_time": _TIME, "state": _NESTED}

    def __init__(self, *args: Any, state: State | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.state = state


class Submitted(State):
    """An agent has claimed it and is starting it; `state` is what it was."""

    __slots__ = ("state",)
    _own = {"state": _NESTED}

    def __init__(self, *args: Any, state: State | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.state = state


class ClientFailed(State):
    """A client could not report `state`; exists inside a client only."""

    __slots__ = ("state",)
    _own = {"state": _NESTED}

    def __init__(self, *args: Any, state: State | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.state = state


class Running(State):
    """Is running."""

    __slots__ = ()


class Cancelling(Running):
    """Is being stopped."""

    __slots__ = ()


class Finished(State):
    """Has ended."""

    __slots__ = ()


class Looped(Finished):
    """One turn of a loop has ended; `loop_count` turns were made."""

    __slots__ = ("loop_count",)
    _own = {"loop_count": _PLAIN}

    def __init__(self, *args: Any, loop_count: int = 1, **options: Any) -> None:
        super().__init__(*args, **options)
        self.loop_count = loop_count


class Cancelled(Finished):
    """Was stopped by a person or a rule."""

    __slots__ = ()


class Success(Finished):
    """Has done its work."""

    __slots__ = ()


class Cached(Success):
    """Took its result from an earlier run."""

    __slots__ = ("cached_parameters", "cached_result_expiration", "hashed_inputs")
    _own = {"cached_parameters": _PLAIN, "cached_result_expiration": _TIME, "hashed_inputs": _PLAIN}

    def __init__(
        self,
        *args: Any,
        cached_parameters: dict[str, Any] | None = None,
        cached_result_expiration: datetime | None = None,
        hashed_inputs: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.cached_parameters = cached_parameters
        self.cached_result_expiration = _time_in(cached_result_expiration)
        self.hashed_inputs = hashed_inputs


class Mapped(Success):
    """Has been spread over its inputs; `map_states` are the states of its children (None: not begun)."""

    __slots__ = ("_kinds", "map_states", "n_map_states")
    _own = {"n_map_states": _PLAIN}

    def __init__(self, *args: Any, map_states: list[State | None] | None = None, n_map_states: int | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.map_states: list[State | None] = [] if map_states is None else map_states
        self.n_map_states = len(self.map_states) if n_map_states is None else n_map_states
        self._kinds: frozenset[type[State]] | None = None

    def child_kinds(self) -> frozenset[type[State]]:
        """The kinds of its children; worked out once, when all have ended, since many tasks may ask."""
        if self._kinds is not None:
            return self._kinds
        kinds = frozenset(type(child) for child in self.map_states if child is not None)
        if None not in self.map_states and all(issubclass(kind, Finished) for kind in kinds):
            self._kinds = kinds
        return kinds

    @property
    def result(self) -> list[Any]:
        """The values of the children."""
        return [None if child is None else child.result for child in self.map_states]

    @result.setter
    def result(self, value: Any) -> None:
        raise AttributeError("a mapped task has no result of its own; its children have")

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON of this state; a parent has no result of its own."""
        data = super().to_dict()
        del data["_result"]
        return data


class Skipped(Success):
    """Was left out on purpose."""

    __slots__ = ()


class Failed(Finished):
    """Has ended with an error."""

    __slots__ = ()


class TimedOut(Failed):
    """Took longer than its timeout allows."""

    __slots__ = ()


class TriggerFailed(Failed):
    """Its trigger did not allow it to run after what happened upstream."""

    __slots__ = ()


class ValidationFailed(Failed):
    """Its input or its result is not valid."""

    __slots__ = ()
