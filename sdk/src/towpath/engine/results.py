"""Results: where the value of a finished task is kept, and how it is read back.

A `Result` is both a policy on a task or flow ("write pickles under this folder") and, after `write`, the receipt in a state (value and
location). Serialised, it holds the location, never the value; only `PrefectResult` has its value as JSON in the location itself.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from towpath.engine.serializers import JSONSerializer, PickleSerializer, Serializer, serializer_from_dict, serializer_to_dict
from towpath.errors import FlowError, MissingResultError
from towpath_proto import __version__
from towpath_proto.errors import Code
from towpath_proto.ids import uuid7


class _Unset:
    def __reduce__(self) -> str:
        return "UNSET"  # there is one, in every process


UNSET: Any = _Unset()
"""Says that no value was given; None is a value."""


def literal(location: str) -> str:
    """A location as a template in which nothing is to be filled in."""
    return location.replace("{", "{{").replace("}", "}}")


class Result:
    """A value that lives in memory only. Base class of the results that can be stored.

    Args:
        value: The value, if there is one.
        location: Where it is stored, or (on a policy) a template such as `{task_name}/{date:%Y}.pickle`, or a function of the context.
        serializer: How values become bytes.
    """

    persistent: ClassVar[bool] = False
    """Whether `write` keeps the value somewhere that another process can read."""

    __slots__ = ("_value", "location", "serializer")

    def __init__(self, value: Any = UNSET, location: str | Callable[..., str] | None = None, serializer: Serializer | None = None) -> None:
        self._value = value
        self.location = location
        self.serializer = serializer

    @property
    def value(self) -> Any:
        """The value, or None where it has not been read."""
        return None if self._value is UNSET else self._value

    @property
    def has_value(self) -> bool:
        """Whether the value is here, in memory."""
        return self._value is not UNSET

    def copy(self) -> Self:
        """A copy that may get another value or location."""
        return copy.copy(self)

    def from_value(self, value: Any) -> Self:
        """A copy of this policy holding `value`, not written anywhere."""
        new = self.copy()
        new._value = value
        return new

    def format(self, /, **context: Any) -> str:
        """The location with its template filled in from the context; a dated, unique one if none was given."""
        if callable(self.location):
            return self.location(**context)
        if self.location is None:
            return f"{datetime.now(UTC):%Y/%m/%d}/{uuid7()}.pickle"
        return self.location.format(**context)

    def write(self, value: Any, /, **context: Any) -> Self:
        """Store `value` and give the receipt back: a copy with value and location."""
        return self.from_value(value)

    def read(self, location: str | None = None) -> Self:
        """Read the value at `location` (default: this receipt's own).

        Raises:
            MissingResultError: If there is nothing to read.
        """
        if self.has_value:
            return self
        raise MissingResultError(
            Code.NOT_FOUND,
            "this result was kept in memory only, so another process cannot read it; give the task or flow a result, such as LocalResult",
        )

    def exists(self, location: str, /, **context: Any) -> bool:
        """Whether there is a stored value at `location`, a template that the context fills."""
        return False

    def readable(self) -> bool:
        """Whether the value of this receipt is in memory, or still where its location says."""
        return self.has_value or (isinstance(self.location, str) and self.exists(literal(self.location)))

    def _fields(self) -> dict[str, Any]:
        return {"location": self.location if isinstance(self.location, str) else None}

    def to_dict(self) -> dict[str, Any]:
        """The JSON of Prefect 1, and the serializer, where one was chosen."""
        chosen = serializer_to_dict(self.serializer)
        told = {} if chosen is None else {"serializer": chosen}
        return {**self._fields(), **told, "__version__": __version__, "type": type(self).__name__}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.location!r}>"


class NoResultType(Result):
    """The absence of a result; there is one instance, `NO_RESULT`."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON of Prefect 1."""
        return {"__version__": __version__, "type": "NoResultType"}

    def __reduce__(self) -> str:
        return "NO_RESULT"


NO_RESULT = NoResultType()


class ConstantResult(Result):
    """A value that is part of the flow's own code."""

    __slots__ = ()

    def exists(self, location: str, /, **context: Any) -> bool:
        """A constant is always there."""
        return True


class PrefectResult(Result):
    """A small JSON value that travels in the state itself. Parameters use it, so their values can be seen in every interface."""

    persistent = True
    __slots__ = ()

    def write(self, value: Any, /, **context: Any) -> Self:
        """Keep `value` as JSON in the location."""
        new = self.from_value(value)
        new.location = (self.serializer or JSONSerializer()).serialize(value).decode()
        return new

    def read(self, location: str | None = None) -> Self:
        """Read the value from the JSON in the location."""
        text = location if location is not None else self.location
        if not isinstance(text, str):
            return super().read(location)
        new = self.from_value((self.serializer or JSONSerializer()).deserialize(text.encode()))
        new.location = text
        return new

    def readable(self) -> bool:
        """Whether there is a value: it travels in the location itself."""
        return self.has_value or isinstance(self.location, str)

    def exists(self, location: str, /, **context: Any) -> bool:
        """Whether `location` is JSON."""
        try:
            JSONSerializer().deserialize(location.encode())
        except ValueError:
            return False
        return True


class LocalResult(Result):
    """Files in a folder of this machine.

    Args:
        dir: The folder; default `~/.towpath/results`.
        validate_dir: Whether to refuse a relative folder.
        **options: As for `Result`.
    """

    persistent = True
    __slots__ = ("dir",)

    def __init__(self, dir: str | os.PathLike[str] | None = None, validate_dir: bool = True, **options: Any) -> None:  # noqa: A002 - Prefect 1's
        super().__init__(**options)
        folder = Path(dir).expanduser() if dir is not None else Path(os.environ.get("TOWPATH_HOME", "~/.towpath")).expanduser() / "results"
        if validate_dir and not folder.is_absolute():
            raise FlowError(Code.BAD_SETTING, f"LocalResult needs an absolute folder, since a run may work elsewhere; got {str(dir)!r}")
        self.dir = str(folder)

    def _path(self, location: str) -> Path:
        return Path(self.dir, location)

    def format(self, /, **context: Any) -> str:
        """As `Result.format`; what fills a template must not lead out of the folder that the author has written down.

        Raises:
            FlowError: BAD_SETTING.
        """
        location = super().format(**context)
        # a location may be filled with parameters, which others choose than those who may sign code; and results are pickles
        if not self._holds(os.path.join(self.dir, location)):
            raise FlowError(
                Code.BAD_SETTING,
                f"the location {location!r}, made of {self.location!r}, is outside of {self._folder}; give values without '..' and a "
                "leading '/', or give LocalResult a dir that holds all places that the values may lead to",
            )
        return location

    @property
    def _folder(self) -> str:
        """The folder that the author has written down: `dir`, and what stands in the location before anything is filled in."""
        fixed = self.location.partition("{")[0] if isinstance(self.location, str) else ""
        return os.path.abspath(os.path.join(self.dir, os.path.dirname(fixed)))

    def _holds(self, path: str) -> bool:
        return os.path.commonpath([self._folder, os.path.abspath(path)]) == self._folder

    def write(self, value: Any, /, **context: Any) -> Self:
        """Write the file; it appears whole or not at all."""
        new = self.from_value(value)
        new.location = self.format(**context)
        write_whole(os.path.join(self.dir, new.location), (self.serializer or PickleSerializer()).serialize(value))
        return new

    def read(self, location: str | None = None) -> Self:
        """Read the file at `location`."""
        place = location if location is not None else self.location
        if not isinstance(place, str):
            return super().read(location)
        path = self._path(place)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise MissingResultError(
                Code.NOT_FOUND, f"cannot read the result at {path}: {error.strerror}; it must be on a disk that this process sees"
            ) from error
        new = self.from_value((self.serializer or PickleSerializer()).deserialize(data))
        new.location = place
        return new

    def exists(self, location: str, /, **context: Any) -> bool:
        """Whether the file is there."""
        return self._path(location.format(**context)).exists()

    def _fields(self) -> dict[str, Any]:
        return {"dir": self.dir, **super()._fields()}


def claim(receipt: Result, policy: Result) -> Result:
    """A result that came from outside of this process, ready to be read as the flow's own policy says.

    Whoever may set states could name any file of this machine in one, and results are pickles. So files are read only where the code,
    which is signed, would have written them, and with the serializer that the code names, whatever the state says.

    Raises:
        MissingResultError: It is not in the policy's folder.
    """
    if isinstance(receipt, LocalResult) and isinstance(receipt.location, str):
        path = os.path.join(receipt.dir, receipt.location)
        if not (isinstance(policy, LocalResult) and policy._holds(path)):
            where = f"in {policy._folder}" if isinstance(policy, LocalResult) else f"with {type(policy).__name__}"
            raise MissingResultError(
                Code.NOT_FOUND,
                f"the result at {path} is not read, since this flow stores it {where}; run the task again, or mend its result",
            )
    if policy.serializer is not None and type(policy) is type(receipt):
        receipt.serializer = policy.serializer
    return receipt


def write_whole(path: str, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f".{name}.{uuid7().hex}")
    try:
        file = open(scratch, "xb")  # noqa: SIM115 - closed below; only the opening may be tried twice
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)
        file = open(scratch, "xb")  # noqa: SIM115
    try:
        with file:
            file.write(data)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def _plain(kind: type[Result]) -> Callable[[dict[str, Any]], Result]:
    return lambda data: kind(location=data.get("location"))


_READERS: dict[str, Callable[[dict[str, Any]], Result]] = {
    "NoResultType": lambda data: NO_RESULT,
    "Result": _plain(Result),
    "ConstantResult": _plain(ConstantResult),
    "PrefectResult": _plain(PrefectResult),
    "LocalResult": lambda data: LocalResult(data.get("dir"), validate_dir=False, location=data.get("location")),
}


def result_from_dict(data: dict[str, Any] | None) -> Result:
    """The result that `data` describes; one of an unknown type keeps its location and cannot be read here."""
    if not data:
        return NO_RESULT
    found = _READERS.get(data.get("type", ""), _READERS["Result"])(data)
    if found is not NO_RESULT:
        found.serializer = serializer_from_dict(data.get("serializer"))
    return found
