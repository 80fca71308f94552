"""Artifacts of the unmodified client."""

from __future__ import annotations


def test_links_and_markdown(site):
    """Made, changed and deleted in a task; what is there in the end is what the task has left."""
    run = site.ended(site.create("artful"))
    (task_run,) = site.task_runs(run, "show-1")
    document = "query ($id: uuid!) { task_run_artifact(where: {task_run_id: {_eq: $id}}, order_by: {created: asc}) { kind data } }"
    assert site.query(document, id=task_run["id"])["task_run_artifact"] == [
        {"kind": "link", "data": {"link": "https://example.org/second"}},
        {"kind": "markdown", "data": {"markdown": "# Second\n\n| a | b |\n|---|---|\n| 1 | 2 |"}},
    ]
