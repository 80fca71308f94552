"""The seam between use cases and the database.

One thin port: a transaction runs named queries and collects the events that are to be told once it has committed. The obligations:

* everything between entering and leaving `Store.transaction()` commits together, events included, or not at all;
* time inside a transaction is the database's `now()` and does not move;
* a unique violation or a lost connection reaches the use case as `TowpathError`, never as a driver's exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from towpath_graphql.domain.hooks import Request
from towpath_graphql.domain.runs import Event

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Json:
    """A parameter that is sent as JSON; bare lists are sent as PostgreSQL arrays."""

    value: Any


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted text.

    Attributes:
        key_id: Names the key.
        ciphertext: Says nothing without it.
    """

    key_id: str
    ciphertext: bytes


class Cipher(Protocol):
    """Encrypts what is kept secret, with the first of its keys, and opens what was encrypted with any of them."""

    @property
    def key_id(self) -> str:
        """Names the first key.

        Raises:
            TowpathError: `BAD_SETTING` when there is none.
        """

    def seal(self, text: bytes, *, place: str) -> Sealed:
        """Encrypt a text so that it can be opened at its place only: a row that is put into another's place is not opened there.

        Raises:
            TowpathError: `BAD_SETTING` when there is no key.
        """

    def unseal(self, sealed: Sealed, *, place: str) -> bytes:
        """The text.

        Raises:
            TowpathError: `BAD_SETTING` when the key is not among ours, or the row is not what was once written to this place.
        """


class NotTold(Exception):  # noqa: N818 - a fact about the receiver, not an error of ours
    """A hook could not be told. Its text says why, without secrets.

    Attributes:
        final: Whether another attempt is of no use.
        told: Of several requests those that got through, by their places.
    """

    def __init__(self, why: str, *, final: bool = False, told: Sequence[int] = ()) -> None:
        super().__init__(why)
        self.final = final
        self.told = list(told)


class HookSender(Protocol):
    """Sends what hooks are told."""

    async def send(self, request: Request) -> None:
        """Send one request, within its time, to an address that hooks may be sent to.

        Raises:
            NotTold: It was not answered with a status of success.
        """


class Transaction(Protocol):
    """One open transaction."""

    async def all(self, query: str, /, **parameters: Any) -> list[Row]:
        """All rows of a named query."""

    async def one(self, query: str, /, **parameters: Any) -> Row | None:
        """The first row of a named query, or None."""

    async def run(self, query: str, /, **parameters: Any) -> int:
        """Run a named query for its effect; the number of rows it touched."""

    async def now(self) -> datetime:
        """The transaction's time."""

    def publish(self, events: Iterable[Event]) -> None:
        """Have these events written to the outbox with the commit."""

    def take_events(self) -> Json:
        """What was published so far, for a statement that writes it as `write_events` does; the commit writes the rest."""


class Store(Protocol):
    """Where transactions come from."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; commit when the block ends, roll back when it raises."""

    def statements(self) -> AbstractAsyncContextManager[Transaction]:
        """What looks like a transaction and is none: each query is one by itself, which saves two ways to the database.

        Events are stored with the statement that takes them (`Transaction.take_events`), and not at all if none does.
        """

    async def one(self, query: str, /, **parameters: Any) -> Row | None:
        """The first row of a named query that is a transaction by itself, or None: one way to the database instead of three."""
