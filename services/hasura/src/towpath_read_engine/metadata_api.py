"""`POST /v1/metadata`: Hasura's metadata API, as far as a read engine has use for it.

`reload_metadata` is always served. What replaces or shows the metadata is off unless the deployment wants it, and without an
admin secret it takes only what a web page cannot send from a browser: JSON by its content type, to a loopback address.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from towpath_read_engine.errors import DialectCode, MetadataError, ReadError
from towpath_read_engine.metadata import NOTHING, Metadata, parse
from towpath_read_engine.model import Inconsistency

MAX_BULK = 100
_Command = Callable[[Any, Any], Awaitable[Any]]
"""From `args` and `version` to the answer."""


class MetadataKeeper(Protocol):
    """Who keeps the metadata: the service."""

    @property
    def metadata(self) -> Metadata:
        """What is served."""
        ...

    @property
    def inconsistencies(self) -> Sequence[Inconsistency]:
        """What of it could not be served."""
        ...

    async def reload(self) -> None:
        """Read metadata and tables again."""
        ...

    async def replace(self, metadata: Metadata, *, allow_inconsistent: bool) -> None:
        """Serve other metadata, unless something in it is inconsistent and that is not allowed."""
        ...


class InconsistentMetadataError(ReadError):
    """Metadata was not taken, because parts of it cannot be served.

    Attributes:
        objects: those parts.
    """

    def __init__(self, objects: Sequence[Inconsistency]) -> None:
        reasons = "; ".join(item.reason for item in objects)
        super().__init__(DialectCode.UNEXPECTED, f"cannot continue due to inconsistent metadata: {reasons}", "$.args")
        self.objects = objects


class MetadataApi:
    """Answers the commands; who may send them is the caller's business."""

    def __init__(self, keeper: MetadataKeeper, *, enabled: bool) -> None:
        self._keeper = keeper
        self._commands: dict[str, _Command] = {"reload_metadata": self._reload}
        if enabled:
            self._commands |= {
                "replace_metadata": self._replace,
                "export_metadata": self._export,
                "clear_metadata": self._clear,
                "get_inconsistent_metadata": self._inconsistent,
            }
        self._enabled = enabled

    async def answer(self, payload: Any) -> Any:
        """The JSON of the answer to a command, or to `bulk`, a list of them.

        Raises:
            ReadError: a command was refused; those before it in a list have been done.
        """
        if not isinstance(payload, Mapping) or payload.get("type") != "bulk":
            return await self._one(payload)
        items = payload.get("args")
        if not isinstance(items, list) or len(items) > MAX_BULK:
            raise ReadError(DialectCode.PARSE_FAILED, f"'args' of bulk is a list of at most {MAX_BULK} commands", "$.args")
        return [await self._one(item) for item in items]

    async def _one(self, payload: Any) -> Any:
        if not isinstance(payload, Mapping) or not isinstance(payload.get("type"), str):
            raise ReadError(DialectCode.PARSE_FAILED, "a command is an object with 'type' and 'args'")
        command = self._commands.get(payload["type"])
        if command is None:
            known = ", ".join(sorted(self._commands))
            hint = "" if self._enabled else "; start with --metadata-api to allow more"
            raise ReadError(
                DialectCode.NOT_SUPPORTED, f"the type '{payload['type'][:100]}' is not served here, only {known}{hint}", "$.type"
            )
        return await command(payload.get("args"), payload.get("version", 1))

    async def _reload(self, args: Any, version: Any) -> Any:
        await self._keeper.reload()
        return {"message": "success", "is_consistent": not self._keeper.inconsistencies}

    async def _replace(self, args: Any, version: Any) -> Any:
        """Either the metadata itself, or `{metadata, allow_inconsistent_metadata}`; the second form has the longer answer."""
        if not isinstance(args, Mapping):
            raise ReadError(DialectCode.PARSE_FAILED, "'args' is the metadata, or {metadata, allow_inconsistent_metadata}", "$.args")
        wrapped = "metadata" in args
        try:
            metadata = parse(args["metadata"] if wrapped else args)
        except MetadataError as error:
            raise ReadError(DialectCode.PARSE_FAILED, str(error), "$.args") from error
        await self._keeper.replace(metadata, allow_inconsistent=wrapped and args.get("allow_inconsistent_metadata") is True)
        return self._consistency() if wrapped or version == 2 else {"message": "success"}

    async def _export(self, args: Any, version: Any) -> Any:
        document = self._keeper.metadata.document
        return {"resource_version": 1, "metadata": document} if version == 2 else document

    async def _clear(self, args: Any, version: Any) -> Any:
        await self._keeper.replace(NOTHING, allow_inconsistent=False)
        return {"message": "success"}

    async def _inconsistent(self, args: Any, version: Any) -> Any:
        return self._consistency()

    def _consistency(self) -> dict[str, Any]:
        objects = [item.as_json() for item in self._keeper.inconsistencies]
        return {"is_consistent": not objects, "inconsistent_objects": objects}
