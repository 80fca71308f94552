"""Cache validators: may an earlier result stand for the run of a task that is about to begin?

Each is called as `validator(state, inputs, parameters)` with the earlier `Cached` state, the values of the inputs by name, and the run's
parameters. Any such function is a validator; those of this module also say what they look at, so that the engine finds the one fitting
state among thousands by a hash, without asking for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from towpath.engine.hashing import UnhashableError, stable_hash

if TYPE_CHECKING:
    from towpath.engine.state import Cached


class CacheValidator(Protocol):
    """Decides whether an earlier result may be used."""

    def __call__(self, state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
        """Whether `state` may stand for a run with these inputs and parameters."""
        ...


ALL = "*"


@dataclass(frozen=True, slots=True)
class Looks:
    """A validator that compares some inputs and some parameters, and the time.

    Attributes:
        name: Its name in this module.
        inputs: Names of the inputs to compare; `ALL` for all of them.
        parameters: Names of the parameters to compare, likewise.
        ever: Whether it ever accepts anything.
    """

    name: str
    inputs: tuple[str, ...] | str = ()
    parameters: tuple[str, ...] | str = ()
    ever: bool = True

    def __call__(self, state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
        """Whether `state` may be used now; something that cannot be compared is never the same."""
        if not self.ever or expired(state, datetime.now(UTC)):
            return False
        try:
            mine = self.signature(hashes(inputs), parameters)
            return mine == self.signature(state.hashed_inputs or {}, state.cached_parameters or {})
        except UnhashableError:
            return False

    def signature(self, hashed_inputs: Mapping[str, str], parameters: Mapping[str, Any]) -> str:
        """What two runs must have in common, as one hash.

        Raises:
            UnhashableError: If a parameter cannot be compared.
        """
        return stable_hash((_part(self.inputs, hashed_inputs), _part(self.parameters, parameters)))

    @property
    def sees_inputs(self) -> bool:
        """Whether it can tell the children of a mapped task from each other."""
        return bool(self.inputs)

    def describe(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        looked = self.inputs if self.name.endswith("inputs_only") else self.parameters
        kwargs = {"validate_on": list(looked)} if self.name.startswith("partial") else {}
        return {"fn": f"towpath.engine.cache_validators.{self.name}", "kwargs": kwargs}


def _part(wanted: tuple[str, ...] | str, values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(values) if wanted == ALL else {name: values[name] for name in wanted if name in values}


never_use = Looks("never_use", ever=False)
"""Never use an earlier result; results are still kept for others that share the cache key."""

duration_only = Looks("duration_only")
"""Use an earlier result until it expires, whatever the inputs. The default. A child of a map takes the result of the same index."""

all_inputs = Looks("all_inputs", inputs=ALL)
"""Use an earlier result that was made of the same inputs."""

all_parameters = Looks("all_parameters", parameters=ALL)
"""Use an earlier result of a run with the same parameters."""


def partial_inputs_only(validate_on: Iterable[str] | None = None) -> Looks:
    """Use an earlier result if the inputs of these names were the same."""
    return Looks("partial_inputs_only", inputs=_names(validate_on))


def partial_parameters_only(validate_on: Iterable[str] | None = None) -> Looks:
    """Use an earlier result if the parameters of these names were the same."""
    return Looks("partial_parameters_only", parameters=_names(validate_on))


def _names(validate_on: Iterable[str] | None) -> tuple[str, ...]:
    if isinstance(validate_on, str):
        return (validate_on,)
    return tuple(sorted(validate_on or ()))


def expired(state: Cached, now: datetime) -> bool:
    """Whether the result of `state` is too old to be used; without an expiration it never is."""
    return state.cached_result_expiration is not None and state.cached_result_expiration <= now


def hashes(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each input.

    Raises:
        UnhashableError: Naming the input that has none.
    """
    found = {}
    for name, value in inputs.items():
        try:
            found[name] = stable_hash(value)
        except UnhashableError as error:
            raise UnhashableError(f"input {name!r}: {error}") from error
    return found


def describe(validator: Any) -> dict[str, Any] | None:
    """A validator as JSON: its dotted name and what it was made with."""
    if validator is None:
        return None
    if isinstance(validator, Looks):
        return validator.describe()
    return {"fn": f"{validator.__module__}.{getattr(validator, '__qualname__', type(validator).__qualname__)}", "kwargs": {}}
