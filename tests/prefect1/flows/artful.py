"""A task that shows something, changes it and takes something back."""

from prefect import Flow, task
from prefect.backend.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    delete_artifact,
    update_link_artifact,
    update_markdown_artifact,
)


@task
def show():
    link = create_link_artifact("https://example.org/first")
    update_link_artifact(link, "https://example.org/second")
    text = create_markdown_artifact("# First")
    update_markdown_artifact(text, "# Second\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    delete_artifact(create_markdown_artifact("not for long"))


with Flow("artful") as flow:
    show()
