"""The flow runner's decisions: may a run begin, and what is its final state. Pure, like the task runner's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from towpath.engine.state import Cancelled, Cancelling, Failed, Finished, Mapped, Pending, Running, State, Submitted, Success


def begin(state: State | None) -> State | None:
    """Running, if a flow run in `state` may begin or go on; Cancelled, if it was to be stopped; None if it has ended."""
    if isinstance(state, Cancelling):
        return Cancelled("Flow run was cancelled.")
    if state is None or isinstance(state, Pending | Running | Submitted):
        return Running("Running flow.")
    return None


def final(terminal: Sequence[State | None], reference: Sequence[State | None]) -> State:
    """The state that a flow run ends in, by its terminal and reference tasks (None: not begun).

    A run whose terminal tasks have not all ended is still Running: something waits for a person or for a time far away.
    """
    if not all(isinstance(state, Finished) for state in _leaves(terminal)):
        return Running("Flow run is waiting: some tasks are paused or due later.")
    decisive = list(_leaves(reference))
    if not all(isinstance(state, Finished) for state in decisive):
        return Running("Flow run is waiting: some tasks are paused or due later.")
    if any(isinstance(state, Failed) for state in decisive):
        return Failed("Some reference tasks failed.")
    if all(isinstance(state, Success) for state in decisive):
        return Success("All reference tasks succeeded.")
    return Success("No reference tasks failed.")


def cancelled(reason: str) -> State:
    """The final state of a run that was stopped."""
    return Cancelled(reason)


def _leaves(states: Iterable[State | None]) -> Iterable[State | None]:
    for state in states:
        if isinstance(state, Mapped):
            yield from state.map_states
        else:
            yield state
