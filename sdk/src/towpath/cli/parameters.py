"""What a person writes as parameters becomes values, and is checked against what the flow declares, before anything is sent.

A parameter that declares a JSON Schema (`schema`: type, enum, format, description and the usual limits) decides how its text is read: where
it wants a text, `--param zip=08010` stays a text; elsewhere a value is JSON, and what is no JSON is a text. All problems are told at once.
Keywords that are not known here are left to the flow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from towpath_proto.errors import Code, TowpathError

Declared = Mapping[str, Any]
"""One parameter as registered: `{name, required, default, schema?}`."""

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "null": lambda v: v is None,
}
_FORMATS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "date": (date.fromisoformat, "a date like 2026-01-31"),
    "date-time": (datetime.fromisoformat, "a time like 2026-01-31T08:00:00+01:00"),
    "time": (time.fromisoformat, "a time of day like 08:00"),
    "uuid": (UUID, "a UUID"),
}


def read_pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` texts by name.

    Raises:
        click.UsageError: One of them is none.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{text!r} has no value; write it like {option} count=3")
        found[name] = value
    return found


def read_file(path: str) -> dict[str, Any]:
    """Parameters from a JSON or TOML file; `-` is standard input, as JSON.

    Raises:
        click.UsageError: When it cannot be read or holds no table of names and values.
    """
    try:
        if path == "-":
            import sys

            found = json.loads(sys.stdin.read())
        elif path.endswith(".toml"):
            import tomllib

            found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        else:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as e:
        raise click.UsageError(f"The parameter file {path} cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise click.UsageError(f"The parameter file {path} is neither JSON nor, with the ending .toml, TOML: {e}.") from e
    if not isinstance(found, dict):
        raise click.UsageError(f'The parameter file {path} must hold an object of names and values, like {{"count": 3}}.')
    return found


def as_json(name: str, text: str) -> Any:
    """The value that a text means by itself: JSON, else the text.

    Raises:
        click.UsageError: For what begins like JSON and is none.
    """
    try:
        return json.loads(text)
    except ValueError:
        if text[:1] in ('"', "{", "["):
            raise click.UsageError(f"The value of {name} begins like JSON and is none: {text}") from None
        return text


def read_value(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    """The value that a text means for a parameter with this schema."""
    wanted = schema.get("type")
    types = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if "string" in types and not (len(text) > 1 and text[0] == text[-1] == '"'):
        others = [kind for kind in types if kind != "string"]
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return value if any(_TYPES[kind](value) for kind in others if kind in _TYPES) else text
    return as_json(name, text)


def choose(
    flow_name: str,
    declared: Sequence[Declared],
    texts: Mapping[str, str],
    from_file: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The parameters of a run, checked.

    Args:
        flow_name: For the sentences.
        declared: The flow's parameters.
        texts: What was written on the command line; it wins over the file.
        from_file: What stands in the parameter file.
        defaults: Values that the API adds where the run gives none.

    Raises:
        TowpathError: `UNKNOWN_PARAMETER`, `MISSING_PARAMETER` or `BAD_PARAMETERS`, with all problems.
    """
    known = {p["name"]: p for p in declared}
    schemas: dict[str, Mapping[str, Any]] = {name: p.get("schema") or {} for name, p in known.items()}
    values = {**(from_file or {}), **{name: read_value(name, text, schemas.get(name, {})) for name, text in texts.items()}}
    problems: list[tuple[Code, str]] = []
    unknown = [name for name in values if name not in known]
    if unknown:
        problems.append((Code.UNKNOWN_PARAMETER, _unknown(unknown, list(known))))
    missing = [name for name, p in known.items() if p.get("required") and name not in values and name not in (defaults or {})]
    if missing:
        problems.append((Code.MISSING_PARAMETER, f"it needs a value for {', '.join(map(repr, missing))}; give it with --param NAME=VALUE"))
    for name, value in values.items():
        problems += [(Code.BAD_PARAMETERS, f"{place} {what}") for place, what in faults(repr(name), value, schemas.get(name, {}))]
    if problems:
        code = problems[0][0] if len(problems) == 1 else Code.BAD_PARAMETERS
        said = (
            f": {problems[0][1].removesuffix('?')}{'?' if problems[0][1].endswith('?') else '.'}"
            if len(problems) == 1
            else "." + "".join(f"\n  {what}" for _, what in problems)
        )
        raise TowpathError(code, f"The parameters do not fit flow {flow_name!r}{said}")
    return values


def _unknown(unknown: Sequence[str], known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = [match for name in unknown for match in get_close_matches(name, known, n=1)]
    takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
    hint = f"; did you mean {', '.join(dict.fromkeys(near))}?" if near else ""
    return f"it has no parameter {', '.join(map(repr, unknown))}; {takes}{hint}".rstrip("?") + ("?" if hint else "")


def faults(place: str, value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a value: (where, what) for each fault."""
    wanted = schema.get("type")
    types = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if types and not any(_TYPES.get(kind, lambda _: True)(value) for kind in types):
        yield place, f"must be {_a(types)}, not {_short(value)}{_about(schema)}"
        return
    if schema.get("enum") is not None and value not in schema["enum"]:
        yield place, f"must be one of {', '.join(json.dumps(v, ensure_ascii=False) for v in schema['enum'])}, not {_short(value)}"
        return
    if isinstance(value, str):
        yield from _text_faults(place, value, schema)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_faults(place, value, schema)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for i, item in enumerate(value):
            yield from faults(f"{place}[{i}]", item, schema["items"])
    elif isinstance(value, dict) and isinstance(schema.get("properties"), Mapping):
        for key, inner in schema["properties"].items():
            if key in value:
                yield from faults(f"{place}.{key}", value[key], inner)


def _text_faults(place: str, value: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = _FORMATS.get(schema.get("format") or "")
    if known is not None:
        try:
            known[0](value)
        except ValueError:
            yield place, f"must be {known[1]}, not {_short(value)}"
    if schema.get("pattern") and not re.search(schema["pattern"], value):
        yield place, f"must match {schema['pattern']}, which {_short(value)} does not"
    if not (schema.get("minLength") or 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield place, f"must have {_between(schema.get('minLength'), schema.get('maxLength'))} characters, not {len(value)}"


def _number_faults(place: str, value: float, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if (least is not None and value < least) or (most is not None and value > most):
        yield place, f"must be {_between(least, most)}, not {_short(value)}"


def _between(least: Any, most: Any) -> str:
    if least is not None and most is not None:
        return f"{least} to {most}"
    return f"{least} or more" if most is None else f"{most} or less"


def _a(types: Sequence[str]) -> str:
    words = {"string": "a text", "integer": "an integer", "array": "a list", "object": "an object", "null": "null"}
    return " or ".join(words.get(kind, f"a {kind}") for kind in types)


def _about(schema: Mapping[str, Any]) -> str:
    return f" ({schema['description']})" if schema.get("description") else ""


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"
