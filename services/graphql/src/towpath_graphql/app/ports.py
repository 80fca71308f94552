"""The seam between use cases and the database.

One thin port: a transaction runs named queries and collects the events that are to be told once it has committed. The obligations:

* everything between entering and leaving `Store.transaction()` commits together, events included, or not at all;
* time inside a transaction is the database's `now()` and does not move;
* a unique violation or a lost connection reaches the use case as `TowpathError`, never as a driver's exception.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from towpath_graphql.domain.runs import Event

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Json:
    """A parameter that is sent as JSON; bare lists are sent as PostgreSQL arrays."""

    value: Any


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


class Store(Protocol):
    """Where transactions come from."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; commit when the block ends, roll back when it raises."""
