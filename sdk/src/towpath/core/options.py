"""The options of a task, said once for `Task`, `FunctionTask` and `@task`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from towpath.backoff import RetryDelay
from towpath.engine.triggers import Trigger

if TYPE_CHECKING:
    from towpath.engine.cache_validators import CacheValidator
    from towpath.engine.results import Result
    from towpath.engine.state import State

StateHandler = Callable[[Any, "State", "State"], "State | None"]


class TaskOptions(TypedDict, total=False):
    """What `Task` takes besides its name; the meaning of each is documented there."""

    slug: str | None
    tags: Iterable[str] | None
    max_retries: int
    retry_delay: RetryDelay | None
    retry_on: type[BaseException] | Iterable[type[BaseException]] | None
    timeout: timedelta | float | None
    trigger: Trigger | None
    skip_on_upstream_skip: bool
    cache_for: timedelta | float | None
    cache_validator: CacheValidator | None
    cache_key: str | None
    checkpoint: bool | None
    state_handlers: Iterable[StateHandler] | None
    on_failure: Callable[[Any, State], None] | None
    log_stdout: bool
    result: Result | None
    target: str | Callable[..., str] | None
    task_run_name: str | Callable[..., str] | None
    nout: int | None
