"""For tests: an engine on a real database, asked in plain words and answering with decoded JSON.

Also what the tests of a metadata folder use: load it, ask as a role, look at the answer. No double of the engine or of
PostgreSQL is offered; both are cheap enough to be real.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from towpath_read_engine.database import Database
from towpath_read_engine.engine import CompiledPlan, Engine, EngineSettings, Request, Session, Turn
from towpath_read_engine.errors import ReadError
from towpath_read_engine.metadata import parse
from towpath_read_engine.metadata_files import load


class Asker:
    """An engine with a convenient face."""

    def __init__(self, engine: Engine, database: Database) -> None:
        self.engine = engine
        self.database = database

    async def ask(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        role: str = "admin",
        session: Mapping[str, str] | None = None,
        operation: str | None = None,
        live: bool = False,
    ) -> dict[str, Any]:
        """The answer as a client would decode it: `{"data"}` or `{"errors"}`."""
        try:
            request = Request(query, variables or {}, operation, live=live)
            text = await self.engine.execute(request, Session(role, dict(session or {})))
        except ReadError as error:
            return {"errors": [error.as_json()]}
        return {"data": json.loads(text)}

    async def data(self, query: str, variables: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """The answer's data; an error in it is an AssertionError."""
        answer = await self.ask(query, variables, **options)
        assert "data" in answer, answer
        return answer["data"]

    async def error(self, query: str, variables: Mapping[str, Any] | None = None, **options: Any) -> tuple[str, str, str]:
        """The code, path and message of the refusal; data in the answer is an AssertionError."""
        answer = await self.ask(query, variables, **options)
        assert "errors" in answer, answer
        error = answer["errors"][0]
        return error["extensions"]["code"], error["extensions"]["path"], error["message"]

    async def turn(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        turn: Turn | None = None,
        role: str = "admin",
        session: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One turn of a stream: `{"data", "extensions": {"stream": {"after", "rows", "more"}}}` or `{"errors"}`."""
        try:
            request = Request(query, variables or {}, turn=turn or Turn())
            data, stream = await self.engine.answer(request, Session(role, dict(session or {})))
        except ReadError as error:
            return {"errors": [error.as_json()]}
        return {"data": json.loads(data), "extensions": {"stream": json.loads(stream)}}

    def plan(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        role: str = "admin",
        turn: Turn | None = None,
        live: bool = False,
    ) -> CompiledPlan:
        """The plan that a request would run."""
        return self.engine.compile(Request(query, variables or {}, turn=turn, live=live), Session(role))


@asynccontextmanager
async def asking(url: str, source: Path | Mapping[str, Any], settings: EngineSettings | None = None) -> AsyncIterator[Asker]:
    """An engine on the database, with the metadata of a folder, a file or a document."""
    database = Database(url, max_size=4)
    await database.open()
    try:
        engine = Engine(database, settings)
        schema = await engine.load(load(source) if isinstance(source, Path) else parse(source))
        assert not schema.inconsistencies, schema.inconsistencies
        yield Asker(engine, database)
    finally:
        await database.close()
