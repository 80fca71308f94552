"""`LocalRun` from a script to the process that an agent starts: its variables arrive, and its labels choose the agent."""

from __future__ import annotations

import json

FLOWS = """
import json, os
from towpath import Flow, Parameter, task
from towpath.run_configs import LocalRun

@task
def show(path):
    with open(path, "w") as file:
        json.dump({"color": os.environ.get("COLOR"), "path": bool(os.environ.get("PATH"))}, file)

with Flow("labelled", run_config=LocalRun(env={"COLOR": "blue"}, labels=["big", "disk"])) as labelled:
    show(Parameter("path"))

with Flow("anywhere", run_config=LocalRun()) as anywhere:
    show(Parameter("path"))
"""


def test_variables_arrive_and_labels_choose_the_agent(empty_site):
    """A run with labels waits while agents without them all do other runs; once one has them it goes there, with its variables."""
    site = empty_site
    flows = site.register("flows", FLOWS)

    def create(name, **more):
        with site.client as client:
            return client.create_flow_run(flows[name], parameters={"path": str(site.folder / f"{name}.json")}, **more)

    def seen(name):
        return json.loads((site.folder / f"{name}.json").read_text())

    def agent_of(run_id):
        return site.sql("SELECT a.name FROM flow_run r LEFT JOIN agent a ON a.id = r.agent_id WHERE r.id = %s", run_id)[0][0]

    waiting = create("labelled")
    site.agent("plain")
    site.agent("half", "--label", "big")
    ended = [create("anywhere"), create("anywhere", labels=["big"])]
    for run_id, agent in zip(ended, ("plain", "half"), strict=True):  # each has asked for work after the labelled run was there
        site.ended(run_id, state="Success")
        assert agent_of(run_id) == agent
        assert seen("anywhere") == {"color": None, "path": True}
    assert site.run(waiting)["state"] == "Scheduled"

    site.agent("whole", "--label", "disk", "--label", "big", "--label", "more")
    site.ended(waiting, state="Success")
    assert agent_of(waiting) == "whole"
    assert seen("labelled") == {"color": "blue", "path": True}
