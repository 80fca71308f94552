"""Parameters: the inputs of a flow, given anew for each run."""

from __future__ import annotations

import types
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

from towpath._context import context
from towpath.core.task import Task
from towpath.engine.results import PrefectResult
from towpath.errors import FlowError
from towpath_proto.errors import Code
from towpath_proto.parameter_schemas import NAMES, Schema, derived, misfit

_NONE_GIVEN: Any = object()

_PYTHON_TYPES: dict[Any, str] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    list: "array",
    tuple: "array",
    dict: "object",
}


class Parameter(Task):
    """An input of a flow; its value is a task result like any other.

    Args:
        name: Its name, unique in a flow.
        default: The value where a run gives none. Without it, the parameter is required.
        required: Whether a run must give a value; default: when there is no default.
        tags: As for `Task`.
        type: What values it takes: `int`, `float`, `str`, `bool`, `list`, `list[int]`, `dict` (or the JSON Schema name, such as "integer").
            A run with any other value is refused. Default: any value; the default's type only guides forms.
        description: What it is for, shown in forms.
        choices: The only values it takes.

    Raises:
        FlowError: If the type is not known, or the default does not fit.
    """

    recompute_on_resume = True

    def __init__(
        self,
        name: str,
        default: Any = _NONE_GIVEN,
        required: bool | None = None,
        tags: Iterable[str] | None = None,
        *,
        type: Any = None,  # noqa: A002 - the author's word
        description: str | None = None,
        choices: Iterable[Any] | None = None,
    ) -> None:
        self.required = default is _NONE_GIVEN if required is None else required
        self.default = None if default is _NONE_GIVEN else default
        self.enforced = type is not None or choices is not None
        self.schema: Schema | None = self._schema(name, type, description, choices)
        if self.enforced and self.default is not None and (reason := misfit(self.schema or {}, self.default)):
            raise FlowError(Code.BAD_PARAMETERS, f"the default of parameter {name!r} {reason}")
        super().__init__(name, slug=name, tags=tags, result=PrefectResult())

    def _schema(self, name: str, kind: Any, description: str | None, choices: Iterable[Any] | None) -> Schema | None:
        schema = (derived(self.default) or {}) if kind is None else schema_of(kind, name)
        if choices is not None:
            schema["enum"] = list(choices)
            if not schema["enum"]:
                raise FlowError(Code.BAD_PARAMETERS, f"parameter {name!r} has no choices; give at least one")
            if kind is None:
                found = {str(derived(choice)) for choice in schema["enum"]}
                schema |= (derived(schema["enum"][0]) or {}) if len(found) == 1 else {}
        if description is not None:
            schema["description"] = description
        return schema or None

    def run(self) -> Any:
        """The value of this run."""
        given: dict[str, Any] = context.get("parameters") or {}
        return given.get(self.name, self.default)

    def __repr__(self) -> str:
        return f"<Parameter: {self.name}>"


class DateTimeParameter(Parameter):
    """A parameter whose value is a date and time: given as ISO 8601 text, taken by tasks as an aware datetime (UTC where it names no zone).

    Args:
        name: Its name, unique in a flow.
        required: Whether a run must give a value; without one, tasks get None. Default: when there is no default.
        tags: As for `Task`.
        default: A datetime, or its text.
        description: What it is for, shown in forms.
    """

    def __init__(
        self,
        name: str,
        required: bool | None = None,
        tags: Iterable[str] | None = None,
        *,
        default: datetime | str | None = None,
        description: str | None = None,
    ) -> None:
        text = default.isoformat() if isinstance(default, datetime) else default
        needed = text is None if required is None else required
        super().__init__(name, text, needed, tags, type="date-time", description=description)

    def run(self) -> datetime | None:
        """The moment."""
        value = super().run()
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def schema_of(kind: Any, name: str) -> Schema:
    """The schema of an author's type.

    Raises:
        FlowError: If it is none that forms and the API know.
    """
    if kind == "date-time":
        return {"type": "string", "format": "date-time"}
    origin = get_origin(kind) or kind
    if isinstance(origin, type | str) and (found := _PYTHON_TYPES.get(origin, origin)) in NAMES:
        inner = get_args(kind)
        plain = not isinstance(kind, types.UnionType) and found == "array" and len(inner) == 1 and inner[0] is not Any
        return {"type": found, "items": schema_of(inner[0], name)} if plain else {"type": found}
    hint = "; use DateTimeParameter" if kind is datetime else ""
    known = ", ".join(["int", "float", "str", "bool", "list", "dict", "list[int]"])
    raise FlowError(Code.BAD_PARAMETERS, f"parameter {name!r}: {kind!r} is no type of a parameter; known are {known}{hint}")
