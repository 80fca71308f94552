"""Storages of Prefect 1 that Towpath does not have: whoever ports a flow is told what to take instead."""

from __future__ import annotations

from typing import Any, NoReturn

from towpath.errors import FlowError
from towpath_proto.errors import Code

_GIT = "Git storage clones from there: Git({}, git_token_secret_name=...)"
INSTEAD = {
    "GCS": "S3 storage reads it by its S3 protocol: S3(bucket, client_options={'endpoint_url': 'https://storage.googleapis.com'})",
    "Azure": "leave the code to the backend, which is the default and needs no disk or bucket",
    "GitHub": _GIT.format("path, repo"),
    "GitLab": _GIT.format("path, repo, repo_host='gitlab.com'"),
    "Bitbucket": _GIT.format("path, repo, repo_host='bitbucket.org'"),
    "CodeCommit": "Git storage clones from there with HTTPS credentials for CodeCommit: Git(path, git_clone_url_secret_name=...)",
    "Webhook": "leave the code to the backend, which is the default and needs no server of yours",
}
"""What to take instead, by the storage's name."""


class _Absent:
    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        raise FlowError(Code.BAD_SETTING, f"Towpath has no {cls.__name__} storage; {INSTEAD[cls.__name__]}")


def absent(name: str) -> type:
    """A class of that name which cannot be made, and says why."""
    return type(name, (_Absent,), {"__module__": __name__, "__doc__": f"Not there: {INSTEAD[name]}."})
