"""Typed reading of `TOWPATH_*` settings, with errors that say what to set.

A service's `Config.from_env` makes one `Settings` and reads each of its settings once; nothing else reads the environment. A secret is
wrapped in `Secret`, so that neither a printed configuration nor an error shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, overload
from urllib.parse import urlsplit

from towpath_proto.errors import Code, TowpathError

_D = TypeVar("_D")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class _Required:
    """Marks a setting that has no default."""


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never shown.

    Attributes:
        value: The secret; read it where it is used, and nowhere else.
    """

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "(secret)"

    def __repr__(self) -> str:
        return "Secret(…)"


class Settings:
    """Reads settings from an environment. An empty variable counts as not set.

    Args:
        env: The environment, `os.environ` in a real process.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    @overload
    def text(self, name: str, default: _Required = ..., *, hint: str = ...) -> str: ...
    @overload
    def text(self, name: str, default: _D, *, hint: str = ...) -> str | _D: ...
    def text(self, name: str, default: _D | _Required = REQUIRED, *, hint: str = "") -> str | _D:
        """A text.

        Args:
            name: The variable.
            default: The value when it is not set; without one the setting is required.
            hint: For the error: what to set it to.
        """
        value = self._env.get(name, "").strip()
        if value:
            return value
        if isinstance(default, _Required):
            raise _bad(name, f"{name} is not set; {hint or 'set it and start again'}.")
        return default

    @overload
    def secret(self, name: str, default: _Required = ..., *, at_least: int = ..., hint: str = ...) -> Secret: ...
    @overload
    def secret(self, name: str, default: _D, *, at_least: int = ..., hint: str = ...) -> Secret | _D: ...
    def secret(self, name: str, default: _D | _Required = REQUIRED, *, at_least: int = 0, hint: str = "") -> Secret | _D:
        """A secret of at least so many characters."""
        value = self.text(name, default, hint=hint)
        if not isinstance(value, str):
            return value
        if len(value) < at_least:
            raise _bad(name, f"{name} is too short to be a secret; give it at least {at_least} random characters.")
        return Secret(value)

    @overload
    def url(self, name: str, default: _Required = ..., *, schemes: Iterable[str] = ..., hint: str = ...) -> str: ...
    @overload
    def url(self, name: str, default: _D, *, schemes: Iterable[str] = ..., hint: str = ...) -> str | _D: ...
    def url(self, name: str, default: _D | _Required = REQUIRED, *, schemes: Iterable[str] = ("http", "https"), hint: str = "") -> str | _D:
        """An address with one of `schemes`; a slash at its end is dropped."""
        value = self.text(name, default, hint=hint)
        if not isinstance(value, str):
            return value
        allowed = tuple(schemes)
        try:
            parts = urlsplit(value)
            _ = parts.port  # a port that is no number fails here
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in allowed:
            # The value is not shown: it may hold a password.
            raise _bad(name, f"{name} is no address beginning with {' or '.join(f'{s}://' for s in allowed)}; {hint or 'correct it'}.")
        return value.rstrip("/")

    @overload
    def integer(self, name: str, default: _Required = ..., *, at_least: int | None = ..., at_most: int | None = ...) -> int: ...
    @overload
    def integer(self, name: str, default: _D, *, at_least: int | None = ..., at_most: int | None = ...) -> int | _D: ...
    def integer(
        self, name: str, default: _D | _Required = REQUIRED, *, at_least: int | None = None, at_most: int | None = None
    ) -> int | _D:
        """A whole number within bounds."""
        value = self.text(name, default)
        if not isinstance(value, str):
            return value
        try:
            number = int(value)
        except ValueError:
            raise _bad(name, f"{name} must be a whole number, not {value!r}.") from None
        _check_bounds(name, number, at_least, at_most)
        return number

    def port(self, name: str, default: int) -> int:
        """A TCP port; 0 means any free one."""
        return self.integer(name, default, at_least=0, at_most=65535)

    @overload
    def seconds(self, name: str, default: _Required = ..., *, at_least: float = ..., at_most: float | None = ...) -> float: ...
    @overload
    def seconds(self, name: str, default: _D, *, at_least: float = ..., at_most: float | None = ...) -> float | _D: ...
    def seconds(self, name: str, default: _D | _Required = REQUIRED, *, at_least: float = 0.0, at_most: float | None = None) -> float | _D:
        """A duration in seconds."""
        value = self.text(name, default)
        if not isinstance(value, str):
            return value
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if number != number or number in (float("inf"), float("-inf")):
            raise _bad(name, f"{name} must be a number of seconds, not {value!r}.")
        _check_bounds(name, number, at_least, at_most)
        return number

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no: 1/0, true/false, yes/no, on/off."""
        value = self.text(name, None)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise _bad(name, f"{name} must be true or false, not {value!r}.")

    def choice(self, name: str, default: str, *, choices: Iterable[str]) -> str:
        """One of some words."""
        value = self.text(name, default)
        allowed = tuple(choices)
        if value not in allowed:
            raise _bad(name, f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
        return value


def _check_bounds(name: str, number: float, at_least: float | None, at_most: float | None) -> None:
    if at_least is not None and number < at_least:
        raise _bad(name, f"{name} must be at least {at_least:g}, not {number:g}.")
    if at_most is not None and number > at_most:
        raise _bad(name, f"{name} must be at most {at_most:g}, not {number:g}.")


def _bad(name: str, sentence: str) -> TowpathError:
    return TowpathError(Code.BAD_SETTING, sentence, setting=name)
