"""The decision tree: a plan is found for exactly the values that answer its questions alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath_read_engine.variables import KEYS, KIND, LENGTH, PRESENCE, VALUE, DecisionTree, Observations, Slot, ceiling

_values = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"]),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "l"]), inner, max_size=2),
        max_leaves=6,
    ),
)


def _walk(seen: Observations, slot: Slot) -> list:
    """A compiler in small: looks at everything but the numbers, which it would make parameters."""
    if seen.ask(slot, PRESENCE) != "value":
        return ["nothing"]
    match seen.ask(slot, KIND):
        case "object":
            return [(key, _walk(seen, slot.down(key))) for key in seen.ask(slot, KEYS)]
        case "list":
            return [_walk(seen, slot.down(i)) for i in range(seen.ask(slot, LENGTH))]
        case "integer":
            return ["parameter"]
        case _:
            return [seen.ask(slot, VALUE)]


def _compile(values: dict, tree: DecisionTree) -> list:
    seen = Observations(values)
    plan = [_walk(seen, Slot(key)) for key in ("a", "b")]
    tree.store(seen.trail, plan, 1)
    return plan


@given(st.lists(_values, max_size=12))
def test_a_found_plan_is_the_one_that_would_be_compiled(requests):
    """Whatever came before, the tree gives nothing or precisely what compiling now would give."""
    tree: DecisionTree[list] = DecisionTree(limit=100, room=1000)
    for values in requests:
        found = tree.find(values)
        fresh = _compile(values, DecisionTree(limit=1, room=1000))
        assert found is None or found == fresh
        _compile(values, tree)
        assert tree.find(values) == fresh


def test_parameters_do_not_split_plans():
    """Values that nobody asked about share the plan."""
    tree: DecisionTree[list] = DecisionTree(limit=10, room=1000)
    _compile({"a": {"k": 1}}, tree)
    assert tree.find({"a": {"k": 2}}) is not None
    assert tree.find({"a": {"k": None}}) is None
    assert tree.find({"a": {"l": 1}}) is None


def test_a_full_tree_starts_anew():
    """The number of plans of one document is bounded."""
    tree: DecisionTree[list] = DecisionTree(limit=3, room=1000)
    for size in range(10):
        _compile({"a": [0] * size}, tree)
        assert tree.size <= 3


@given(st.integers(0, 65_536))
def test_a_ceiling_is_not_below_and_not_far_above(number):
    """A number of rows has a ceiling that it does not exceed and that is at most four times as large; the ceiling is its own."""
    found = ceiling(number)
    assert number <= found <= 4 * number
    assert ceiling(found) == found


@pytest.mark.parametrize("value", [None, True, -1, 65_537, 10**30, 1.5, "5", [5]])
def test_what_is_no_moderate_number_of_rows_has_no_ceiling(value):
    """Those are left to the parameter's own check, or have no use for a constant."""
    assert ceiling(value) is None


def test_a_tree_keeps_to_its_room():
    """A plan for which there is no room lets the tree start anew; one that is larger than all the room is not kept."""
    tree: DecisionTree[str] = DecisionTree(limit=100, room=10)

    def store(value: int, weight: int) -> dict:
        values = {"a": value}
        seen = Observations(values)
        seen.ask(Slot("a"), VALUE)
        tree.store(seen.trail, f"plan {value}", weight)
        return values

    first, second = store(1, 5), store(2, 5)
    assert (tree.find(first), tree.find(second), tree.weight) == ("plan 1", "plan 2", 10)
    third = store(3, 4)
    assert (tree.find(first), tree.find(third), tree.weight) == (None, "plan 3", 4)
    assert (tree.find(store(4, 11)), tree.find(third), tree.weight) == (None, "plan 3", 4)
