"""A session of the database that asks compiled statements.

Every parameter of them is text and every answer is one row that is handed on as it came: nothing is adapted and nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from towpath_service_kit.connection import Connection


class ReadSession(Connection):
    """A connection of the pool."""

    async def values(self, statement: bytes, parameters: Sequence[bytes | None], *, keep: bool) -> tuple[bytes | None, ...]:
        """The values of the one row that a statement gives.

        Args:
            statement: With `$1` and so on for parameters.
            parameters: As text.
            keep: Whether the statement is kept prepared for the next time.

        Raises:
            psycopg.Error: The statement failed, or the connection is lost.
        """
        result = await self.ask(statement, parameters, keep=keep)
        return tuple([result.get_value(0, i) for i in range(result.nfields)])
