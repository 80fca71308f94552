"""A mapping bounded in bytes, which forgets what was used longest ago, and what a request's traces in memory weigh.

Weights are estimates that err on the heavy side; a test holds them against what is really allocated. They count what a caller can make
large: texts, tokens, items of literal lists, parameters.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from towpath_read_engine.lexing import LexedDocument

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_ENTRY, _TOKEN, _ITEM, _NODE, _PARAMETER, _QUESTION = 600, 40, 112, 75, 400, 500


class Lru(Generic[K, V]):
    """Keeps at most `size` entries of together at most `room` bytes. Not for threads; one event loop uses it.

    Attributes:
        weight: bytes that the entries weigh.
    """

    def __init__(self, size: int, *, room: int, largest: int) -> None:
        """An empty mapping.

        Args:
            largest: bytes of an entry at most; a heavier one is not kept, so that no single one drives out all others.
        """
        self._size = size
        self._room = room
        self._largest = largest
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The entry, which counts as used now."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep an entry, or say what it weighs now; the oldest are dropped when there is no room."""
        before = self._entries.pop(key, None)
        if before is not None:
            self.weight -= before[1]
        if weight > self._largest:
            return
        self._entries[key] = (value, weight)
        self.weight += weight
        while len(self._entries) > self._size or self.weight > self._room:
            _, (_, dropped) = self._entries.popitem(last=False)
            self.weight -= dropped


def text_weight(text: str, lexed: LexedDocument) -> int:
    """Bytes of a document's text with its tokens and literals."""
    items = sum(len(literal) for literal in lexed.literals if isinstance(literal, list))
    texts = 2 * text.__sizeof__() + 2 * lexed.normalised.__sizeof__()
    return _ENTRY + texts + _TOKEN * len(lexed.tokens) + _ITEM * items


def tree_weight(lexed: LexedDocument) -> int:
    """Bytes of a document's syntax tree with its normalised text."""
    return 2 * _ENTRY + 3 * lexed.normalised.__sizeof__() + _NODE * len(lexed.tokens)


def plan_weight(statement: str, parameters: int, questions: int) -> int:
    """Bytes of a compiled statement with its parameters, and of the questions by which it is found."""
    return _ENTRY + statement.__sizeof__() + _PARAMETER * parameters + _QUESTION * questions
