"""Values that are sent to a worker once, however many calls take them.

A value is known again while it is the same object. It is packed once; a worker is sent it with the first call that takes it, and unpacks it
for each call anew, so that calls do not see each other's changes. Small values travel within the call.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from towpath.executors.pickling import packed, unpacked

SMALL = 32 * 1024
"""Size in bytes up to which a packed value travels within each call."""
KEPT = 128 * 2**20
"""Bytes of packed values that are kept; the ones that were not used for longest go first. The latest stays in any case."""

_PLAIN = (bool, int, float, complex, type(None))


@dataclass(frozen=True, slots=True)
class Inline:
    """A value within a call."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that the worker has been sent under this number."""

    number: int


class Parcels:
    """The sender's side."""

    def __init__(self, kept: int = KEPT) -> None:
        self._known: OrderedDict[int, tuple[Any, Ref]] = OrderedDict()  # by id; the value is held, so that the id stays its own
        self.data: dict[int, bytes] = {}
        self._size = 0
        self._kept = kept
        self._last = 0

    def wrap(self, argument: Any, what: str) -> Any:
        """`argument` as it travels; the values of a dict are looked at one by one.

        Raises:
            TowpathError: `VALUE_NOT_PICKLABLE`.
        """
        if type(argument) is dict:
            return {name: self._one(value, f"{what}, {name!r},") for name, value in argument.items()}
        return self._one(argument, what)

    def _one(self, value: Any, what: str) -> Any:
        if isinstance(value, _PLAIN):
            return value
        known = self._known.get(id(value))
        if known is not None:
            self._known.move_to_end(id(value))
            return known[1]
        data = packed(value, what)
        return Inline(data) if len(data) <= SMALL else self._keep(value, data)

    def share(self, value: Any, what: str) -> Ref:
        """`value` as a reference, however small it is."""
        known = self._known.get(id(value))
        return known[1] if known is not None else self._keep(value, packed(value, what))

    def _keep(self, value: Any, data: bytes) -> Ref:
        self._last += 1
        ref = Ref(self._last)
        self._known[id(value)] = (value, ref)
        self.data[ref.number] = data
        self._size += len(data)
        while self._size > self._kept and len(self._known) > 1:
            _, (_, gone) = self._known.popitem(last=False)
            self._size -= len(self.data.pop(gone.number))
        return ref


def references(body: tuple[Any, Any, list[Any]]) -> set[int]:
    """The numbers of the values that a call (function, shared, arguments) only refers to."""
    _, shared, arguments = body
    found = [part for argument in arguments for part in (argument.values() if type(argument) is dict else (argument,))]
    return {part.number for part in (shared, *found) if type(part) is Ref}


class Received:
    """The worker's side."""

    def __init__(self, data: dict[int, bytes] | None = None) -> None:
        self.data: dict[int, bytes] = data if data is not None else {}
        self._shared: dict[int, Any] = {}

    def unwrap(self, argument: Any) -> Any:
        """The argument as the sender had it."""
        if type(argument) is dict:
            return {name: self._one(value) for name, value in argument.items()}
        return self._one(argument)

    def _one(self, value: Any) -> Any:
        if isinstance(value, Inline):
            return unpacked(value.data, "an input")
        if isinstance(value, Ref):
            return unpacked(self.data[value.number], "an input")
        return value

    def shared(self, ref: Ref) -> Any:
        """The object itself, unpacked once."""
        if ref.number not in self._shared:
            self._shared[ref.number] = unpacked(self.data[ref.number], "the task")
        return self._shared[ref.number]

    def keep_only(self, numbers: set[int]) -> None:
        """Forget the others."""
        for number in self.data.keys() - numbers:
            del self.data[number]
