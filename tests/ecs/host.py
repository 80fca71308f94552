"""What moto does not do: a host that runs a task's command, and what real ECS says when it cannot.

moto knows definitions, tasks, tags and networks, and starts nothing. `Host` is an HTTP server in front of it: every call goes through to
moto, and the task that RunTask has made is run as a process of this machine, with the task's environment and nothing else. How that process
ended is what DescribeTasks tells. A `clientToken` that came before gets the answer of that time, as with AWS; moto does not look at it.
Answers of AWS that moto cannot give (throttled, no room, lost) are given for calls that a test names.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOST = "lost"
"""Instead of an answer: the call goes through, and the connection ends before its answer."""


@dataclass
class Task:
    """A task that was started: its process, and what ECS says when it has ended."""

    arn: str
    request: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    end: dict[str, Any] = field(default_factory=dict)
    container: dict[str, Any] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return next(tag["value"] for tag in self.request["tags"] if tag["key"] == "towpath:flow-run-id")

    @property
    def stopped(self) -> bool:
        return (self.process is None and bool(self.end)) or (self.process is not None and self.process.poll() is not None)

    def told(self) -> dict[str, Any]:
        """What DescribeTasks adds to moto's answer."""
        if not self.stopped:
            return {"lastStatus": "PENDING" if self.process is None else "RUNNING"}
        container: dict[str, Any] = {"name": "flow", **self.container}
        if self.process is not None:
            status = self.process.returncode
            container["exitCode"] = 128 - status if status < 0 else status
        default = {"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited"}
        return {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", **default, **self.end, "containers": [container]}


class Host(ThreadingHTTPServer):
    """The server. `tasks` are those that were started, `calls` the bodies of all calls by name.

    Args:
        moto: Address of moto's server.
        folder: Where processes live and write.
    """

    daemon_threads = True

    def __init__(self, moto: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moto, self.folder = moto, folder
        self.tasks: dict[str, Task] = {}
        self.calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.instead: dict[str, list[tuple[int, dict[str, Any]] | str]] = defaultdict(list)
        self.unpullable: set[str] = set()
        self.holding = False
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.guard = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def of(self, run_id: str) -> list[Task]:
        """The tasks of a run."""
        return [task for task in list(self.tasks.values()) if task.run_id == run_id]

    def run(self, arn: str, request: dict[str, Any]) -> None:
        """Start a task as ECS would; `holding` leaves it pending."""
        task = self.tasks[arn] = Task(arn, request)
        (flow,) = request["overrides"]["containerOverrides"]
        image = self.definition(request["taskDefinition"])["containerDefinitions"][0]["image"]
        if image in self.unpullable:
            why = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: not found"
            task.end = {"stopCode": "TaskFailedToStart", "stoppedReason": why}
        elif not self.holding:
            command = [sys.executable if word == "python" else word for word in flow["command"]]
            home = self.folder / arn.rpartition("/")[2]
            home.mkdir()
            variables = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TOWPATH_HOME": str(home)}
            variables |= {pair["name"]: pair["value"] for pair in flow["environment"]}
            with (home / "output").open("wb") as out:
                task.process = subprocess.Popen(command, env=variables, cwd=home, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def definition(self, arn: str) -> dict[str, Any]:
        """A registered definition."""
        asked = {"taskDefinition": arn}
        status, body = self.forward("POST", "/", json.dumps(asked).encode(), _headers("DescribeTaskDefinition"))
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)["taskDefinition"]
        return found

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Moto's answer."""
        request = urllib.request.Request(self.moto + path, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read()

    def answer(self, name: str, asked: dict[str, Any], path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes] | None:
        """The answer to a call of ECS; None to give none."""
        with self.guard:
            self.calls[name].append(asked)
            planned = self.instead[name].pop(0) if self.instead[name] else None
            if isinstance(planned, tuple):
                return planned[0], json.dumps(planned[1]).encode()
            if name == "RegisterTaskDefinition":
                # moto adds up what containers have, and cannot add nothing; real ECS takes the task's size
                for container in asked["containerDefinitions"]:
                    container.setdefault("memory", int(asked["memory"]))
                body = json.dumps(asked).encode()
            token = str(asked.get("clientToken", ""))
            status, said = self.answers.get(token) or self.forward("POST", path, body, headers)
            if name == "RunTask" and status == 200 and token not in self.answers:
                self.answers[token] = status, said
                for made in json.loads(said)["tasks"]:
                    self.run(made["taskArn"], asked)
            if name == "DescribeTasks" and status == 200:
                found = json.loads(said)
                for row in found["tasks"]:
                    if row["taskArn"] in self.tasks:
                        row.update(self.tasks[row["taskArn"]].told())
                said = json.dumps(found).encode()
            if name == "StopTask" and status == 200:
                self.stop(self.tasks[asked["task"]], asked.get("reason", ""))
            return None if planned == LOST else (status, said)

    def stop(self, task: Task, reason: str) -> None:
        """What StopTask does to it."""
        task.end = {"stopCode": "UserInitiated", "stoppedReason": reason}
        if task.process is not None:
            task.process.terminate()

    def close(self) -> None:
        """End all processes and the server."""
        for task in self.tasks.values():
            if task.process is not None and task.process.poll() is None:
                task.process.kill()
                task.process.wait()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        own = ("host", "content-length", "connection", "expect")
        headers = {key: value for key, value in self.headers.items() if key.lower() not in own}
        target = self.headers.get("x-amz-target", "")
        if target:
            answer = self.server.answer(target.rpartition(".")[2], json.loads(body or b"{}"), self.path, body, headers)
        else:  # EC2, whose calls are forms
            answer = self.server.forward("POST", self.path, body, headers)
        if answer is None:
            self.close_connection = True
            return
        self._send(*answer, "application/x-amz-json-1.1" if target else "text/xml")

    def do_GET(self) -> None:
        """S3, which passes through."""
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
        self._send(*self.server.forward("GET", self.path, b"", headers), "application/octet-stream")

    def _send(self, status: int, said: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest's output is for people."""


def _headers(name: str) -> dict[str, str]:
    scope = "Credential=testing/20260101/eu-central-1/ecs/aws4_request"
    return {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"AmazonEC2ContainerServiceV20141113.{name}",
        "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
    }
