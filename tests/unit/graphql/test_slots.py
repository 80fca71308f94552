"""The account of concurrency limits, driven at random: never over, first come first served, everybody's turn comes."""

from __future__ import annotations

from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from towpath_graphql.domain.slots import FLOW_LABEL, TASK_TAG, Limit, Line, Place, waiting_for

DB, NET = UUID(int=1), UUID(int=2)


class Table:
    """What the database does: limits, and slots in the order of asking; each transaction sees it as it is then."""

    def __init__(self, sizes):
        self.sizes = dict(zip((DB, NET), sizes, strict=True))
        self.rows = {}  # (key, limit) -> acquired, in the order of asking

    def line(self, needs):
        used = {i: [acquired for (_, j), acquired in self.rows.items() if j == i] for i in self.sizes}
        places, seen = {}, dict.fromkeys(self.sizes, 0)
        for (key, i), acquired in self.rows.items():
            places[key, i] = Place(acquired, 0 if acquired else seen[i])
            seen[i] += not acquired
        limits = {i: Limit(i, TASK_TAG, str(i), n, sum(used[i]), len(used[i]) - sum(used[i])) for i, n in self.sizes.items()}
        return Line(limits, needs, places)

    def store(self, line):
        for key in line.left:
            self.free(key)
        for key, held in line.granted.items():
            for i in line.needs[key]:
                self.rows[key, i] = self.rows.get((key, i), False) or held

    def free(self, key):
        for row in [r for r in self.rows if r[0] == key]:
            del self.rows[row]


def key(number):
    return (UUID(int=100 + number), UUID(int=1000 + number))


wants = st.sampled_from([(DB,), (NET,), (DB, NET)])
batches = st.lists(st.lists(st.tuples(st.integers(0, 7), wants, st.booleans()), min_size=1, max_size=5), max_size=30)


@settings(max_examples=300, deadline=None)
@given(sizes=st.tuples(st.integers(0, 3), st.integers(0, 3)), steps=batches)
@example(sizes=(1, 0), steps=[[(1, (DB,), False), (2, (DB,), False)], [(1, (DB,), True), (1, (DB,), True), (0, (DB,), False)]])
def test_no_limit_is_passed_and_nobody_overtakes(sizes, steps):
    """Transactions that ask and leave in any order: slots never exceed a limit, all or none are taken, and who came first goes first."""
    table, needs = Table(sizes), {}
    for step in steps:
        for number, wanted, _ in step:
            needs.setdefault(key(number), wanted)
        line = table.line({key(n): needs[key(n)] for n, _, _ in step})
        gone = set()
        for number, _, leaves in step:
            one = key(number)
            if leaves:
                line.leave(one)
                gone.add(one)
            else:
                gone.discard(one)
                missing = line.ask(one)
                assert missing == line.ask(one), "asking twice says the same"
                assert {m.id for m in missing} <= set(needs[one])
        table.store(line)
        for one in gone:
            table.free(one)
        for i, size in table.sizes.items():
            assert sum(a for (_, j), a in table.rows.items() if j == i) <= size
        for one in {k for k, _ in table.rows}:
            assert len({table.rows[one, i] for i in needs[one]}) == 1, "all of its slots, or none"
    for one, wanted in needs.items():
        if table.rows.get((one, wanted[0])) is False:
            line = table.line({one: wanted})
            rank = {i: [k for k, j in table.rows if j == i].index(one) for i in wanted}
            assert bool(line.ask(one)) == any(rank[i] >= table.sizes[i] for i in wanted)


@settings(max_examples=200, deadline=None)
@given(sizes=st.tuples(st.integers(1, 3), st.integers(1, 3)), asked=st.lists(wants, min_size=1, max_size=8), data=st.data())
def test_everybodys_turn_comes(sizes, asked, data):
    """As long as those who hold slots give them back some time, all who wait get theirs, whatever they need and whoever asks most often."""
    table, left = Table(sizes), dict(zip(map(key, range(8)), asked, strict=False))
    needs = dict(left)
    for _ in range(8 * len(asked) + 1):
        line = table.line(needs)
        for one in data.draw(st.permutations(sorted(left))):
            line.ask(one)
        table.store(line)
        holding = [one for one in left if table.rows[one, left[one][0]]]
        assert holding, "somebody can always go on"
        done = data.draw(st.sampled_from(holding))
        table.free(done)
        del left[done]
        if not left:
            return
    raise AssertionError("somebody starved")


def test_who_runs_already_goes_on():
    """Something that runs is counted whatever the limit says, and takes the place of others."""
    a, b = key(1), key(2)
    line = Line({DB: Limit(DB, TASK_TAG, "db", 1, held=1)}, {a: (DB,), b: (DB,)}, {})
    assert line.ask(a, goes_on=True) == ()
    assert [m.name for m in line.ask(b)] == ["db"]
    assert line.granted == {a: True, b: False}


def test_a_run_without_limits_asks_for_nothing():
    """No limit, no line."""
    line = Line({}, {}, {})
    assert line.ask(key(1)) == ()
    assert line.granted == {}


def test_the_sentence_names_every_limit():
    """A person sees what a run waits for."""
    limits = (Limit(DB, TASK_TAG, "db", 2), Limit(NET, FLOW_LABEL, "big", 1))
    assert waiting_for(limits) == "Waits for a free slot of the limit on tag 'db' (2) and label 'big' (1)."


def test_how_many_must_end_before_ones_turn():
    """The place in the line, counted in slots that must come free; under several limits the longest wait."""
    waiting = [key(n) for n in range(3)]
    limits = {DB: Limit(DB, TASK_TAG, "db", 2, held=2, line=2), NET: Limit(NET, TASK_TAG, "net", 1, held=1)}
    places = {(waiting[0], DB): Place(False, 0), (waiting[1], DB): Place(False, 1)}
    line = Line(limits, {waiting[0]: (DB,), waiting[1]: (DB,), waiting[2]: (DB, NET)}, places)
    for one in waiting:
        assert line.ask(one)
    assert [line.ends_before(one) for one in waiting] == [1, 2, 3]
    shut = Line({DB: Limit(DB, TASK_TAG, "db", 0)}, {waiting[0]: (DB,)}, {})
    assert shut.ask(waiting[0])
    assert shut.ends_before(waiting[0]) > 1_000
