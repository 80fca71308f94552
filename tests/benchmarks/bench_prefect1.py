"""What a call of the unmodified prefect==1.4.1 costs the services: a flow of a thousand mapped tasks, run by a process of that client.

It opens a connection for each call, writes ids into its documents and shuffles their selections; that is what is measured. Needs the
client's environment: `make test-prefect` installs it.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

from tests.benchmarks.measure import Measure
from tests.benchmarks.processes import cpu_seconds, cpu_since
from tests.benchmarks.stage import Stage

CHILDREN = 1000
PREFECT = Path(__file__).parents[2] / ".cache" / "prefect1-venv" / "bin" / "prefect"
FLOW = f"""
from prefect import Flow, task

@task
def numbers():
    return list(range({CHILDREN}))

@task
def nothing(number):
    return None

with Flow("bench-prefect1") as flow:
    nothing.map(numbers)
"""


def requests(stage: Stage) -> int:
    """GraphQL requests that the gateway has answered so far."""
    with urllib.request.urlopen(f"{stage.backend.url}/metrics", timeout=10) as answer:
        found = re.findall(r"^towpath_gateway_requests_total\{.*\} ([0-9.e+]+)$", answer.read().decode(), re.M)
    return sum(int(float(number)) for number in found)


def run() -> list[Measure]:
    """Measure."""
    if not PREFECT.exists():
        raise RuntimeError("prefect==1.4.1 is not installed: `make test-prefect` does that")
    with Stage() as stage:
        url = stage.backend.url
        point = {"PREFECT__BACKEND": "server", "PREFECT__SERVER__ENDPOINT": url, "PREFECT__CLOUD__API": url, "HOME": str(stage.folder)}
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TOWPATH_", "PREFECT__"))} | point

        def prefect(*arguments: str) -> None:
            subprocess.run([PREFECT, *arguments], env=env, cwd=stage.folder, check=True, capture_output=True, timeout=150)

        (stage.folder / "flow.py").write_text(FLOW)
        prefect("create", "project", "bench")
        prefect("register", "--project", "bench", "--path", "flow.py")
        asked, before, began = requests(stage), cpu_seconds(stage.backend.pid), time.perf_counter()
        prefect("run", "--name", "bench-prefect1", "--project", "bench", "--execute", "--quiet", "--no-logs")
        took = time.perf_counter() - began
        cpu, calls = cpu_since(stage.backend.pid, before), requests(stage) - asked
        done = stage.rows("select count(*) from task_run where state in ('Success', 'Mapped')")[0][0]
        if done != CHILDREN + 2 or calls < 3 * CHILDREN:
            raise RuntimeError(f"{done} task runs are stored as done after {calls} calls")
    each = {what: seconds / calls * 1000 for what, seconds in cpu.items()}
    return [
        Measure(
            name="a call of prefect==1.4.1, Python CPU of all services",
            value=each["Towpath"],
            unit="ms",
            target=2.0,
            remark=f"{calls} calls of a run of {CHILDREN} mapped tasks in {took:.1f} s; PostgreSQL {each['PostgreSQL']:.2f} ms a call",
        )
    ]
