"""Results of earlier runs in place of work: found before a task runs, kept after it has run.

Where cached states lie is behind a port: in this process for `flow.run()`, in the backend for a run of an agent. They are read once a run,
for all its caching tasks and all their children together, when the first of them is about to run; after that a look-up is one hash. A
cached state counts only if its result is still where it says: one that has vanished is a miss, and is said in the log.

A task's cache is known by its `cache_key`, which tasks of other flows may share, else by its slug within the flow, whatever the version.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from towpath._context import Frame, current_frame
from towpath.engine.cache_validators import Looks, duration_only, expired
from towpath.engine.clock import Clock
from towpath.engine.hashing import UnhashableError, stable_hash
from towpath.engine.naming import nameable
from towpath.engine.plan import Node
from towpath.engine.results import Result, claim, literal
from towpath.engine.state import Cached, State, Success
from towpath.engine.task_pipeline import Record
from towpath.errors import TowpathError

_logger = logging.getLogger("towpath.engine")


@dataclass(frozen=True, slots=True)
class CacheName:
    """What a task's cached states are known by.

    Attributes:
        flow: Name of the flow.
        slug: Slug of the task.
        key: Its cache key; in place of flow and slug where there is one.
    """

    flow: str
    slug: str
    key: str | None

    @property
    def place(self) -> tuple[str | None, str]:
        """Equal for all tasks that share a cache."""
        return (None, self.key) if self.key is not None else (self.flow, self.slug)


Entry = tuple[int, Cached]
"""A cached state and the map index (-1: none) that it had."""


class CachedStates(Protocol):
    """Where cached states lie.

    Attributes:
        durable: Whether another process must be able to read the results, so that only stored ones count.
    """

    durable: bool

    def read(self, wanted: Mapping[CacheName, timedelta]) -> Mapping[CacheName, Sequence[Entry]]:
        """The cached states of several tasks at once, oldest first; the timedelta is how far back to look at most."""
        ...

    def keep(self, name: CacheName, map_index: int, state: Cached) -> None:
        """Keep a cached state that has just been made."""
        ...


class MemoryCache:
    """Cached states of this process, with their values: what `flow.run()` uses. Safe with threads.

    Args:
        capacity: How many states are kept at most; the oldest go first.
    """

    durable = False

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[tuple[Any, ...], tuple[tuple[str | None, str], Entry]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, wanted: Mapping[CacheName, timedelta]) -> Mapping[CacheName, Sequence[Entry]]:
        """The states of these tasks."""
        with self._lock:
            found = list(self._entries.values())
        return {name: [entry for place, entry in found if place == name.place] for name in wanted}

    def keep(self, name: CacheName, map_index: int, state: Cached) -> None:
        """Keep a state in place of one of the same inputs and parameters."""
        inputs = tuple(sorted((state.hashed_inputs or {}).items()))
        parameters = _hash_or_none(state.cached_parameters)
        slot = (name.place, map_index, inputs, parameters)
        with self._lock:
            self._entries.pop(slot, None)
            self._entries[slot] = (name.place, (map_index, state))
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


local_cache = MemoryCache()
"""The cache of `flow.run()` in this process."""


def _hash_or_none(value: Any) -> str | None:
    try:
        return stable_hash(value)
    except UnhashableError:
        return None


@dataclass(slots=True)
class _Index:
    """The states that one validator may choose from, by what it looks at."""

    validator: Any
    entries: list[Entry] = field(default_factory=list)
    by_signature: dict[tuple[int | None, str], Cached] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        map_index, state = entry
        if not isinstance(self.validator, Looks):
            self.entries.append(entry)
            return
        try:
            signature = self.validator.signature(state.hashed_inputs or {}, state.cached_parameters or {})
        except UnhashableError:
            return
        # the same values at another place in the list are the same work; what does not look at inputs must keep to its place
        self.by_signature[None if self.validator.sees_inputs else map_index, signature] = state

    def find(self, map_index: int, inputs: Mapping[str, Any], hashed: Mapping[str, str], parameters: Mapping[str, Any]) -> Cached | None:
        validator = self.validator
        if isinstance(validator, Looks):
            if not validator.ever:
                return None
            return self.by_signature.get((None if validator.sees_inputs else map_index, validator.signature(hashed, parameters)))
        fitting = (state for _, state in reversed(self.entries) if validator(state, inputs, parameters))
        return next(fitting, None)


class Caching:
    """The coordinator's memory of earlier runs. Made for one run; used by the coordinator's thread only.

    Args:
        flow_name: Name of the flow.
        nodes: The plan's nodes.
        states: Where cached states lie.
        store: Where a task's result is written.
        policy: Where one that another process has written must be.
        scope: The run's part of the context.
        clock: The time.
    """

    def __init__(
        self,
        flow_name: str,
        nodes: Iterable[Node],
        states: CachedStates,
        store: Callable[[Node], Result | None],
        policy: Callable[[Node], Result],
        scope: Frame,
        clock: Clock,
    ) -> None:
        self._flow_name = flow_name
        self._nodes = nodes
        self._states = states
        self._store = store
        self._policy = policy
        self._scope = scope
        self._clock = clock
        self._known: dict[tuple[str | None, str], list[Entry]] | None = None
        self._indexes: dict[tuple[tuple[str | None, str], int], _Index] = {}
        self._hashed: dict[tuple[int, str], tuple[Any, str]] = {}
        self._warned: set[tuple[int, str]] = set()

    # --- before a task runs -------------------------------------------------------------------------------------------------------

    def recall(self, node: Node, index: int, record: Record, inputs: dict[str, Any], values: dict[str, Any]) -> State | None:
        """The state of an earlier run that stands for this one; None: run the task."""
        if record.loop_count is not None:
            return None
        if node.task.target is not None:
            return self._at_target(node, inputs, values)
        try:
            record.hashed_inputs = self._hashes(node, index, inputs)
            found = self._find(node, index, inputs, record.hashed_inputs)
        except UnhashableError as error:
            record.hashed_inputs = None
            self._warn(node, "unhashable", f"Task {node.slug!r} is not cached: {error}")
            return None
        if found is None:
            return None
        if not self._readable(found._result, node):
            return None
        return Cached(
            "The result of an earlier run was taken.",
            found._result.copy(),
            hashed_inputs=found.hashed_inputs,
            cached_parameters=found.cached_parameters,
            cached_result_expiration=found.cached_result_expiration,
        )

    def _at_target(self, node: Node, inputs: dict[str, Any], values: dict[str, Any]) -> State | None:
        policy = self._store(node)
        if policy is None:
            return None
        token = current_frame.set(Frame(values, self._scope))
        try:
            location = policy.format(**nameable(inputs))
            if not policy.exists(literal(location)):
                return None
        except Exception as error:
            self._warn(node, "target", f"The target of task {node.slug!r} cannot be looked up, so the task runs: {error!r}")
            return None
        finally:
            current_frame.reset(token)
        found = policy.copy()
        found.location = location
        return Cached(f"The result was found at the task's target {location!r}.", found)

    def _find(self, node: Node, index: int, inputs: dict[str, Any], hashed: dict[str, str]) -> Cached | None:
        parameters = self._scope.values.get("parameters") or {}
        try:
            found = self._index(node).find(index, inputs, hashed, parameters)
        except UnhashableError:
            raise
        except Exception as error:
            self._warn(node, "validator", f"The cache validator of task {node.slug!r} failed, so the task runs: {error!r}")
            return None
        return None if found is None or expired(found, self._clock.now()) else found

    def _index(self, node: Node) -> _Index:
        place = self._name(node).place
        validator = node.task.cache_validator or duration_only
        slot = (place, id(validator))
        index = self._indexes.get(slot)
        if index is None:
            index = self._indexes[slot] = _Index(validator)
            for entry in self._all().get(place, ()):
                index.add(entry)
        return index

    def _all(self) -> dict[tuple[str | None, str], list[Entry]]:
        if self._known is None:
            wanted: dict[tuple[str | None, str], tuple[CacheName, timedelta]] = {}
            for node in self._nodes:
                name, span = self._name(node), node.task.cache_for
                if span is not None and (name.place not in wanted or wanted[name.place][1] < span):
                    wanted[name.place] = (name, span)
            try:
                found = self._states.read(dict(wanted.values()))
            except TowpathError as error:
                _logger.warning("Cached results cannot be read, so the tasks run: %s (%s)", error.message, error.code)
                found = {}
            self._known = {name.place: list(entries) for name, entries in found.items()}
        return self._known

    def _name(self, node: Node) -> CacheName:
        return CacheName(self._flow_name, node.slug, node.task.cache_key)

    def _hashes(self, node: Node, index: int, inputs: dict[str, Any]) -> dict[str, str]:
        hashed = {}
        for name, value in inputs.items():
            # what all children of a map take whole is hashed once
            known = self._hashed.get((node.index, name)) if index >= 0 else None
            if known is not None and known[0] is value:
                hashed[name] = known[1]
                continue
            try:
                hashed[name] = stable_hash(value)
            except UnhashableError as error:
                raise UnhashableError(f"input {name!r}: {error}") from error
            if index >= 0:
                self._hashed[node.index, name] = (value, hashed[name])
        return hashed

    def _readable(self, result: Result, node: Node) -> bool:
        try:
            there = result.has_value or claim(result, self._policy(node)).readable()
        except Exception as error:
            _logger.warning(
                "The cached result of task %r at %s cannot be looked up, so the task runs: %r", node.slug, result.location, error
            )
            return False
        if not there:
            _logger.warning("The cached result of task %r at %s is not there any more, so the task runs", node.slug, result.location)
        return there

    # --- after it has run ---------------------------------------------------------------------------------------------------------

    def keep(self, node: Node, index: int, record: Record, state: State) -> Cached | None:
        """The Cached state that follows a Success; None if nothing is to be kept."""
        task = node.task
        if task.cache_for is None or type(state) is not Success or record.hashed_inputs is None:
            return None
        if self._states.durable and not isinstance(state._result.location, str):
            self._warn(node, "memory", f"Task {node.slug!r} is not cached: its result is kept in memory only; give it a result to store it")
            return None
        cached = Cached(
            state.message,
            state._result,
            hashed_inputs=record.hashed_inputs,
            cached_parameters=dict(self._scope.values.get("parameters") or {}),
            cached_result_expiration=self._clock.now() + task.cache_for,
        )
        name = self._name(node)
        self._states.keep(name, index, cached)
        self._all().setdefault(name.place, []).append((index, cached))
        for (place, _), known in self._indexes.items():
            if place == name.place:
                known.add((index, cached))
        return cached

    def _warn(self, node: Node, what: str, message: str) -> None:
        if (node.index, what) not in self._warned:
            self._warned.add((node.index, what))
            _logger.warning("%s", message)
