"""Storage in a Git repository: a script of it is run at each run."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from towpath.errors import FlowError
from towpath.storage.kinds import BaseStorage
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow


class Git(BaseStorage):
    """The code is a script in a Git repository, which a run clones over HTTPS. Modules beside the script can be imported by it.

    With `commit` the very content is signed. With a branch or a tag the place is: who can push there decides what runs.

    Args:
        flow_path: The script's path in the repository.
        repo: The repository's path on its host, such as `team/flows`.
        repo_host: Its host; `http://…` in front for one that has no TLS.
        git_token_secret_name: Name of the secret with the access token.
        git_token_username: The name that goes with the token; default what GitHub, GitLab and Bitbucket take for any token.
        branch_name: Branch; default the repository's own default.
        tag: Tag, in place of a branch.
        commit: Full hash of a commit, in place of both.
        clone_depth: How many commits are fetched; all with `commit`.
        git_clone_url_secret_name: Name of a secret with the whole URL, in place of `repo`, `repo_host` and token.
        secrets: Names of further secrets that must be there before the flow is loaded.

    Raises:
        FlowError: BAD_SETTING.
    """

    stored_as_script = True

    def __init__(
        self,
        flow_path: str,
        repo: str | None = None,
        repo_host: str = "github.com",
        *,
        git_token_secret_name: str | None = None,
        git_token_username: str | None = None,
        branch_name: str | None = None,
        tag: str | None = None,
        commit: str | None = None,
        clone_depth: int = 1,
        git_clone_url_secret_name: str | None = None,
        secrets: Iterable[str] | None = None,
    ) -> None:
        super().__init__(secrets=secrets)
        if (repo is None) == (git_clone_url_secret_name is None):
            raise FlowError(Code.BAD_SETTING, "Git storage needs either repo, or git_clone_url_secret_name")
        if sum(given is not None for given in (branch_name, tag, commit)) > 1:
            raise FlowError(Code.BAD_SETTING, "Git storage takes one of branch_name, tag and commit")
        if commit is not None and not (len(commit) in (40, 64) and set(commit) <= set("0123456789abcdef")):
            raise FlowError(Code.BAD_SETTING, f"{commit!r} is not the full hash of a commit")
        if PurePosixPath(flow_path).is_absolute() or ".." in PurePosixPath(flow_path).parts:
            raise FlowError(Code.BAD_SETTING, f"flow_path is a path in the repository, and {flow_path!r} is none")
        self.flow_path = flow_path
        self.repo = repo
        self.repo_host = repo_host
        self.git_token_secret_name = git_token_secret_name
        self.git_token_username = git_token_username
        self.branch_name = branch_name
        self.tag = tag
        self.commit = commit
        self.clone_depth = clone_depth
        self.git_clone_url_secret_name = git_clone_url_secret_name

    def pack(self, flow: Flow) -> bytes:
        """A pointer to the script. Nothing is pushed, and nothing asked for."""
        self.flows[flow.name] = self.flow_path
        return self._pointer(flow, **{name: value for name, value in self._fields().items() if value is not None})

    def _fields(self) -> dict[str, Any]:
        names = (
            "flow_path",
            "repo",
            "repo_host",
            "git_token_secret_name",
            "git_token_username",
            "branch_name",
            "tag",
            "commit",
            "clone_depth",
        )
        return {name: getattr(self, name) for name in (*names, "git_clone_url_secret_name")}


def script(facts: Mapping[str, Any]) -> Path:
    """The script that a pointer names, in a clone that stays until this process ends.

    Raises:
        FlowError: FLOW_CODE_MISSING if it cannot be had, MISSING_EXTRA without dulwich; MissingSecretError without its token.
    """
    try:
        from dulwich import porcelain
        from dulwich.client import default_urllib3_manager
        from dulwich.config import StackedConfig
    except ImportError as error:
        raise FlowError(Code.MISSING_EXTRA, "Git storage needs dulwich: pip install 'towpath[git]' where runs take place") from error
    url, login = _source(facts)
    folder = Path(tempfile.mkdtemp(prefix="towpath-git-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    commit = facts.get("commit")
    clone_of: Any = porcelain.clone  # its types do not know what it hands on to the transport
    connections = default_urllib3_manager(StackedConfig.default(), base_url=url)
    try:
        with clone_of(
            url,
            folder / "clone",
            depth=None if commit else facts["clone_depth"],
            branch=facts.get("branch_name") or facts.get("tag"),
            errstream=io.BytesIO(),
            pool_manager=connections,
            **login,
        ) as clone:
            if commit:
                porcelain.reset(clone, "hard", commit)
    except Exception as error:
        raise FlowError(Code.FLOW_CODE_MISSING, f"{_cannot(facts)}: {_harmless(error, url, login)}") from None
    finally:
        connections.clear()
    found = Path(folder, "clone", facts["flow_path"]).resolve()
    if not found.is_file() or not found.is_relative_to(folder.resolve()):
        raise FlowError(Code.FLOW_CODE_MISSING, f"{_cannot(facts)}: there is no file {facts['flow_path']} in it")
    return found


def _source(facts: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The repository's URL without anything secret, and name and password."""
    from towpath.client.secrets import Secret

    if facts.get("git_clone_url_secret_name"):
        parts = urlsplit(str(Secret(facts["git_clone_url_secret_name"]).get()))
        if parts.scheme not in ("http", "https"):
            sentence = f"the secret {facts['git_clone_url_secret_name']!r} is not an https:// URL, over which Git storage clones"
            raise FlowError(Code.BAD_SETTING, sentence)
        login = {"username": unquote(parts.username or ""), "password": unquote(parts.password or "")} if parts.username else {}
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), login
    host = facts["repo_host"]
    url = f"{host if '://' in host else f'https://{host}'}/{facts['repo'].removesuffix('.git')}.git"
    if not facts.get("git_token_secret_name"):
        return url, {}
    usual = "oauth2" if "gitlab" in host else "x-token-auth" if "bitbucket" in host else "x-access-token"
    return url, {"username": facts.get("git_token_username") or usual, "password": str(Secret(facts["git_token_secret_name"]).get())}


def _cannot(facts: Mapping[str, Any]) -> str:
    where = facts.get("repo") or f"in the secret {facts['git_clone_url_secret_name']!r}"
    at = next((f" at {facts[name]}" for name in ("commit", "tag", "branch_name") if facts.get(name)), "")
    return f"the code of flow {facts['flow']!r} cannot be had from the Git repository {where}{at}"


def _harmless(error: Exception, url: str, login: Mapping[str, str]) -> str:
    """The error's words without what is secret in them."""
    words = f"{type(error).__name__}: {error}".replace(url, "its URL")
    for secret in login.values():
        words = words.replace(secret, "…") if secret else words
    return words
