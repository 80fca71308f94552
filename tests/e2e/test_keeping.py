"""Secrets and key-value pairs through a real agent, and the commands that look after them and after limits."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.e2e.conftest import TOWPATH

FLOW = """
from towpath import Flow, Parameter, task
from towpath.backend import get_key_value, list_keys, set_key_value
from towpath.client import Secret
from towpath.tasks.secrets import PrefectSecret

@task
def count(password):
    seen = get_key_value("seen") if "seen" in list_keys() else 0
    set_key_value("seen", seen + len(password["word"]) + len(Secret("PLAIN").get()))

@task
def breaks(password, mended):
    if not mended:
        raise OSError("once")
    return len(password["word"])

with Flow("keeping") as flow:
    password = PrefectSecret("DB")
    counted = count(password)
    breaks(password, Parameter("mended", default=True), upstream_tasks=[counted])
"""


def set_secret(site: Any, name: str, value: str) -> None:
    """As a script does: the value on standard input."""
    done = subprocess.run(
        [TOWPATH, "secret", "set", name], env=site.env(), input=value + "\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert value not in done.stdout


def test_a_run_reads_secrets_and_keeps_values(site: Any) -> None:
    """Under an agent a run's token opens the secrets and the key-value pairs; the secret's value stands nowhere in the database."""
    flows = site.register("keeping", FLOW)
    set_secret(site, "DB", json.dumps({"word": "open-sesame"}))
    set_secret(site, "PLAIN", "sesame")
    assert site.json("secret", "list") == ["DB", "PLAIN"]
    with site.client as client:
        run = str(client.create_flow_run(flow_id=flows["keeping"]))
    site.ended(run, state="Success")
    assert site.cli("kv", "get", "seen").stdout == "17\n"
    tables = site.sql("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
    everything = "".join(str(site.sql(f"select to_jsonb(t)::text from {table} t")) for (table,) in tables)
    assert "keeping" in everything
    assert "open-sesame" not in everything
    readers = site.sql("select role, detail ->> 'name' from audit where action = 'secret_value' order by id")
    assert readers == [("run", "DB"), ("run", "PLAIN")]


def test_a_missing_secret_fails_its_task_and_says_what_to_do(site: Any) -> None:
    """The log names the command that sets it."""
    site.cli("secret", "delete", "PLAIN", "--yes")
    flows = site.register("keeping", FLOW)
    with site.client as client:
        run = str(client.create_flow_run(flow_id=flows["keeping"]))
    site.ended(run, state="Failed")
    assert "towpath secret set PLAIN" in site.logs(run)


def test_values_and_limits_from_the_command_line(site: Any) -> None:
    """What is set can be listed, read, changed and deleted; what is not there is status 1."""
    site.cli("kv", "set", "rows", '{"n": 1}')
    assert site.json("kv", "get", "rows") == {"key": "rows", "value": {"n": 1}}
    assert "rows" in {row["key"] for row in site.json("kv", "list")}
    site.cli("kv", "delete", "rows", "--yes")
    assert "(NOT_FOUND)" in site.cli("kv", "get", "rows", expect=1).stderr
    site.cli("limit", "set", "3", "--tag", "db")
    site.cli("limit", "set", "1", "--label", "gpu")
    site.cli("limit", "set", "2", "--label", "gpu")
    found = [{k: v for k, v in row.items() if k != "id"} for row in site.json("limit", "list")]
    assert found == [
        {"kind": "tag", "name": "db", "limit": 3, "running": 0, "waiting": 0},
        {"kind": "label", "name": "gpu", "limit": 2, "running": 0, "waiting": 0},
    ]
    site.cli("limit", "delete", "--tag", "db")
    site.cli("limit", "delete", "--label", "gpu")
    assert "(NOT_FOUND)" in site.cli("limit", "delete", "--tag", "db", expect=1).stderr
    assert "There are no limits" in site.cli("limit", "list").stderr
