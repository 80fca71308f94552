"""Concurrent clients that send prepared requests over kept-alive connections as fast as they are answered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.measure import percentile
from tests.benchmarks.processes import cpu_seconds, cpu_since
from towpath_server.testing import Backend

CLIENTS = 8


def encode(document: str, variables: dict[str, Any]) -> bytes:
    """A GraphQL request's body."""
    return json.dumps({"query": document, "variables": variables}).encode()


def together(works: Sequence[Callable[[threading.Barrier], None]]) -> float:
    """Run all `works` in threads; seconds from the moment when all have passed their barrier until the last has ended."""
    barrier = threading.Barrier(len(works) + 1)
    failures: list[BaseException] = []

    def guarded(work: Callable[[threading.Barrier], None]) -> None:
        try:
            work(barrier)
        except BaseException as e:
            failures.append(e)
            barrier.abort()

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        barrier.wait(30)
    except threading.BrokenBarrierError:
        pass  # the failure that broke it is raised below
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Sent:
    """What it was like to send many requests.

    Attributes:
        seconds: From the first request until the last answer.
        calls: Seconds of each call.
        cpu: CPU seconds of the backend meanwhile, by kind of process.
    """

    seconds: float
    calls: list[float]
    cpu: dict[str, float]

    def __str__(self) -> str:
        each = ", ".join(f"{what} {seconds / len(self.calls) * 1000:.2f}" for what, seconds in sorted(self.cpu.items()) if seconds > 0)
        tail = f"{percentile(self.calls, 0.5) * 1000:.1f} ms at the median, p99 {percentile(self.calls, 0.99) * 1000:.0f}"
        return f"{len(self.calls)} calls, {tail}; CPU ms a call: {each}"


def send_all(backend: Backend, bodies: Sequence[Sequence[bytes]]) -> Sent:
    """Let one client per list send its bodies, one after the other.

    Raises:
        RuntimeError: An answer holds an error.
    """
    host = urlsplit(backend.url).netloc
    calls: list[float] = []

    def client(own: Sequence[bytes]) -> Callable[[threading.Barrier], None]:
        def work(barrier: threading.Barrier) -> None:
            connection = HTTPConnection(host, timeout=60)
            connection.connect()
            headers = {"content-type": "application/json"}
            barrier.wait(30)
            for body in own:
                began = time.perf_counter()
                connection.request("POST", "/graphql", body, headers)
                answer = connection.getresponse().read()
                calls.append(time.perf_counter() - began)
                if b'"errors"' in answer or b'"code"' in answer:
                    raise RuntimeError(answer[:500].decode())
            connection.close()

        return work

    before = cpu_seconds(backend.pid)
    seconds = together([client(own) for own in bodies])
    return Sent(seconds, calls, cpu_since(backend.pid, before))
