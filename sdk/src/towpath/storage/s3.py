"""Storage in S3, or in what speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError, MissingSecretError
from towpath.storage.code import code_hash, code_name, pickle_flow
from towpath.storage.kinds import BaseStorage
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow

CREDENTIALS = "AWS_CREDENTIALS"
"""Name of the secret with `ACCESS_KEY`, `SECRET_ACCESS_KEY` and, if there is one, `SESSION_TOKEN`."""
_THEIR_NAMES = {"aws_access_key_id": "ACCESS_KEY", "aws_secret_access_key": "SECRET_ACCESS_KEY", "aws_session_token": "SESSION_TOKEN"}


class S3(BaseStorage):
    """The code is an object in a bucket.

    Who reads the bucket is found as boto3 finds it (environment, role, …), or is the secret `AWS_CREDENTIALS` if `secrets` names it.

    Args:
        bucket: The bucket.
        key: The object's key; default `<flow's name>/<part of its hash>.pickle`.
        stored_as_script: Whether a script is run at each run, so that the flow may be changed without registering it again. Only the
            place is signed then: who can write the object decides what runs.
        local_script_path: The script, which registration puts there; without it the script must be there already.
        client_options: Further arguments of `boto3.client("s3", …)`, such as `endpoint_url`. Everybody can read them: no credentials.
        upload_options: Further arguments of `put_object`, such as `ServerSideEncryption`.
        secrets: Names of secrets that must be there before the flow is loaded.

    Raises:
        FlowError: BAD_SETTING; at registration MISSING_EXTRA without boto3.
    """

    def __init__(
        self,
        bucket: str,
        key: str | None = None,
        stored_as_script: bool = False,
        local_script_path: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        upload_options: Mapping[str, Any] | None = None,
        *,
        secrets: Iterable[str] | None = None,
    ) -> None:
        super().__init__(secrets=secrets)
        if stored_as_script and not key:
            raise FlowError(Code.BAD_SETTING, "S3 storage of a script needs its key: S3(bucket, key=..., stored_as_script=True)")
        if _THEIR_NAMES.keys() & (client_options or {}).keys():
            sentence = f"client_options can be read by everybody who sees the flow: keep credentials in the secret {CREDENTIALS}"
            raise FlowError(Code.BAD_SETTING, f'{sentence}, and say secrets=["{CREDENTIALS}"]')
        self.bucket = bucket
        self.key = key
        self.stored_as_script = stored_as_script
        self.local_script_path = local_script_path
        self.client_options = dict(client_options or {})
        self.upload_options = dict(upload_options or {})

    def pack(self, flow: Flow) -> bytes:
        """Put the pickled flow, or the script, into the bucket; a pointer to it."""
        where: dict[str, Any] = {"bucket": self.bucket, "client_options": self.client_options}
        if self.stored_as_script:
            assert self.key is not None
            if self.local_script_path is not None:
                self._put(self.key, _script(self.local_script_path))
            self.flows[flow.name] = self.key
            return self._pointer(flow, script=self.key, **where)
        code = pickle_flow(flow)
        address = code_hash(code)
        key = self.key or code_name(flow.name, address)
        self._put(key, code)
        self.flows[flow.name] = key
        return self._pointer(flow, key=key, sha256=address, **where)

    def _put(self, key: str, body: bytes) -> None:
        try:
            credentials = read_credentials(self.secrets)
        except MissingSecretError:  # it is there for runs; who registers is who they are here
            credentials = {}
        with closing(client(self.client_options, credentials)) as s3:
            try:
                s3.put_object(Bucket=self.bucket, Key=key, Body=body, **self.upload_options)
            except Exception as error:
                raise FlowError(Code.BAD_SETTING, f"S3 storage cannot write s3://{self.bucket}/{key}: {error}") from error

    def _fields(self) -> dict[str, Any]:
        return {"bucket": self.bucket, "key": self.key, "client_options": self.client_options, "upload_options": self.upload_options}


def fetch(facts: Mapping[str, Any]) -> bytes:
    """What lies at the place that a pointer names.

    Raises:
        FlowError: FLOW_CODE_MISSING if it cannot be had, MISSING_EXTRA without boto3; MissingSecretError without its credentials.
    """
    bucket, key = facts["bucket"], facts.get("script") or facts["key"]
    with closing(client(facts.get("client_options") or {}, read_credentials(facts.get("secrets") or ()))) as s3:
        try:
            with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
                found: bytes = body.read()
        except Exception as error:
            sentence = f"the code of flow {facts['flow']!r} cannot be had from s3://{bucket}/{key}: {error}"
            raise FlowError(Code.FLOW_CODE_MISSING, sentence, bucket=bucket, key=key) from error
    return found


def client(options: Mapping[str, Any], credentials: Mapping[str, str]) -> Any:
    """A client of S3; whoever asks closes it.

    Raises:
        FlowError: MISSING_EXTRA without boto3, BAD_SETTING for options that it does not take.
    """
    try:
        import boto3
    except ImportError as error:
        raise FlowError(Code.MISSING_EXTRA, "S3 storage needs boto3: pip install 'towpath[s3]', also where runs take place") from error
    try:
        return boto3.session.Session().client("s3", **options, **credentials)
    except Exception as error:
        raise FlowError(Code.BAD_SETTING, f"boto3 makes no client of S3 with these client_options: {error}") from error


def read_credentials(secrets: Iterable[str]) -> dict[str, str]:
    """What the secret AWS_CREDENTIALS says, as boto3 names it; nothing unless it is one of `secrets`."""
    if CREDENTIALS not in secrets:
        return {}
    from towpath.client.secrets import Secret

    value = Secret(CREDENTIALS).get()
    if not isinstance(value, dict) or not {"ACCESS_KEY", "SECRET_ACCESS_KEY"} <= value.keys():
        sentence = f'The secret {CREDENTIALS} must be an object: {{"ACCESS_KEY": …, "SECRET_ACCESS_KEY": …}}'
        raise FlowError(Code.BAD_SETTING, sentence)
    return {ours: value[theirs] for ours, theirs in _THEIR_NAMES.items() if value.get(theirs)}


def _script(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise FlowError(Code.NOT_FOUND, f"the script {path} cannot be read: {error.strerror}") from error
