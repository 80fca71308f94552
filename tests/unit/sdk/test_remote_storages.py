"""Storages elsewhere: what registration signs, what a run fetches, and what is said when it cannot. Git over HTTP for real."""

from __future__ import annotations

import base64
import gc
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from dulwich import porcelain
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

import towpath
import towpath.storage
from tests.unit.sdk.test_storages import SCRIPT, kept, value_of
from towpath.client.packing import pack
from towpath.errors import FlowError
from towpath.storage import S3, Git, Local, load_code
from towpath_proto.errors import TowpathError


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None: ...


class Host:
    """A Git host with one repository, which wants a token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commits: list[str] = []
        porcelain.init(folder)
        git = make_wsgi_chain(DictBackend({b"/team/flows.git": porcelain.Repo(folder)}))  # type: ignore[dict-item]
        wanted = "Basic " + base64.b64encode(b"x-access-token:s3cret").decode()

        def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            if environ.get("HTTP_AUTHORIZATION") != wanted:
                start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"')])
                return [b"who are you?"]
            return git(environ, start_response)

        self.server = make_server("127.0.0.1", 0, guarded, handler_class=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def commit(self, number: int) -> None:
        (self.folder / "flows").mkdir(exist_ok=True)
        (self.folder / "flows" / "kept.py").write_text("from beside import *\n" + SCRIPT.format(number=number))
        (self.folder / "flows" / "beside.py").write_text("")
        porcelain.add(self.folder, [str(path) for path in (self.folder / "flows").iterdir()])
        made = porcelain.commit(self.folder, message=b"n", author=b"a <a@b>", committer=b"a <a@b>")
        self.commits.append(made.decode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    made.commit(1)
    made.commit(2)
    yield made
    made.close()


def git(host: Host, **more: Any) -> bytes:
    options: dict[str, Any] = {"repo": "team/flows", "repo_host": host.url, "git_token_secret_name": "TOKEN"} | more
    return pack(kept(Git("flows/kept.py", **options))).code


def test_git_runs_the_script_of_a_clone(host: Host) -> None:
    """The newest of a branch, or the very commit; the token is a secret and in nothing that is kept."""
    newest, first = git(host), git(host, commit=host.commits[0])
    assert b"s3cret" not in newest
    with towpath.context(secrets={"TOKEN": "s3cret", "URL": f"{host.url.replace('//', '//x-access-token:s3cret@')}/team/flows.git"}):
        assert value_of(load_code(newest)) == 2
        assert value_of(load_code(first)) == 1
        assert value_of(load_code(git(host, repo=None, git_token_secret_name=None, git_clone_url_secret_name="URL"))) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # dulwich lets go of a failed clone's socket unclosed
@pytest.mark.parametrize(
    ("token", "options", "words"),
    [
        ("wr0ng", {}, "HTTPUnauthorized"),
        ("s3cret", {"repo": "team/other"}, "NotGitRepository"),
        ("s3cret", {"branch_name": "nowhere"}, "nowhere"),
        ("s3cret", {"commit": "0" * 40}, "0" * 40),
    ],
)
def test_git_says_what_cannot_be_had(host: Host, token: str, options: dict[str, Any], words: str) -> None:
    """Repository and reason, and never the token."""
    with towpath.context(secrets={"TOKEN": token}), pytest.raises(FlowError, match=words) as caught:
        load_code(git(host, **options))
    assert caught.value.code == "FLOW_CODE_MISSING"
    assert token not in str(caught.value)
    del caught
    gc.collect()


def test_git_without_its_secret_or_script(host: Host) -> None:
    """The missing secret is named; so is the missing file."""
    with pytest.raises(TowpathError, match="'TOKEN' was not found"):
        load_code(git(host))
    moved = json.loads(git(host)) | {"flow_path": "flows/gone.py"}
    with towpath.context(secrets={"TOKEN": "s3cret"}), pytest.raises(FlowError, match=r"no file flows/gone\.py in it"):
        load_code(json.dumps(moved).encode())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either repo"),
        ({"repo": "a/b", "git_clone_url_secret_name": "URL"}, "either repo"),
        ({"repo": "a/b", "tag": "v1", "branch_name": "b"}, "one of branch_name"),
        ({"repo": "a/b", "commit": "abc"}, "full hash"),
        ({"repo": "a/b", "flow_path": "../etc/passwd"}, "path in the repository"),
        ({"repo": "a/b", "secrets": "one"}, "list of names"),
    ],
)
def test_git_refuses_what_cannot_be_meant(options: dict[str, Any], words: str) -> None:
    with pytest.raises(FlowError, match=words) as caught:
        Git(**{"flow_path": "f.py", **options})
    assert caught.value.code == "BAD_SETTING"


def test_s3_refuses_what_cannot_be_meant() -> None:
    """A script needs its key; credentials do not belong into what everybody can read."""
    credentials = {"client_options": {"aws_secret_access_key": "x"}}
    for options, words in (({"stored_as_script": True}, "needs its key"), (credentials, "AWS_CREDENTIALS")):
        with pytest.raises(FlowError, match=words):
            S3("bucket", **options)  # type: ignore[arg-type]


def test_a_storage_may_need_secrets(tmp_path: Path) -> None:
    """They are named in what is signed and in the flow's record, and must be there before its code is loaded."""
    packed = pack(kept(Local(str(tmp_path), secrets=["NEEDED"])))
    assert packed.serialized_flow["storage"]["secrets"] == ["NEEDED"]
    with pytest.raises(TowpathError, match="'NEEDED' was not found"):
        load_code(packed.code)
    with towpath.context(secrets={"NEEDED": "x"}):
        assert value_of(load_code(packed.code)) == 1


@pytest.mark.parametrize("name", ["GCS", "Azure", "GitHub", "GitLab", "Bitbucket", "CodeCommit", "Webhook"])
def test_storages_that_are_not_there_say_what_to_take(name: str) -> None:
    with pytest.raises(FlowError, match=f"no {name} storage; ") as caught:
        getattr(towpath.storage, name)("anything", at="all")
    assert caught.value.code == "BAD_SETTING"
    with pytest.raises(AttributeError):
        towpath.storage.Nothing  # noqa: B018
