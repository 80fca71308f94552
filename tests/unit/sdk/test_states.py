"""States as values and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from towpath.engine import signals
from towpath.engine import state as s
from towpath.engine.results import LocalResult, PrefectResult
from towpath.errors import FlowError
from towpath_proto import __version__
from towpath_proto.states import KINDS

WHEN = datetime(2026, 11, 22, 17, 10, 39, 375287, tzinfo=UTC)
NO_RESULT = {"__version__": __version__, "type": "NoResultType"}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_the_protocol_has_its_class(name: str) -> None:
    """The classes are the kinds of proto, with the same hierarchy and colours."""
    kind = KINDS[name]
    cls = getattr(s, name)
    assert cls.__mro__[1].__name__ == (kind.parent or "State")
    assert cls.color == kind.color
    assert cls().is_finished() == kind.final


def test_scheduled_is_prefect_json() -> None:
    """A Scheduled state is written key for key as Prefect 1 writes it."""
    assert s.Scheduled(start_time=WHEN).to_dict() == {
        "context": {},
        "message": None,
        "_result": NO_RESULT,
        "cached_inputs": {},
        "start_time": "2026-11-22T17:10:39.375287+00:00",
        "__version__": __version__,
        "type": "Scheduled",
    }


def test_a_stored_result_is_prefect_json() -> None:
    """A stored result is written as its place, never as its value."""
    state = s.Success("done", LocalResult("/r", location="a.pkl").from_value(5))
    assert state.to_dict()["_result"] == {"dir": "/r", "location": "a.pkl", "__version__": __version__, "type": "LocalResult"}
    assert (state.result, state.message) == (5, "done")


EXAMPLES = [
    s.Pending("m", context={"tags": ["a"]}),
    s.Scheduled(start_time=WHEN),
    s.Paused(),
    s.Resume(start_time=WHEN),
    s.Retrying("r", start_time=WHEN, run_count=3),
    s.Queued(start_time=WHEN, state=s.Running()),
    s.Submitted(state=s.Scheduled(start_time=WHEN)),
    s.ClientFailed(state=s.Success()),
    s.Running(),
    s.Cancelling(),
    s.Looped(loop_count=4),
    s.Cancelled(),
    s.Success("ok", PrefectResult().write({"a": 1})),
    s.Cached(cached_result_expiration=WHEN, hashed_inputs={"a": "b"}, cached_parameters={"p": 1}),
    s.Mapped(n_map_states=7),
    s.Skipped(),
    s.Failed(cached_inputs={"x": PrefectResult().write(1)}),
    s.TimedOut(),
    s.TriggerFailed(),
    s.ValidationFailed(),
]


@pytest.mark.parametrize("state", EXAMPLES, ids=lambda state: state.kind)
def test_json_comes_back_as_it_was(state: s.State) -> None:
    """Every state survives its JSON."""
    assert s.State.from_dict(state.to_dict()).to_dict() == state.to_dict()


def test_defaults_and_unknown_fields() -> None:
    """Missing fields take their default, unknown ones are ignored, times without a zone are UTC, unknown types are refused."""
    state = s.State.from_dict({"type": "Retrying", "start_time": "2026-11-22T17:10:39.375287", "new_field": 1})
    assert isinstance(state, s.Retrying)
    assert (state.start_time, state.run_count, state.message) == (WHEN, 1, None)
    assert s.Scheduled().start_time is not None
    assert s.Paused().start_time is None
    with pytest.raises(FlowError, match="'Nothing' is not a type of state"):
        s.State.from_dict({"type": "Nothing"})


def test_mapped_has_its_childrens_values() -> None:
    """The result of a mapped state is the list of its children's."""
    state = s.Mapped(map_states=[s.Success(result=1), None, s.Success(result=3)])
    assert state.result == [1, None, 3]
    assert state.n_map_states == 3
    assert "_result" not in state.to_dict()


def test_signals_carry_states_and_survive_pickling() -> None:
    """Each signal stands for its state, fails hold themselves as result, and all can cross processes."""
    import pickle

    for signal, kind in [
        (signals.FAIL("x"), s.Failed),
        (signals.TRIGGERFAIL("x"), s.TriggerFailed),
        (signals.VALIDATIONFAIL("x"), s.ValidationFailed),
        (signals.SUCCESS("x", result=4), s.Success),
        (signals.SKIP("x"), s.Skipped),
        (signals.RETRY("x", start_time=WHEN), s.Retrying),
        (signals.PAUSE("x"), s.Paused),
        (signals.LOOP("x", result=5), s.Looped),
        (signals.ENDRUN(s.Cancelled("x")), s.Cancelled),
    ]:
        twin = pickle.loads(pickle.dumps(signal))
        assert type(signal.state) is type(twin.state) is kind
        assert twin.state.message == "x"
    assert isinstance(signals.FAIL("x").state.result, signals.FAIL)
    assert not isinstance(signals.FAIL(), Exception)
