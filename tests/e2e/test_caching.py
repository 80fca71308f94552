"""Caching through an agent: what an earlier run has made is taken over by the next, in another process, child by child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SOURCE = """
from datetime import timedelta
from pathlib import Path
from towpath import Flow, Parameter, task, unmapped
from towpath.engine.cache_validators import all_inputs

@task
def files(folder):
    return sorted((p.name, p.stat().st_size) for p in Path(folder).glob("*.txt"))

@task(cache_for=timedelta(days=1), cache_validator=all_inputs, cache_key="lengths", task_run_name="{file[0]}")
def length(file, folder):
    with (Path(folder) / "worked").open("a") as f:
        f.write(f"{file[0]} ")
    return len((Path(folder) / file[0]).read_text())

@task(log_stdout=True)
def total(lengths):
    print(f"total {sum(lengths)} of {len(lengths)}")
    return sum(lengths)

with Flow("lengths") as flow:
    folder = Parameter("folder")
    total(length.map(files(folder), unmapped(folder)))
"""


def run(site: Any, flow_id: str, folder: Path) -> dict[str, Any]:
    """Run the flow to its success; what it said."""
    (folder / "worked").write_text("")
    with site.client as client:
        run_id = client.create_flow_run(flow_id, parameters={"folder": str(folder)})
    found = site.ended(run_id, state="Success")
    children = {t["map_index"]: t["id"] for t in found["task_runs"] if t["map_index"] >= 0}
    rows = site.sql("select name, state from task_run where flow_run_id = %s and map_index >= 0 order by map_index", run_id)
    history = "select s.state from task_run_state s where s.task_run_id = %s order by s.version"
    return {
        "worked": sorted((folder / "worked").read_text().split()),
        "names": [name for name, _ in rows],
        "states": {state for _, state in rows},
        "first child": [state for (state,) in site.sql(history, children[0])],
        "said": site.logs(run_id),
    }


def test_a_map_runs_only_what_has_changed(site: Any, tmp_path: Path) -> None:
    """Fifty files are read once; later runs, also of a new version of the flow, read the new, the changed and the lost ones only."""
    for number in range(50):
        (tmp_path / f"f{number:02}.txt").write_text("x" * (number + 1))
    flow_id = site.register("lengths", SOURCE)["lengths"]

    first = run(site, flow_id, tmp_path)
    assert len(first["worked"]) == 50
    assert first["first child"] == ["Running", "Success", "Cached"]

    again = run(site, flow_id, tmp_path)
    assert again["worked"] == []
    assert again["first child"] == ["Cached"]
    assert "total 1275 of 50" in again["said"]

    (tmp_path / "a-new-one.txt").write_text("xyz")
    (tmp_path / "f07.txt").write_text("changed")
    newer = site.register("lengths", SOURCE + "\nflow.add_task(Parameter('new_in_version_two', default=1))")
    changed = run(site, newer["lengths"], tmp_path)
    assert changed["worked"] == ["a-new-one.txt", "f07.txt"]
    assert (changed["names"][0], changed["states"]) == ("a-new-one.txt", {"Cached"})
    assert "total 1277 of 51" in changed["said"]

    for stored in (site.home / "results").rglob("*.pickle"):
        stored.unlink()
    lost = run(site, newer["lengths"], tmp_path)
    assert len(lost["worked"]) == 51
    assert "is not there any more, so the task runs" in lost["said"]
