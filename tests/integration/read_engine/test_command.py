"""The console script as a real process."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx

_COMMAND = Path(sys.executable).with_name("towpath-read-engine")


async def _start(*arguments: str, **env: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(_COMMAND, *arguments, stderr=asyncio.subprocess.PIPE, env={"PATH": "/usr/bin", **env})


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async with asyncio.timeout(20):
        while line := await process.stderr.readline():
            event = json.loads(line)
            if event.get("event") == "service_started":
                return int(event["port"])
    raise AssertionError("it ended before it was up")


async def test_the_command_serves_and_ends_in_order(library_url, library_metadata):
    """It answers over HTTP with the secret only, and SIGTERM ends it with status 0."""
    process = await _start(
        "--database-url", library_url, "--port", "0", "--admin-secret", "a-long-secret", TOWPATH_READ_METADATA=str(library_metadata)
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await _port(process)}", trust_env=False) as client:
            query = {"query": "{ author_by_pk(id: 1) { name } }"}
            answer = await client.post("/v1/graphql", json=query, headers={"x-hasura-admin-secret": "a-long-secret"})
            assert answer.json() == {"data": {"author_by_pk": {"name": "Ada"}}}
            assert int(answer.headers["content-length"]) == len(answer.content)
            assert "errors" in (await client.post("/v1/graphql", json=query)).json()
            assert (await client.get("/health/ready")).status_code == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_replaced_metadata_survive_a_kill(library_url, library_metadata, tmp_path):
    """What was answered as taken is served by the next process, however the last one ended."""
    options = ("--database-url", library_url, "--port", "0", "--metadata-api", "--metadata-store", str(tmp_path / "store.json"))
    command = {"type": "replace_metadata", "args": json.loads(library_metadata.read_text(encoding="utf-8"))}
    process = await _start(*options)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await _port(process)}", trust_env=False) as client:
            assert (await client.post("/v1/metadata", json=command, timeout=60)).json() == {"message": "success"}
        process.kill()
        await process.communicate()
        process = await _start(*options)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await _port(process)}", trust_env=False) as client:
            answer = await client.post("/v1/graphql", json={"query": "{ author_by_pk(id: 1) { name } }"}, timeout=60)
            assert answer.json() == {"data": {"author_by_pk": {"name": "Ada"}}}
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_starts_with_an_address_only_and_takes_its_metadata_by_the_api(library_url, library_metadata):
    """No metadata, no secret: it serves nothing until it is told what, and then everything; the image's variables count."""
    process = await _start(
        "--database-url",
        library_url,
        "--port",
        "0",
        "--metadata-api",
        HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES="true",
        HASURA_GRAPHQL_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await _port(process)}", trust_env=False) as client:
            query = {"query": "{ article(where: {views: {_gt: 1000}}) { views rating } }"}
            assert (await client.post("/v1/graphql", json=query)).json()["errors"][0]["extensions"]["code"] == "validation-failed"
            metadata = json.loads(library_metadata.read_text(encoding="utf-8"))
            command = {"type": "replace_metadata", "version": 2, "args": {"allow_inconsistent_metadata": False, "metadata": metadata}}
            answer = await client.post("/v1/metadata", json=command)
            assert (answer.status_code, answer.json()) == (200, {"is_consistent": True, "inconsistent_objects": []})
            answer = await client.post("/v1/graphql", json=query)
            assert answer.json() == {"data": {"article": [{"views": "9007199254740993", "rating": "4.50"}]}}
            null = {"query": "{ author(where: {id: {_eq: null}}) { id } }"}
            assert "unexpected null value" in (await client.post("/v1/graphql", json=null)).text
            assert (await client.get("/healthz")).text == "OK"
        process.terminate()
        await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_missing_setting_is_one_sentence():
    """Without a database the command says what to set, and its status is 2."""
    process = await _start()
    _, text = await process.communicate()
    assert process.returncode == 2
    assert b"TOWPATH_READ_DATABASE_URL" in text
    assert len(text.decode().splitlines()) == 1
