"""Wires the business service: configuration, pool, store, relay, schema, HTTP. Nothing else reads the environment."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

from starlette.types import ASGIApp

from towpath_graphql import commands
from towpath_graphql.adapters.cipher import AesCipher, read_keys
from towpath_graphql.adapters.hook_sender import HookSender
from towpath_graphql.adapters.migrations import migrate
from towpath_graphql.adapters.postgres import PostgresStore
from towpath_graphql.adapters.relay import STALE, Relay
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.create_flow_runs import Creating, create_flow_runs
from towpath_graphql.app.deliver_hooks import HookWorker, Told, re_encrypt_hooks
from towpath_graphql.app.gathering import Gathering
from towpath_graphql.app.secrets import re_encrypt
from towpath_graphql.app.set_states import Setting, set_gathered
from towpath_graphql.app.tenants import ensure_default_tenant
from towpath_graphql.domain.addresses import read_networks
from towpath_graphql.domain.hooks import CHANGED, Endpoints
from towpath_graphql.domain.runs import Event
from towpath_graphql.http import build_app
from towpath_graphql.resolvers.context import Context
from towpath_graphql.resolvers.schema import build_schema
from towpath_proto import subjects
from towpath_proto.errors import TowpathError
from towpath_service_kit import identity, logs
from towpath_service_kit.bus import Bus, BusMessage, NatsBus
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.service import console_script, serve
from towpath_service_kit.settings import Secret, Settings

_log = logs.get_log(__name__)
PARTITION_CHECK = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the business service.

    Attributes:
        database_url: `TOWPATH_DATABASE_URL`: PostgreSQL, as the owner of the schema.
        identity_secret: `TOWPATH_IDENTITY_SECRET`: shared with the gateway.
        secret_key: `TOWPATH_SECRET_KEY`: keys that encrypt secrets, base64 of 32 bytes each, with commas between them; the first one
            encrypts, all of them decrypt. Without it no secrets are kept.
        nats_url: `TOWPATH_NATS_URL`; without it no events are published and everybody sweeps.
        host, port: `TOWPATH_GRAPHQL_HOST` and `TOWPATH_GRAPHQL_PORT`, where it listens (127.0.0.1:4201).
        pool_size: `TOWPATH_DATABASE_CONNECTIONS`, at most (8).
        patience: `TOWPATH_DATABASE_TIMEOUT`: seconds for which a request waits for a connection before it is answered UNAVAILABLE (10).
        migrate: `TOWPATH_MIGRATE`: whether to bring the schema up to date at the start (true).
        hook_networks: `TOWPATH_HOOK_NETWORKS`: networks such as 10.1.0.0/16, with commas between, that hooks may be sent to although they
            are not of the public internet (none).
        hook_endpoints: `TOWPATH_PAGERDUTY_URL` and `TOWPATH_TWILIO_URL`: where these services are (their own addresses).
    """

    database_url: Secret
    identity_secret: Secret
    nats_url: Secret | None = None
    secret_key: Secret | None = None
    host: str = "127.0.0.1"
    port: int = 4201
    pool_size: int = 8
    patience: float = 10.0
    migrate: bool = True
    hook_networks: str = ""
    hook_endpoints: Endpoints = field(default_factory=Endpoints)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Read the settings.

        Raises:
            TowpathError: `BAD_SETTING` with a sentence that names the variable.
        """
        settings = Settings(env)
        nats = settings.text("TOWPATH_NATS_URL", None)
        secret_key = settings.secret("TOWPATH_SECRET_KEY", None)
        read_keys(secret_key.value if secret_key else None)
        networks = settings.text("TOWPATH_HOOK_NETWORKS", "")
        read_networks(networks.split(","))
        return cls(
            database_url=settings.secret("TOWPATH_DATABASE_URL", hint="set it to postgresql://user:password@host/database"),
            identity_secret=settings.secret(
                "TOWPATH_IDENTITY_SECRET", at_least=32, hint="set it to the same random text here and at the gateway"
            ),
            nats_url=Secret(nats) if nats else None,
            secret_key=secret_key,
            host=settings.text("TOWPATH_GRAPHQL_HOST", "127.0.0.1"),
            port=settings.port("TOWPATH_GRAPHQL_PORT", 4201),
            pool_size=settings.integer("TOWPATH_DATABASE_CONNECTIONS", 8, at_least=2, at_most=50),
            patience=settings.seconds("TOWPATH_DATABASE_TIMEOUT", 10.0, at_least=0.1, at_most=60),
            migrate=settings.flag("TOWPATH_MIGRATE", True),
            hook_networks=networks,
            hook_endpoints=Endpoints(
                pagerduty=settings.url("TOWPATH_PAGERDUTY_URL", Endpoints.pagerduty),
                twilio=settings.url("TOWPATH_TWILIO_URL", Endpoints.twilio).rstrip("/"),
            ),
        )


class GraphqlService:
    """The business service; see `towpath_service_kit.service.Service` for what its methods promise."""

    name = "graphql"

    def __init__(self, config: Config, bus: Bus | None) -> None:
        self._config = config
        self._own_bus = bus is None and config.nats_url is not None
        self._bus = bus if bus is not None else NatsBus(config.nats_url.value, name="graphql") if config.nats_url else None
        self._metrics = Metrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._prepared = False
        self._reason = "has not been started"
        self._store = PostgresStore(config.database_url.value, size=config.pool_size, patience=config.patience, on_commit=self._committed)
        self._cipher = AesCipher(read_keys(config.secret_key.value if config.secret_key else None))
        self._told = Told(HookSender(read_networks(config.hook_networks.split(","))), config.hook_endpoints)
        self._hooks = HookWorker(self._store, self._cipher, self._told)
        if self._bus is not None:
            self._bus.on_gap(self._hooks.expect)
        self._creating: Creating = Gathering(partial(create_flow_runs, self._store))
        self._setting: Setting = Gathering(partial(set_gathered, self._store))
        self._relay = Relay(self._store, self._bus, self._metrics) if self._bus is not None else None
        self._app = build_app(build_schema(), self._context, config.identity_secret.value, self.ready, self._metrics)

    def _committed(self, events: Sequence[Event]) -> None:
        if any(event.type == CHANGED and event.data["active"] for event in events):
            self._hooks.expect()
        self._hooks.wake()
        if self._relay is not None:
            self._relay.wake(events)

    @property
    def app(self) -> ASGIApp:
        """Its HTTP side."""
        return self._app

    @property
    def store(self) -> PostgresStore:
        """Where transactions come from."""
        return self._store

    def _context(self, caller: Caller) -> Context:
        secret = self._config.identity_secret.value

        def make_run_token(tenant: UUID, run: UUID, fence: int) -> str:
            return identity.make_run_token(secret, tenant, run, fence)

        return Context(
            caller,
            self._store,
            self._cipher,
            self._told,
            self._creating,
            self._setting,
            make_run_token,
            identity.make_api_key,
            identity.hash_api_key,
        )

    async def start(self) -> None:
        """Begin; the database may be away and is waited for in the background."""
        if self._tasks:
            return
        self._reason = "is connecting to the database"
        self._tasks = [asyncio.create_task(self._prepare_and_work(), name="graphql")]
        if self._own_bus and self._bus is not None:
            await self._bus.start()

    async def stop(self) -> None:
        """End: no new transaction begins; open ones are finished or rolled back."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._prepared, self._reason = False, "has been stopped"
        await self._store.close()
        if self._own_bus and self._bus is not None:
            await self._bus.close()

    async def ready(self) -> dict[str, str]:
        """Why it cannot serve, if it cannot."""
        if not self._prepared:
            return {"database": self._reason}
        try:
            async with asyncio.timeout(1), self._store.transaction() as tx:
                await tx.now()
        except (TowpathError, TimeoutError):
            return {"database": "does not answer"}
        return {}

    async def _prepare_and_work(self) -> None:
        delay = 0.05
        while not self._prepared:
            try:
                await self._prepare()
                self._prepared = True
            except TowpathError as e:
                self._reason = e.message
                _log.warning("database_not_ready", code=str(e.code), cause=e.message)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)
        _log.info("graphql_ready")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_partitions())
            group.create_task(self._re_encrypt())
            group.create_task(self._hooks.run())
            if self._bus is not None:
                group.create_task(self._hear_of_hooks(self._bus))
            group.create_task(self._relay.run() if self._relay is not None else self._drop_events())

    async def _hear_of_hooks(self, bus: Bus) -> None:
        """Another process may make the first hook, or switch it on."""

        async def heard(message: BusMessage) -> None:
            if json.loads(message.payload)["data"]["active"]:
                self._hooks.expect()

        hearing = await bus.subscribe(subjects.pattern(CHANGED), heard)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await hearing.unsubscribe()

    async def _prepare(self) -> None:
        await self._store.open()
        async with self._store.connection(timeout=2) as connection:
            if self._config.migrate and (applied := await migrate(connection)):
                _log.info("schema_migrated", migrations=applied)
        await ensure_default_tenant(self._store)

    async def _drop_events(self) -> None:
        """Without a bus nobody takes the outbox's rows: drop them when a relay would."""
        while True:
            try:
                async with self._store.transaction() as tx:
                    await tx.run("drop_stale_outbox", age=STALE.total_seconds())
            except TowpathError as e:
                _log.warning("outbox_not_emptied", cause=e.message)
            await asyncio.sleep(STALE.total_seconds())

    async def _re_encrypt(self) -> None:
        """After the keys were put into another order: secrets under an older one go under the first."""
        if self._config.secret_key is None:
            return
        try:
            if number := await re_encrypt(self._store, self._cipher):
                _log.info("secrets_re_encrypted", secrets=number, key_id=self._cipher.key_id)
            if number := await re_encrypt_hooks(self._store, self._cipher):
                _log.info("hooks_re_encrypted", hooks=number, key_id=self._cipher.key_id)
        except TowpathError as e:
            _log.error("secrets_not_re_encrypted", code=str(e.code), cause=e.message)

    async def _keep_partitions(self) -> None:
        while True:
            try:
                async with self._store.transaction() as tx:
                    await tx.run("ensure_partitions", weeks=3)
                    row = await tx.one("default_rows")
                if row and row["rows"]:
                    _log.error("rows_in_default_partition", rows=row["rows"])
            except TowpathError as e:
                _log.warning("partitions_not_checked", cause=e.message)
            await asyncio.sleep(PARTITION_CHECK.total_seconds())


def build(config: Config, *, bus: Bus | None = None) -> GraphqlService:
    """The service, not started.

    Args:
        config: Its settings.
        bus: The bus to publish on; a NATS one of its own by default.
    """
    return GraphqlService(config, bus)


@console_script
def main() -> None:
    """Console script `towpath-graphql`; its commands are in `commands`."""
    options = commands.parse(sys.argv[1:])
    if options.command is not None:
        url = Settings(os.environ).secret("TOWPATH_DATABASE_URL", hint="set it to postgresql://user:password@host/database")
        asyncio.run(commands.run(options, url.value))
        return
    config = Config.from_env(os.environ)
    logs.configure("graphql")
    serve(build(config), config.host, config.port)
