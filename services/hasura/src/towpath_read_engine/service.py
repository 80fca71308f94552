"""The engine as a service: started, kept in step with the database, stopped.

The database may be away or empty when the service starts, and its tables may change while it runs. One task reads the schema
until it is complete, and again whenever a statement meets a table that has changed; until the first success requests wait a
little and are then refused with the reason, which `ready` shows too. The metadata folder is read at start and on every reload;
at start a mistake in it is an error at once, since no waiting heals it. Metadata that came by the API replaces the folder: until
the process ends, or for good where there is a file to store it in, which then is what counts at start and on every reload. A
store that vanishes while the process runs changes nothing until it starts again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from towpath_proto.errors import Code, TowpathError
from towpath_read_engine.app import make_app
from towpath_read_engine.callers import Callers
from towpath_read_engine.database import Database, StaleSchemaError
from towpath_read_engine.engine import Engine, EngineSettings, Request, Schema, Session
from towpath_read_engine.errors import DialectCode, MetadataError, ReadError
from towpath_read_engine.metadata import NOTHING, Metadata
from towpath_read_engine.metadata_api import InconsistentMetadataError, MetadataApi
from towpath_read_engine.metadata_files import load, save
from towpath_read_engine.model import Inconsistency
from towpath_read_engine.sql import render, sql
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics

_log = get_log(__name__)
_PING = render(sql("select true")).text
PING_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the service is built from.

    Attributes:
        metadata: the folder or file of the Hasura metadata; without one nothing is served until the API brings some.
        metadata_store: the file that keeps what the API has replaced; None forgets it when the process ends.
        metadata_api: whether the API may replace and show the metadata.
        callers: who may ask, and as whom.
        first_wait: seconds that a request waits for the first reading of the schema.
        retry_interval: seconds between readings while the schema is incomplete.
    """

    metadata: Path | None
    metadata_store: Path | None = None
    metadata_api: bool = False
    callers: Callers = field(default_factory=Callers)
    engine: EngineSettings = field(default_factory=EngineSettings)
    first_wait: float = 5.0
    retry_interval: float = 2.0


class ReadEngineService:
    """See `towpath_service_kit.service.Service`."""

    name = "read-engine"

    def __init__(self, database: Database, settings: ServiceSettings) -> None:
        self._database = database
        self._settings = settings
        self._engine = Engine(database, settings.engine)
        self._lock = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._replaced: Metadata | None = None
        self._task: asyncio.Task[None] | None = None
        self._loaded = asyncio.Event()
        self._wanted = asyncio.Event()
        self._next_read = asyncio.Event()
        self._problem = "the schema has not been read yet"
        self.metrics = Metrics()
        self._reads = self.metrics.counter("towpath_read_schema_reads_total", "Readings of the schema by outcome.", ["outcome"])
        plans = self.metrics.gauge("towpath_read_plans_compiled", "Plans compiled since the schema was last read.")
        plans.set_function(lambda: self._engine.schema.compiled if self._engine.schema is not None else 0)
        api = MetadataApi(self, enabled=settings.metadata_api)
        self._app = make_app(self._execute, api, self.ready, self.metrics, settings.callers)

    @property
    def app(self) -> ASGIApp:
        """The HTTP side."""
        return self._app

    @property
    def engine(self) -> Engine:
        """The engine itself."""
        return self._engine

    async def start(self) -> None:
        """Open the pool and begin to read the schema.

        Raises:
            TowpathError: the metadata is missing or malformed.
        """
        async with self._lock:
            if self._task is not None:
                return
            try:
                self._current()
            except MetadataError as error:
                setting = "TOWPATH_READ_METADATA" if self._stored is None else "TOWPATH_READ_METADATA_STORE"
                raise TowpathError(Code.BAD_SETTING, f"{error}. Correct it, or point {setting} elsewhere.", setting=setting) from error
            await self._database.open()
            self._wanted.set()
            self._task = asyncio.create_task(self._keep_loaded(), name="read-engine schema")

    async def stop(self) -> None:
        """End the task and close the pool."""
        async with self._lock:
            task, self._task = self._task, None
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await self._database.close()

    async def ready(self) -> Mapping[str, str]:
        """Why it cannot serve, by check."""
        checks: dict[str, str] = {}
        if self._problem:
            checks["schema"] = self._problem
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._database.fetch(_PING, wait=PING_SECONDS)
        except (ReadError, TimeoutError) as error:
            checks["database"] = str(error) or "no answer in time"
        return checks

    async def loaded(self) -> None:
        """Wait until the schema has been read once."""
        await self._loaded.wait()

    def next_read(self) -> asyncio.Event:
        """An event that is set when the schema is next read with success."""
        return self._next_read

    @property
    def metadata(self) -> Metadata:
        """What is served; nothing until the schema has been read."""
        schema = self._engine.schema
        return NOTHING if schema is None else schema.metadata

    @property
    def inconsistencies(self) -> Sequence[Inconsistency]:
        """What of the metadata could not be served."""
        schema = self._engine.schema
        return () if schema is None else schema.inconsistencies

    async def reload(self) -> None:
        """Read metadata and tables again.

        Raises:
            ReadError: that failed; what was served before goes on.
        """
        async with self._reading:
            try:
                schema = await self._engine.read(self._current())
            except MetadataError as error:
                self._failed(str(error))
                raise ReadError(DialectCode.BAD_REQUEST, str(error)) from error
            except ReadError as error:
                self._failed(error.message)
                raise
            self._install(schema)

    async def replace(self, metadata: Metadata, *, allow_inconsistent: bool) -> None:
        """Serve other metadata from now on, and read the tables again.

        Raises:
            InconsistentMetadataError: parts of it cannot be served, and that is not allowed.
            ReadError: the database cannot be read, or the store not written. In all cases what was served before goes on.
        """
        async with self._reading:
            schema = await self._engine.read(metadata)
            if schema.inconsistencies and not allow_inconsistent:
                raise InconsistentMetadataError(schema.inconsistencies)
            store = self._settings.metadata_store
            if store is not None:
                try:
                    await asyncio.to_thread(save, store, metadata)
                except MetadataError as error:
                    raise ReadError(DialectCode.UNEXPECTED, str(error), "$.args") from error
            self._replaced = metadata
            self._install(schema)

    def _install(self, schema: Schema) -> None:
        self._engine.install(schema)
        self._problem = "; ".join(item.reason for item in schema.inconsistencies)
        self._reads.labels("incomplete" if self._problem else "ok").inc()
        self._loaded.set()
        self._next_read.set()
        self._next_read = asyncio.Event()

    @property
    def _stored(self) -> Path | None:
        """The store, if there is something in it."""
        store = self._settings.metadata_store
        return store if store is not None and store.exists() else None

    def _current(self) -> Metadata:
        stored = self._stored
        if stored is not None:
            self._replaced = load(stored)
        if self._replaced is not None:
            return self._replaced
        return NOTHING if self._settings.metadata is None else load(self._settings.metadata)

    def _failed(self, reason: str) -> None:
        if reason != self._problem:
            _log.warning("schema_not_read", reason=reason)
        self._problem = reason
        self._reads.labels("failed").inc()

    async def _keep_loaded(self) -> None:
        task = asyncio.current_task()
        # psycopg_pool may swallow a cancellation that comes while it hands out a connection; the count of them stays.
        while task is not None and not task.cancelling():
            try:
                async with asyncio.timeout(self._settings.retry_interval if self._problem else None):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            try:
                await self.reload()
            except ReadError:
                pass  # kept in _problem and logged; the next turn tries again
            except Exception as error:  # the task must outlive a fault, or the schema stays stale for ever
                self._failed(f"{type(error).__name__} while reading the schema")
                _log.error("schema_read_failed", error=error)

    async def _execute(self, request: Request, session: Session) -> tuple[bytes, ...]:
        if not self._loaded.is_set():
            await self._first_load()
        try:
            return await self._engine.answer(request, session)
        except StaleSchemaError:
            self._wanted.set()
            raise

    async def _first_load(self) -> None:
        try:
            async with asyncio.timeout(self._settings.first_wait):
                await self._loaded.wait()
        except TimeoutError:
            raise ReadError(DialectCode.POSTGRES_ERROR, f"the schema cannot be read yet: {self._problem}") from None
