"""Every example of sdk/examples, registered and run through an agent as `make demo` does, with its results looked at."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from towpath.backend import FlowRunView

EXAMPLES = sorted((Path(__file__).parents[2] / "sdk/examples").glob("*.py"))


@pytest.fixture(scope="module")
def flows(site):
    """All examples, registered at once: ids by flow name."""
    paths = [word for path in EXAMPLES for word in ("--path", str(path))]
    return {row["name"]: row["flow_id"] for row in site.json("register", *paths, "--no-schedule")}


@pytest.fixture(autouse=True)
def as_script(site, monkeypatch):
    """This process reads the site's API as a script would."""
    for name, value in site.env().items():
        if name.startswith("TOWPATH_"):
            monkeypatch.setenv(name, value)


def run(site, flow_id, **parameters):
    """Run it to its successful end."""
    with site.client as client:
        run_id = client.create_flow_run(flow_id, parameters=parameters)
    site.ended(run_id, state="Success", timeout=120)
    return FlowRunView.from_flow_run_id(run_id)


def test_the_index_is_kept_up_incrementally(site, flows, tmp_path: Path):
    """The first run reads every part, the second, in another process, none; both find the same, and the index can be searched."""
    first, second = (run(site, flows["package-index"], folder=str(tmp_path), query="retry backoff") for _ in range(2))
    before, after = (view.get_task_run("make_report-1").get_result() for view in (first, second))
    parts = before["parts_read"]
    assert parts > 50
    assert (before["parts_from_cache"], after["parts_read"], after["parts_from_cache"]) == (0, 0, parts)
    same = ("distributions", "modules", "lines", "functions", "classes", "most_imported", "found")
    assert [before[k] for k in same] == [after[k] for k in same]
    assert before["modules"] > 1000
    assert "urllib3" in before["found"]
    document = """query ($id: uuid!) { task_run_state(where: {state: {_eq: "Running"}, task_run: {
        flow_run_id: {_eq: $id}, map_index: {_gte: 0}, task: {slug: {_eq: "read_part-1"}}}}) { id } }"""
    ran = [len(site.backend.graphql(document, id=view.flow_run_id)["task_run_state"]) for view in (first, second)]
    assert ran == [parts, 0]
    with sqlite3.connect(tmp_path / "package_index.sqlite") as database:
        (found,) = database.execute("select count(*) from search where search match 'decorator AND command'").fetchone()
        assert database.execute("select distribution from module where name = 'click.core'").fetchall() == [("click",)]
    assert found > 1


def test_a_flow_of_flows_gives_one_answer(site, flows):
    """Its children run beside each other with the parameters it gave them, and its answer is made of theirs."""
    view = run(site, flows["flow-of-flows"], first_year=2010, decades=2, query="time zone")
    answer = view.get_task_run("summarise-1").get_result()
    assert list(answer["changes"]) == ["2010 to 2019", "2020 to 2029"]
    assert answer["most"] == "2010 to 2019"
    assert all(count > 3000 for count in answer["changes"].values())
    assert "python-dateutil" in answer["packages"]
    document = """query ($id: uuid!) { flow_run(where: {parent_flow_run_id: {_eq: $id}}) {
        state parameters start_time end_time flow { name } } }"""
    children = site.backend.graphql(document, id=view.flow_run_id)["flow_run"]
    assert sorted(c["flow"]["name"] for c in children) == ["package-index", "time-zones", "time-zones"]
    assert {c["state"] for c in children} == {"Success"}
    zones = [c for c in children if c["flow"]["name"] == "time-zones"]
    assert sorted(c["parameters"]["first_year"] for c in zones) == [2010, 2020]
    assert max(c["start_time"] for c in zones) < min(c["end_time"] for c in zones)


def test_every_other_example_runs(site, flows):
    """Those that have no test of their results here end in success."""
    for name in sorted(set(flows) - {"package-index", "flow-of-flows", "time-zones"}):
        run(site, flows[name])


def test_names_are_counted_in_processes_of_a_cluster(site, flows):
    """Each group of files is read by a Dask worker; the sums are those of the library, and what workers print is in the run's log."""
    view = run(site, flows["identifiers"], groups=3, shown=4)
    report = view.get_task_run("make_report-1").get_result()
    assert report["files"] > 400
    assert report["lines"] > 200_000
    assert report["most_frequent"]["argument"][0][0] == "self"
    with site.client as client:
        logs = client.get_logs(view.flow_run_id)
    printed = [log["message"] for log in logs if log["name"] == "towpath.task.read_files"]
    assert len(printed) == 3
    assert sum(int(line.split(" files, ")[0]) for line in printed) == report["files"]


def test_the_picture_of_the_time_zones_is_drawn(site, flows, tmp_path: Path):
    """An agent's run leaves the picture where its parameter says."""
    view = run(site, flows["time-zones"], first_year=2020, last_year=2021, folder=str(tmp_path))
    assert view.get_task_run("make_report-1").get_result()["picture"] == str(tmp_path / "time_zones.svg")
    assert (tmp_path / "time_zones.svg").read_text().startswith("<svg")
