"""A request in, the bytes of the answer's `data` out.

The hot path: the document's text is looked up (or lexed once, literals lifted out), the operation is looked up by
(normalised text, operation name, role), the plan by what it asked of the variables, the parameters are written as text,
PostgreSQL runs one prepared statement, and its bytes are handed on. Parsing, resolving and emitting happen on a miss only.

Subscriptions are answered for those who keep them: a stream one turn at a time (`streams.py`), a live query as a query that may use the
fields of the subscription root. Where a turn begins and how many rows it may give are values like variables, so that all turns of a
stream but the first share a plan.

A `Schema` is everything that depends on the metadata and the catalogue, caches included; `install` puts a new one in place
at once, and requests under way finish on the old one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath_read_engine import catalog, document, enums, plan
from towpath_read_engine.caching import Lru, plan_weight, text_weight, tree_weight
from towpath_read_engine.database import Database
from towpath_read_engine.emitting import emit, emit_stream
from towpath_read_engine.errors import DialectCode, ReadError, invalid
from towpath_read_engine.grants import RoleGrants, compile_grants
from towpath_read_engine.inputs import Definitions, Input
from towpath_read_engine.introspection import Introspection
from towpath_read_engine.lexing import LexedDocument, lex
from towpath_read_engine.metadata import Metadata
from towpath_read_engine.model import Inconsistency, Model, build
from towpath_read_engine.parsing import choose, parse
from towpath_read_engine.resolving import INTROSPECTION_FIELDS, Limits, Resolver
from towpath_read_engine.roles import ADMIN, OperationKind, RoleSchema
from towpath_read_engine.scalars import BIGINT, encode_limit
from towpath_read_engine.selection import check_spreads, variables_in
from towpath_read_engine.variables import DecisionTree, Key, Observations, Slot, Values

ROLE = "x-hasura-role"
"""The session variable that every caller has."""
_NOBODY = ""
"""The role of everybody whose role no table knows; there is one schema for all of them. No metadata can name it."""
_OperationKey = tuple[str, str | None, str, OperationKind]
"""Normalised text, name of the operation, role, whose root fields."""
_SUBSCRIPTION_HINT = "subscriptions are not supported over HTTP, use websockets instead"
_TURN_HINT = "only a subscription has turns; send this without extensions.stream"
_STRANGER_HINT = "extensions.stream is taken with the admin secret only, for a place holds keys that a role may not see; send it without"
_PLACE, _ROWS = "$after", "$rows"
"""Names of a turn's own values; no variable can be called so."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine answers.

    Attributes:
        null_collapse: a null operand means no condition (Hasura's V1_BOOLEAN_NULL_COLLAPSE).
        stringify_numeric: bigint, numeric, float8 and money leave as strings.
        infer_function_permissions: who may read a table may call the functions that return its rows.
        documents: how many operations are kept compiled.
        cache_bytes: how much memory documents and plans may take, estimated; what takes more than a sixteenth is not kept.
        plans_per_document: how many plans one operation may have, for variables of different shape.
    """

    null_collapse: bool = False
    stringify_numeric: bool = False
    infer_function_permissions: bool = True
    limits: Limits = field(default_factory=Limits)
    documents: int = 1000
    cache_bytes: int = 64 * 1024 * 1024
    plans_per_document: int = 64


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks.

    Attributes:
        role: the role.
        variables: the session variables by lower-case name.
        is_trusted: whether the caller may know what the role may not see, as whoever keeps streams must; a stranger may not.
    """

    role: str = ADMIN
    variables: Mapping[str, str] = field(default_factory=dict)
    is_trusted: bool = True


MOST_ROWS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a stream.

    Attributes:
        after: the place where the turn before has ended; None for the first.
        rows: rows at most, beside the stream's own `batch_size`.
    """

    after: list[Any] | None = None
    rows: int = MOST_ROWS


@dataclass(frozen=True, slots=True)
class Request:
    """One GraphQL request; with a `turn` it is a subscription to a stream, and without one it is none.

    Attributes:
        live: whether it is a live query being asked: a query that may use what the role may subscribe to.
    """

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    turn: Turn | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """A statement and where its parameters come from.

    Attributes:
        statement: empty when there is nothing to ask the database.
        introspects: whether there is something to ask the schema.
    """

    statement: str
    parameters: tuple[plan.Value, ...]
    introspects: bool = False


@dataclass(slots=True)
class _Operation:
    fragments: dict[str, document.Fragment]
    operation: document.Operation
    definitions: dict[str, document.VariableDefinition]
    used: frozenset[str]
    plans: DecisionTree[CompiledPlan]
    weight: int


class Schema:
    """The model, what each role sees of it, and everything that was compiled against it."""

    def __init__(self, model: Model, metadata: Metadata, settings: EngineSettings) -> None:
        """Compile every role's permissions; those that make no sense give nothing and are among the inconsistencies."""
        grants = compile_grants(model, metadata.inherited_roles)
        self.metadata = metadata
        self.inconsistencies: tuple[Inconsistency, ...] = (*model.inconsistencies, *grants.inconsistencies)
        self._settings = settings
        infer = settings.infer_function_permissions
        self._roles = {
            role: RoleSchema(model, role, grants.by_role.get(role, RoleGrants()), infer_functions=infer)
            for role in (*grants.by_role, ADMIN)
        }
        self._nobody = RoleSchema(model, _NOBODY, RoleGrants(), infer_functions=infer)
        half = settings.cache_bytes // 2
        self._largest = half // 8
        self._texts: Lru[str, LexedDocument] = Lru(settings.documents, room=half, largest=self._largest)
        self._operations: Lru[_OperationKey, _Operation] = Lru(settings.documents, room=half, largest=self._largest)
        self._introspections: dict[str, Introspection] = {}
        self.compiled = 0

    @property
    def cache_weight(self) -> int:
        """Bytes that cached documents and plans take, estimated."""
        return self._texts.weight + self._operations.weight

    def role(self, name: str) -> RoleSchema:
        """What a role sees; unknown roles see nothing."""
        return self._roles.get(name) or self._nobody

    def introspection(self, role: RoleSchema) -> Introspection:
        """The GraphQL schema of a role, built when first asked for."""
        found = self._introspections.get(role.role)
        if found is None:
            found = self._introspections[role.role] = Introspection(role)
        return found

    def compiled_plan(self, request: Request, role: RoleSchema) -> tuple[CompiledPlan, Values]:
        """The plan for a request, from the cache or made now, and the values its parameters read."""
        lexed = self._lexed(request.query)
        kind: OperationKind = "subscription" if request.live else "query"
        key = (lexed.normalised, request.operation_name, role.role, kind)
        try:
            operation = self._operation(key, lexed)
            if (operation.operation.kind == "subscription") is (request.turn is None):
                raise ReadError(DialectCode.UNEXPECTED_PAYLOAD, _SUBSCRIPTION_HINT if request.turn is None else _TURN_HINT)
            values = _values(operation, request, lexed)
            found = operation.plans.find(values)
            if found is None:
                found = self._compile(operation, role, kind, values)
                self._operations.put(key, operation, operation.weight + operation.plans.weight)
            return found, values
        except RecursionError:
            raise _too_deep() from None

    def _lexed(self, text: str) -> LexedDocument:
        lexed = self._texts.get(text)
        if lexed is None:
            lexed = lex(text)
            self._texts.put(text, lexed, text_weight(text, lexed))
        return lexed

    def _operation(self, key: _OperationKey, lexed: LexedDocument) -> _Operation:
        operation = self._operations.get(key)
        if operation is None:
            tree = parse(lexed)
            chosen = choose(tree, key[1])
            if chosen.kind == "mutation":
                raise invalid("no mutations exist")
            check_spreads(chosen, tree.fragments)
            weight = tree_weight(lexed)
            definitions, used = {item.name: item for item in chosen.variables}, variables_in(chosen, tree.fragments)
            for name in sorted(used - definitions.keys()):
                raise invalid(f'unbound variable "{name}"')
            operation = _Operation(
                fragments=tree.fragments,
                operation=chosen,
                definitions=definitions,
                used=used,
                plans=DecisionTree(limit=self._settings.plans_per_document, room=self._largest - weight),
                weight=weight,
            )
        return operation

    def _compile(self, operation: _Operation, role: RoleSchema, kind: OperationKind, values: Values) -> CompiledPlan:
        seen = Observations(values)
        definitions = Definitions(operation.definitions, seen)
        resolver = Resolver(
            role,
            operation.fragments,
            definitions,
            null_collapse=self._settings.null_collapse,
            limits=self._settings.limits,
        )
        fields = resolver.roots(operation.operation)
        is_stream = operation.operation.kind == "subscription"
        introspects = not is_stream and any(item.name in INTROSPECTION_FIELDS for item in fields)
        if introspects:
            fields = [item for item in fields if item.name not in INTROSPECTION_FIELDS and item.name != "__typename"]
        if is_stream:
            place = Input(Slot(_PLACE), definitions, "$.extensions.stream.after")
            cap = plan.Value(Slot(_ROWS), encode_limit, BIGINT, "$.extensions.stream.rows")
            statement = emit_stream(resolver.resolve_stream(fields, place, cap), stringify_numeric=self._settings.stringify_numeric)
            compiled = CompiledPlan(statement.text, statement.bindings)
        elif fields or not introspects:
            statement = emit(resolver.resolve(fields, kind), stringify_numeric=self._settings.stringify_numeric)
            compiled = CompiledPlan(statement.text, statement.bindings, introspects)
        else:
            compiled = CompiledPlan("", (), introspects)
        self.compiled += 1
        weight = plan_weight(compiled.statement, len(compiled.parameters), len(seen.trail))
        operation.plans.store(seen.trail, compiled, weight)
        return compiled


class Engine:
    """Answers requests against one database."""

    def __init__(self, database: Database, settings: EngineSettings | None = None) -> None:
        self._database = database
        self._settings = settings or EngineSettings()
        self._schema: Schema | None = None

    @property
    def schema(self) -> Schema | None:
        """What is being served; None until the first `load`."""
        return self._schema

    async def read(self, metadata: Metadata) -> Schema:
        """Read the catalogue and join it with the metadata; what is served stays as it is until `install`.

        Raises:
            ReadError: the database cannot be read.
        """
        found = catalog.read(await self._database.fetch(catalog.query()))
        found, noticed = await enums.applied(metadata, found, self._database.fetch)
        return Schema(build(metadata, found, noticed), metadata, self._settings)

    def install(self, schema: Schema) -> None:
        """Serve a schema from now on; requests under way finish on the old one."""
        self._schema = schema

    async def load(self, metadata: Metadata) -> Schema:
        """Read and serve; call again after the tables have changed.

        Raises:
            ReadError: the database cannot be read; what was served before goes on.
        """
        schema = await self.read(metadata)
        self.install(schema)
        return schema

    def compile(self, request: Request, session: Session) -> CompiledPlan:
        """The plan for a request, without running it."""
        schema = self._loaded()
        return schema.compiled_plan(request, schema.role(session.role))[0]

    async def execute(self, request: Request, session: Session) -> bytes:
        """The JSON of the answer's `data`.

        Raises:
            ReadError: the request was refused or failed.
        """
        return (await self.answer(request, session))[0]

    async def answer(self, request: Request, session: Session) -> tuple[bytes, ...]:
        """As `execute`; of a stream's turn also `{"after": [...] or null, "rows": 100, "more": true}`: the place after the last row, how
        many rows there are, and whether there may be more.

        Raises:
            ReadError: the request was refused or failed.
        """
        schema = self._loaded()
        compiled, parameters = self._bound(schema, request, session)
        found = await self._database.fetch_all(compiled.statement, parameters) if compiled.statement else None
        if not compiled.introspects:
            return found if found is not None else (b"{}",)
        introspection = schema.introspection(schema.role(session.role))
        asked = (request.query, request.variables, request.operation_name)
        return (introspection.answer(*asked) if found is None else introspection.answer_with_rows(*asked, found[0]),)

    def bind(self, request: Request, session: Session) -> tuple[str, list[str]]:
        """The statement of a request and its parameters as they go to PostgreSQL, without running it; empty for introspection.

        Raises:
            ReadError: the request was refused.
        """
        compiled, parameters = self._bound(self._loaded(), request, session)
        return compiled.statement, parameters

    def _bound(self, schema: Schema, request: Request, session: Session) -> tuple[CompiledPlan, list[str]]:
        if request.turn is not None and not session.is_trusted:
            raise ReadError(DialectCode.ACCESS_DENIED, _STRANGER_HINT, "$.extensions.stream")
        compiled, values = schema.compiled_plan(request, schema.role(session.role))
        try:
            return compiled, [_written(value, values, session) for value in compiled.parameters]
        except RecursionError:
            raise _too_deep() from None

    def _loaded(self) -> Schema:
        if self._schema is None:
            raise ReadError(DialectCode.POSTGRES_ERROR, "the schema has not been read from the database yet; try again")
        return self._schema


def _too_deep() -> ReadError:
    return invalid("the request nests too deep; ask for less at once")


def _values(operation: _Operation, request: Request, lexed: LexedDocument) -> Values:
    """Variables and lifted literals in one mapping, after the checks that need no schema."""
    unexpected = request.variables.keys() - operation.used
    if unexpected:
        raise invalid(f"unexpected variables in variableValues: {', '.join(sorted(unexpected))}")
    for definition in operation.operation.variables:
        if definition.type.required and definition.name in operation.used:
            if definition.name not in request.variables and definition.default is None:
                raise invalid(f'expecting a value for non-nullable variable: "{definition.name}"')
            if definition.name in request.variables and request.variables[definition.name] is None:
                raise invalid(f'null value found for non-nullable type: "{definition.type}"')
    values: dict[Key, Any] = dict(enumerate(lexed.literals))
    values.update(request.variables)
    if request.turn is not None:
        values[_PLACE], values[_ROWS] = request.turn.after, request.turn.rows
    return values


def _written(value: plan.Value, values: Values, session: Session) -> str:
    """A parameter as text for PostgreSQL."""
    match value.source:
        case plan.SessionVariable() as variable:
            raw: Any = _session_variable(variable, session)
        case plan.SessionVariables():
            raw = {**session.variables, ROLE: session.role}
        case plan.SessionList(items=items):
            raw = [_session_variable(item, session) if isinstance(item, plan.SessionVariable) else item.value for item in items]
        case source:
            raw = source.read(values)
    text = value.encoder(raw, value.type, value.path)
    if "\x00" in text:
        raise ReadError(DialectCode.DATA_EXCEPTION, "text cannot hold the character U+0000", value.path)
    return text


def _session_variable(variable: plan.SessionVariable, session: Session) -> str:
    value = session.role if variable.name == ROLE else session.variables.get(variable.name)
    if value is None:
        raise ReadError(DialectCode.NOT_FOUND, f'missing session variable: "{variable.name}"')
    return value
