"""Flows whose code is in S3, as moto's server has it: written at registration, read by a task that has only the secret of the API."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import towpath
from tests.e2e.conftest import TOWPATH, Site
from tests.ecs.host import Host
from tests.unit.sdk.test_storages import SCRIPT, kept, value_of
from towpath.client.packing import pack
from towpath.errors import FlowError
from towpath.storage import S3, load_code, pickle_flow

FLOWS = """
from towpath import Flow, task
from towpath.run_configs import ECSRun
from towpath.storage import S3

@task
def work():
    return 1

storage = S3("flows", client_options={"endpoint_url": "MOTO", "region_name": "eu-central-1"}, secrets=["AWS_CREDENTIALS"])
with Flow("bucketed", run_config=ECSRun(), storage=storage) as flow:
    work()
"""
CREDENTIALS = {"ACCESS_KEY": "from-the-api", "SECRET_ACCESS_KEY": "not-to-be-seen"}


@pytest.fixture(scope="module")
def s3(aws: Host, moto: str) -> Iterator[Any]:
    """A client of moto's S3, with the bucket `flows`."""
    import boto3

    with closing(boto3.client("s3", endpoint_url=moto)) as client:
        client.create_bucket(Bucket="flows", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield client


def test_a_task_reads_its_code_from_s3(cloud: Site, aws: Host, s3: Any, moto: str) -> None:
    """The task has no credentials of AWS but those that it asks the API for; without that secret its run fails and says so."""
    (flow_id,) = cloud.register("bucketed", FLOWS.replace("MOTO", moto)).values()
    (entry,) = s3.list_objects_v2(Bucket="flows")["Contents"]
    assert entry["Key"].startswith("bucketed/")
    with cloud.client as client:
        lacking = client.create_flow_run(flow_id)
    cloud.ended(lacking, state="Failed", timeout=120)
    assert "The secret 'AWS_CREDENTIALS' was not found" in json.dumps(cloud.run(lacking))
    command = [TOWPATH, "secret", "set", "AWS_CREDENTIALS"]
    subprocess.run(command, env=cloud.env(), input=json.dumps(CREDENTIALS) + "\n", capture_output=True, text=True, check=True, timeout=60)
    with cloud.client as client:
        run_id = client.create_flow_run(flow_id)
    cloud.ended(run_id, state="Success", timeout=120)
    (task,) = aws.of(run_id)
    assert CREDENTIALS["SECRET_ACCESS_KEY"] not in json.dumps(task.request)


def test_what_lies_in_s3_is_what_was_registered(s3: Any, moto: str, until: Callable[..., Any]) -> None:
    """Another object under the key is not run, and a missing one is named; a bucket that is not there is told at registration."""
    options = {"endpoint_url": moto}
    packed = pack(kept(S3("flows", key="one.pickle", client_options=options)))
    assert value_of(load_code(packed.code)) == 1
    s3.put_object(Bucket="flows", Key="one.pickle", Body=pickle_flow(kept(None)))
    for code in ("BAD_SIGNATURE", "FLOW_CODE_MISSING"):
        with pytest.raises(FlowError, match=r"one\.pickle") as caught:
            load_code(packed.code)
        assert caught.value.code == code
        s3.delete_object(Bucket="flows", Key="one.pickle")
    with pytest.raises(FlowError, match="cannot write s3://nowhere/"):
        pack(kept(S3("nowhere", client_options=options)))


def test_a_script_in_s3(s3: Any, moto: str, tmp_path: Path) -> None:
    """Registration puts it there, and what lies there is what runs."""
    (tmp_path / "kept.py").write_text(SCRIPT.format(number=4))
    options: dict[str, Any] = {"key": "kept.py", "stored_as_script": True, "client_options": {"endpoint_url": moto}}
    packed = pack(kept(S3("flows", local_script_path=str(tmp_path / "kept.py"), secrets=["AWS_CREDENTIALS"], **options)))
    with towpath.context(secrets={"AWS_CREDENTIALS": CREDENTIALS}):
        assert value_of(load_code(packed.code)) == 4
        s3.put_object(Bucket="flows", Key="kept.py", Body=SCRIPT.format(number=5).encode())
        assert value_of(load_code(packed.code)) == 5
    with towpath.context(secrets={"AWS_CREDENTIALS": "no object"}), pytest.raises(FlowError, match="must be an object"):
        load_code(packed.code)
