"""The graph that a flow makes of its tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from towpath import Flow, Parameter, Task, flatten, mapped, tags, task, unmapped
from towpath.core.edges import Edge
from towpath.errors import Code, FlowError


@task
def one() -> int:
    return 1


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task
def total(xs: list[int]) -> int:
    return sum(xs)


def keys(flow: Flow, task_: Task) -> dict[str | None, tuple[str, bool, bool]]:
    """The edges into a task by key: upstream slug, mapped, flattened."""
    return {e.key: (flow.slugs[e.upstream_task], e.mapped, e.flattened) for e in flow.edges_to(task_)}


def test_calls_make_copies_with_numbered_slugs() -> None:
    """Calling a task twice makes two tasks, `name-1` and `name-2`, and leaves the original alone."""
    with Flow("f") as flow:
        a, b = one(), one()
    assert a is not b
    assert flow.slugs == {a: "one-1", b: "one-2"}
    assert one not in flow.slugs


def test_tags_are_part_of_a_slug() -> None:
    """A tagged task is called `name-tag-N`, with tags from `with tags` too."""
    with Flow("f") as flow, tags("db"):
        a = one(task_args={"tags": {"a"}})
        b = one()
    assert flow.slugs == {a: "one-a-db-1", b: "one-db-1"}


def test_constants_stay_out_of_the_graph() -> None:
    """Constant arguments are kept beside the graph, collections of constants too."""
    with Flow("f") as flow:
        a = add(1, y=2)
        b = total([1, 2, 3])
    assert flow.tasks == {a, b}
    assert flow.constants == {a: {"x": 1, "y": 2}, b: {"xs": [1, 2, 3]}}


def test_keyed_and_plain_edges() -> None:
    """A task as an argument makes an edge with its key; upstream_tasks make edges without."""
    with Flow("f") as flow:
        a, b = one(), one()
        c = add(a, upstream_tasks=[b])
    assert keys(flow, c) == {"x": ("one-1", False, False), None: ("one-2", False, False)}
    assert flow.constants.get(c) is None
    assert flow.root_tasks() == {a, b}
    assert flow.terminal_tasks() == flow.reference_tasks() == {c}
    assert flow.upstream_tasks(c) == {a, b}
    assert flow.downstream_tasks(a) == {c}


def test_collections_with_tasks_become_tasks() -> None:
    """A list, tuple, set or dict with a task inside is a task of its own; nested ones too."""
    with Flow("f") as flow:
        a = one()
        b = total([a, 5, {"k": (a, 6)}])
    assert sorted(flow.slugs.values()) == ["Dict-1", "List-1", "Tuple-1", "one-1", "total-1"]
    made = flow.get_tasks(slug="List-1")[0]
    assert keys(flow, made) == {"arg_1": ("one-1", False, False), "arg_3": ("Dict-1", False, False)}
    assert flow.constants[made] == {"arg_2": 5}
    assert flow.run().result[b].is_failed()  # a sum of a dict and ints: but the collection itself arrives
    with Flow("g") as flow:
        made = total([one(), 5, one()])
    assert flow.run().result[made].result == 7


def test_annotations_say_how_an_input_is_passed() -> None:
    """map, unmapped, mapped and flatten, also nested, mark the edges."""
    with Flow("f") as flow:
        a, b = one(), one()
        c = add.map(a, y=unmapped(b))
        d = add(mapped(a), b)
        e = add.map(flatten(a), unmapped(flatten(b)))
    assert keys(flow, c) == {"x": ("one-1", True, False), "y": ("one-2", False, False)}
    assert keys(flow, d) == {"x": ("one-1", True, False), "y": ("one-2", False, False)}
    assert keys(flow, e) == {"x": ("one-1", True, True), "y": ("one-2", False, True)}


def test_a_mapped_constant_is_a_task() -> None:
    """A literal that is mapped over stands in the graph; an unmapped one does not."""
    with Flow("f") as flow:
        a = add.map([1, 2], unmapped(10))
    assert keys(flow, a) == {"x": ("List-1", True, False)}
    assert flow.constants == {a: {"y": 10}}


def test_imperative_interface() -> None:
    """set_upstream, set_downstream, set_dependencies, add_edge and chain build the same graph as calls."""
    a, b, c, d = Task("a"), Task("b"), Task("c"), Task("d")
    add_ = add.copy()
    with Flow("f") as flow:
        b.set_upstream(a)
        b.set_downstream(c)
    c.set_dependencies(flow, downstream_tasks=[d])
    add_.set_upstream(d, flow, key="x")
    flow.set_dependencies(add_, keyword_tasks={"y": 4})
    assert flow.edges == {Edge(a, b), Edge(b, c), Edge(c, d), Edge(d, add_, "x")}
    assert flow.constants == {add_: {"y": 4}}
    assert [t.name for t in flow.sorted_tasks()] == ["a", "b", "c", "d", "add"]
    other = Flow("g")
    other.chain(a, b, c)
    assert other.edges == {Edge(a, b), Edge(b, c)}


def test_an_edge_is_added_once() -> None:
    """The same edge again changes nothing."""
    flow = Flow("f")
    a, b = Task("a"), Task("b")
    assert flow.add_edge(a, b) == flow.add_edge(a, b)
    assert len(flow.edges) == 1


def test_a_cycle_is_named() -> None:
    """The error of a cycle lists exactly its tasks, in order, also when others wait behind it."""
    flow = Flow("f")
    before, a, b, c, after = (Task(n) for n in ("before", "a", "b", "c", "after"))
    for up, down in [(before, a), (a, b), (b, c), (c, a), (c, after)]:
        flow.add_edge(up, down)
    with pytest.raises(FlowError) as caught:
        flow.sorted_tasks()
    assert caught.value.code == Code.FLOW_CYCLE
    steps = caught.value.detail["cycle"].split(" -> ")
    assert steps[0] == steps[-1]
    ring = ["a-1", "b-1", "c-1"]
    start = ring.index(steps[0])
    assert steps[:-1] == ring[start:] + ring[:start]
    with pytest.raises(FlowError, match="cycle"):
        flow.run()


def test_a_cycle_can_be_refused_at_its_edge() -> None:
    """With validate=True the edge that closes a cycle raises."""
    flow = Flow("f", validate=True)
    a, b = Task("a"), Task("b")
    flow.add_edge(a, b)
    with pytest.raises(FlowError, match=r"a-1 -> b-1 -> a-1|b-1 -> a-1 -> b-1"):
        flow.add_edge(b, a)


def test_two_tasks_with_one_slug_are_refused() -> None:
    """Slugs are unique; the error names the slug, for tasks and for parameters."""
    flow = Flow("f")
    flow.add_task(Task("a", slug="same"))
    with pytest.raises(FlowError, match="'same'") as caught:
        flow.add_task(Task("b", slug="same"))
    assert caught.value.code == Code.DUPLICATE_SLUG
    flow.add_task(Parameter("p"))
    with pytest.raises(FlowError, match="'p'"):
        flow.add_task(Parameter("p"))


def test_a_made_slug_steps_around_a_given_one() -> None:
    """A made slug never collides with one that an author has given."""
    flow = Flow("f")
    flow.add_task(Task("x", slug="one-1"))
    second = Task("one")
    flow.add_task(second)
    assert flow.slugs[second] == "one-2"


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda flow: add(flow=flow), "missing a required argument"),
        (lambda flow: add(1, 2, 3, flow=flow), "too many positional"),
        (lambda flow: flow.add_edge(Task("a"), add.copy(), key="z"), "no argument 'z'"),
        (lambda flow: one.set_dependencies(flow, keyword_tasks={"x": 1}), "no argument 'x'"),
        (lambda flow: flow.set_reference_tasks([Task("a")]), "not part of flow"),
        (lambda flow: flow.edges_to(Task("a")), "not part of this flow"),
        (lambda flow: flow.add_task("a"), "consists of tasks"),
        (lambda flow: (flow.add_task(add), flow.validate()), "lacks its argument x"),
    ],
)
def test_mistakes_are_explained(build: object, words: str) -> None:
    """Authoring mistakes raise at once, with a sentence that says what is wrong."""
    with pytest.raises((FlowError, TypeError), match=words):
        build(Flow("f"))  # type: ignore[operator]


def test_an_argument_is_given_once() -> None:
    """A second value for one argument is refused, whether constant or task."""
    flow = Flow("f")
    step = add(1, flow=flow)
    for value in (2, Task("a")):
        with pytest.raises(FlowError, match="twice"):
            flow.set_dependencies(step, keyword_tasks={"x": value})


def test_a_task_outside_of_a_flow_says_so() -> None:
    """Calling a task with no flow around it is an error that says what to do."""
    with pytest.raises(FlowError, match="outside of a flow"):
        one()


def test_reference_tasks_and_lookups() -> None:
    """Reference tasks can be chosen; tasks are found by name, slug, tag and type; a copy is independent."""
    with Flow("f") as flow:
        p = Parameter("p", 1)
        a = add(p, task_args={"tags": {"t"}})
        b = add(a)
    flow.set_reference_tasks([a])
    assert flow.reference_tasks() == {a}
    assert flow.parameters() == {p}
    assert flow.get_tasks(name="add") == [a, b]
    assert flow.get_tasks(tags=["t"]) == [a]
    assert flow.get_tasks(task_type=Parameter) == [p]
    twin = flow.copy()
    twin.add_task(Task("more"))
    assert len(twin.tasks) == len(flow.tasks) + 1
    assert twin.reference_tasks() == {a}
    assert flow.slugs == {t: s for t, s in twin.slugs.items() if t in flow.tasks}


def test_replacing_a_task() -> None:
    """The new task gets edges, constants and the say in the final state; all others keep their slugs."""
    with Flow("f") as flow:
        a = add(1, y=5)
        b = add(a)
        c = total([b, a])
    flow.set_reference_tasks([a])
    new = Task("new")
    with pytest.raises(FlowError, match="has no argument 'x'"):
        flow.replace(a, one.copy())
    flow.replace(a, add.copy(name="other"))
    (other,) = flow.get_tasks(name="other")
    assert flow.slugs[other] == "other-1"
    assert flow.slugs[b] == "add-2"
    assert flow.reference_tasks() == {other}
    assert flow.upstream_tasks(b) == {other}
    assert flow.run().result[c].result == 13
    with pytest.raises(FlowError, match="part of the flow already"):
        flow.replace(b, other)
    with pytest.raises(FlowError, match="not part of this flow"):
        flow.replace(new, a)


def test_a_replacement_gets_a_slug_of_its_own() -> None:
    """Also where it has the name of its predecessor."""
    with Flow("f") as flow:
        first, second = add(1), add(2)
    fresh = add.copy()
    flow.replace(first, fresh)
    assert flow.slugs == {fresh: "add-3", second: "add-2"}


def test_taking_in_another_flow() -> None:
    """Tasks, edges and constants come over; parameters of one name are one if that is wanted, else a slug that is there twice."""
    with Flow("other") as other:
        doubled = add(Parameter("p", default=2), y=Parameter("q", default=3))
    with Flow("f") as flow:
        p = Parameter("p", default=10)
        add(p)
    with pytest.raises(FlowError) as caught:
        flow.copy().update(other)
    assert caught.value.code == Code.DUPLICATE_SLUG
    flow.update(other, merge_parameters=True)
    assert flow.run().result[doubled].result == 13
    assert {t.name for t in flow.parameters()} == {"p", "q"}
    assert len(other.tasks) == 3
    assert {e.key for e in flow.all_upstream_edges()[doubled]} == {"x", "y"}
    assert len(flow.all_downstream_edges()[p]) == 2


def test_saving_and_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow is written to a file with its code and comes back, by path or by name."""
    monkeypatch.setenv("TOWPATH_HOME", str(tmp_path / "home"))
    with Flow("a flow/of mine") as flow:
        add(1)
    assert flow.save(tmp_path / "x.flow") == str(tmp_path / "x.flow")
    assert Path(flow.save()).parent == tmp_path / "home/flows"
    for found in (Flow.load(tmp_path / "x.flow"), Flow.load("a flow_of mine")):
        assert found.serialize() == flow.serialize()
        assert found.run().is_successful()
