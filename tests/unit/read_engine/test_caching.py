"""The mapping that is bounded in bytes."""

from hypothesis import given
from hypothesis import strategies as st

from towpath_read_engine.caching import Lru


def test_the_oldest_goes_when_there_is_no_room():
    """What was asked for last stays; an entry that weighs more than one may is not kept, and drops what it replaces."""
    cache: Lru[str, int] = Lru(10, room=10, largest=6)
    cache.put("a", 1, 5)
    cache.put("b", 2, 5)
    assert cache.get("a") == 1
    cache.put("c", 3, 5)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), cache.weight) == (1, None, 3, 10)
    cache.put("a", 4, 1)
    assert (cache.get("a"), cache.weight, len(cache)) == (4, 6, 2)
    cache.put("c", 5, 7)
    assert (cache.get("c"), cache.weight, len(cache)) == (None, 1, 1)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 8))))
def test_it_weighs_what_its_entries_weigh(puts):
    """Whatever is put, the sum is right, within the room, and the last entry that fits is there."""
    cache: Lru[int, int] = Lru(4, room=12, largest=7)
    for number, (key, weight) in enumerate(puts):
        cache.put(key, number, weight)
        assert cache.get(key) == (number if weight <= 7 else None)
        assert len(cache) <= 4
        assert cache.weight == sum(kept for _, kept in cache._entries.values()) <= 12
