"""A resource under an agent: closed when the run is cancelled; opened and closed again when it is restarted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SOURCE = """
import time
from pathlib import Path
from towpath import Flow, Parameter, resource_manager, task

@resource_manager
class Lock:
    def __init__(self, folder):
        self.file = Path(folder) / "said"
    def say(self, word):
        with self.file.open("a") as f:
            f.write(word + " ")
    def setup(self):
        self.say("open")
        return self
    def cleanup(self, lock):
        lock.say("close")

@task
def before(lock):
    lock.say("before")

@task
def wait(lock, folder):
    while not (Path(folder) / "go").exists():
        (Path(folder) / "waiting").touch()
        time.sleep(0.02)
    lock.say("passed")

with Flow("lock") as flow:
    folder = Parameter("folder")
    with Lock(folder) as lock:
        wait(lock, folder, upstream_tasks=[before(lock)])
"""


def test_cancelled_and_restarted(site: Any, until: Any, tmp_path: Path) -> None:
    """Each process closes what it has opened, and the task that was interrupted runs again with a resource that is open."""
    flow_id = site.register("lock", SOURCE)["lock"]
    with site.client as client:
        run_id = client.create_flow_run(flow_id, parameters={"folder": str(tmp_path)})
        until("the task waits", lambda: (tmp_path / "waiting").exists())
        client.cancel_flow_run(run_id)
        found = site.ended(run_id, state="Cancelled")
        assert (tmp_path / "said").read_text() == "open before close "
        states = {t["task"]["slug"]: t["state"] for t in found["task_runs"]}
        assert (states["wait-1"], states["Lock.cleanup-1"]) == ("Cancelled", "Success")
        (tmp_path / "go").touch()
        client.restart_flow_run(run_id)
        found = site.ended(run_id, state="Success")
    assert (tmp_path / "said").read_text() == "open before close open passed close "
    assert {t["state"] for t in found["task_runs"]} == {"Success"}
