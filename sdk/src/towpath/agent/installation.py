"""What `towpath agent <kind> install` hands to a kind, which turns it into the text of whatever keeps an agent alive where it lives.

The API key is in no such text: each kind names the place where its key is kept, and a unit, a service or a Secret is read by more people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.agent.settings import AgentSettings
from towpath.client.keys import TrustStore
from towpath.client.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """An agent that is to be installed.

    Attributes:
        settings: What every agent can be told.
        client_settings: How this process reaches the API. Its token is not for printing.
        options: The values of the kind's `command_options` and `install_options`.
        arguments: The arguments of `towpath agent <kind> start` that mean `settings` and `options`, without those that are defaults.
    """

    settings: AgentSettings
    client_settings: Settings
    options: Mapping[str, Any]
    arguments: tuple[str, ...]

    def trusted_keys(self) -> str:
        """The public keys whose flows may run here, as TOWPATH_TRUSTED_KEYS takes them; they are no secret."""
        return TrustStore.load(self.client_settings).as_setting()


def arguments(options: Iterable[Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """The command line that gives these values.

    Args:
        options: `click.Option`s.
        values: The value of each, by its name. What is absent, None or the default is left out.
    """
    line: list[str] = []
    for option in options:
        value, flag = values.get(option.name), option.opts[0]
        if value is None or value == option.default or value == ():
            continue
        if option.is_flag:
            line += [flag] if value else []
        else:
            given: Sequence[Any] = value if option.multiple else (value,)
            for one in given:
                line += [flag, str(one)]
    return tuple(line)
