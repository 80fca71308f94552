"""Artifacts: links and Markdown documents that a task shows on its page.

    from towpath.artifacts import create_markdown_artifact

    @task
    def report(rows):
        create_markdown_artifact(f"# {len(rows)} boats")

An artifact goes the way of the task's log lines: it does not make the task wait, is kept while the API is away, and arrives in order. Its
id is known at once. A run without a backend shows it nowhere. `create_link`, `create_markdown`, `update_link` and `update_markdown` are the
same functions under Prefect's older names.
"""

from __future__ import annotations

from typing import Any

from towpath._context import context
from towpath.engine.reporting import Artifact
from towpath.log_relay import relay_to
from towpath.logs import current_reporter
from towpath_proto import artifacts
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

__all__ = [
    "create_link",
    "create_link_artifact",
    "create_markdown",
    "create_markdown_artifact",
    "delete_artifact",
    "update_link",
    "update_link_artifact",
    "update_markdown",
    "update_markdown_artifact",
]

_UPDATE = "mutation($input: update_task_run_artifact_input!) { update_task_run_artifact(input: $input) { success } }"
_DELETE = "mutation($input: delete_task_run_artifact_input!) { delete_task_run_artifact(input: $input) { success } }"


def create_link_artifact(link: str, *, artifact_id: str | None = None) -> str:
    """Show a link on the page of the task that runs here, and return the artifact's id.

    Args:
        link: An address; the pages make it a link if it begins with http:// or https://.
        artifact_id: A UUID for it, so that a task that is tried again shows it once; a new one by default.

    Raises:
        TowpathError: `BAD_REQUEST` where no task runs; `PAYLOAD_TOO_LARGE` above 1,000,000 bytes.
    """
    return _create(artifacts.LINK, _text("link", link), artifact_id)


def create_markdown_artifact(markdown: str, *, artifact_id: str | None = None) -> str:
    """Show a document on the page of the task that runs here, and return the artifact's id.

    Args:
        markdown: Markdown; HTML in it is shown as it was written.
        artifact_id: A UUID for it, so that a task that is tried again shows it once; a new one by default.

    Raises:
        TowpathError: `BAD_REQUEST` where no task runs; `PAYLOAD_TOO_LARGE` above 1,000,000 bytes.
    """
    return _create(artifacts.MARKDOWN, _text("markdown", markdown), artifact_id)


def update_link_artifact(task_run_artifact_id: str, link: str) -> None:
    """Give a link artifact another link: inside a task one of its own flow run, elsewhere any that the API key reaches.

    Raises:
        TowpathError: `PAYLOAD_TOO_LARGE`; outside of a task also what the API answers.
    """
    _update(task_run_artifact_id, artifacts.LINK, _text("link", link))


def update_markdown_artifact(task_run_artifact_id: str, markdown: str) -> None:
    """Give a Markdown artifact another text: inside a task one of its own flow run, elsewhere any that the API key reaches.

    Raises:
        TowpathError: `PAYLOAD_TOO_LARGE`; outside of a task also what the API answers.
    """
    _update(task_run_artifact_id, artifacts.MARKDOWN, _text("markdown", markdown))


def delete_artifact(task_run_artifact_id: str) -> None:
    """Delete an artifact: inside a task one of its own flow run, elsewhere any that the API key reaches.

    Raises:
        TowpathError: Outside of a task, what the API answers.
    """
    if context.get("task_slug") is not None:
        _tell(Artifact(str(task_run_artifact_id)))
    else:
        _ask(_DELETE, {"task_run_artifact_id": str(task_run_artifact_id)})


create_link = create_link_artifact
create_markdown = create_markdown_artifact
update_link = update_link_artifact
update_markdown = update_markdown_artifact


def _text(name: str, value: str) -> dict[str, str]:
    if not isinstance(value, str):
        raise TowpathError(Code.BAD_REQUEST, f"{name} must be text, not {type(value).__name__}.")
    return {name: value}


def _create(kind: str, data: dict[str, str], artifact_id: str | None) -> str:
    slug, index = context.get("task_slug"), context.get("map_index")
    if slug is None:
        sentence = "An artifact belongs to a task that runs, and none runs here: make it in the task's run method, in its own thread."
        raise TowpathError(Code.BAD_REQUEST, sentence)
    artifacts.check(kind, data)
    made = str(artifact_id or uuid7())
    _tell(Artifact(made, data, kind, slug, -1 if index is None else index))
    return made


def _update(artifact_id: str, kind: str, data: dict[str, str]) -> None:
    artifacts.check(kind, data)
    if context.get("task_slug") is not None:
        _tell(Artifact(str(artifact_id), data))
    else:
        _ask(_UPDATE, {"task_run_artifact_id": str(artifact_id), "data": data})


def _tell(artifact: Artifact) -> None:
    """To the run's reporter, or from a worker's process on the way to it; a run without either has nobody to tell."""
    reporter = current_reporter.get()
    if reporter is not None:
        reporter.artifact(artifact)
    elif (send := relay_to.get()) is not None:
        send({"artifact": artifact.to_dict()})


def _ask(document: str, given: dict[str, Any]) -> None:
    from towpath.client.client import Client

    with Client() as client:
        client.graphql(document, {"input": given})
