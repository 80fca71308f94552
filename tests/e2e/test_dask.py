"""Runs of an agent whose tasks are elsewhere: on the workers of a Dask cluster that knows nothing of the run's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Site
from tests.integration.sdk.foreign import Foreign

FLOW = """
import os
import towpath
from towpath import Flow, task
from towpath.artifacts import create_link_artifact, create_markdown_artifact, update_markdown_artifact
from towpath.backend import get_key_value, set_key_value
from towpath.client import Secret
from towpath.executors import DaskExecutor

@task(log_stdout=True)
def show(n):
    made = create_markdown_artifact(f"# {n}")
    update_markdown_artifact(made, f"# {n} " + "é" * 200_000)
    create_link_artifact(f"https://example.com/{n}")
    towpath.context.logger.info("number %d of run %s", n, towpath.context.flow_run_id)
    print("printed", n)
    return n, towpath.context.parameters["greeting"], os.environ.get("TOWPATH_API_URL")

@task
def keep(shown):
    set_key_value("shown", [len(shown), Secret("WORD").get()["word"], sorted({greeting for _, greeting, _ in shown})])
    set_key_value("place", sorted({str(url) for _, _, url in shown}))

def made(name, executor):
    with Flow(name, executor=executor) as flow:
        flow.add_task(towpath.Parameter("greeting", default="ahoy"))
        keep(show.map([0, 1, 2]))
    return flow

elsewhere = made("elsewhere", DaskExecutor("ADDRESS"))
temporary = made("temporary", DaskExecutor(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "processes": True}))
"""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    cluster = Foreign(tmp_path_factory.mktemp("foreign"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def flows(site: Site, foreign: Foreign) -> dict[str, str]:
    with site.client as client:
        client.set_secret("WORD", {"word": "boat"})
    return site.register("elsewhere", FLOW.replace("ADDRESS", foreign.address))


@pytest.mark.parametrize("name", ["elsewhere", "temporary"])
def test_what_tasks_tell_and_ask(site: Site, flows: dict[str, str], name: str) -> None:
    """Logs, prints and artifacts reach the run's page; a secret, key-value pairs and the context need no setting of the worker's."""
    with site.client as client:
        run_id = client.create_flow_run(flows[name])
        site.ended(run_id, state="Success", timeout=300)
        kept, place = client.get_key_value("shown"), client.get_key_value("place")
        document = """query($id: uuid!) { task_run_artifact(where: {task_run: {flow_run_id: {_eq: $id}}}) {
            kind data task_run { map_index task { slug } } } }"""
        artifacts: list[dict[str, Any]] = client.graphql(document, {"id": run_id})["task_run_artifact"]
    assert kept == [3, "boat", ["ahoy"]]
    assert (place == ["None"]) == (name == "elsewhere")  # else the workers have what they need by themselves
    assert {a["task_run"]["task"]["slug"] for a in artifacts} == {"show-1"}
    links = {a["task_run"]["map_index"]: a["data"]["link"] for a in artifacts if a["kind"] == "link"}
    assert links == {n: f"https://example.com/{n}" for n in range(3)}
    documents = {a["task_run"]["map_index"]: a["data"]["markdown"] for a in artifacts if a["kind"] == "markdown"}
    assert documents == {n: f"# {n} " + "é" * 200_000 for n in range(3)}
    log = site.logs(run_id)
    for n in range(3):
        assert f"number {n} of run {run_id}" in log
        assert f"printed {n}" in log


def test_no_token_stays_in_a_worker(site: Site, flows: dict[str, str], foreign: Foreign) -> None:
    """What a worker was lent for one run's tasks, nobody else's finds there."""
    with site.client as client:
        site.ended(client.create_flow_run(flows["elsewhere"]), state="Success", timeout=300)

    def settings() -> tuple[Any, ...]:
        import os

        from towpath.client.settings import Settings

        found = Settings.from_env()
        return found.token, found.api_url, [name for name in os.environ if name.startswith("TOWPATH_")]

    answers = foreign.client.run(settings)
    assert set(map(str, answers.values())) == {str((None, "http://127.0.0.1:4200", []))}
