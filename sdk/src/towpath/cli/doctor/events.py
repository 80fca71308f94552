"""Whether a change is written, and heard of at once: registers an agent that does nothing, hears of it by a subscription, and forgets it.

The agent has a label that no run has, and is there for as long as the check takes. The subscription repeats a read when an event says that
it may have changed, so that its answer proves the whole way: write, outbox, NATS, gateway, WebSocket. Its own sweep is far slower than the
time that is allowed here.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from towpath.cli.doctor.finding import Finding, failed, ok, skipped
from towpath.cli.doctor.hops import TIMEOUT
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

if TYPE_CHECKING:
    from towpath.client.client import Client

LABEL = "towpath-doctor"
PROMPT = 3.0
"""Seconds within which an event must arrive."""
_LIVE = "subscription($query: String!, $variables: JSON) { live(query: $query, variables: $variables) { data } }"
_AGENT = "query($name: String!) { agent(where: {name: {_eq: $name}}) { id } }"
_REGISTER = "mutation($input: register_agent_input!) { register_agent(input: $input) { id } }"
_FORGET = "mutation($input: delete_agent_input!) { delete_agent(input: $input) { success } }"


def writing_and_events(client: Client) -> Iterator[Finding]:
    """The subscription, the write path, and the way of an event from one to the other."""
    name = f"{LABEL}-{uuid7()}"
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = threading.Event()

    def listen() -> None:
        try:
            variables = {"query": _AGENT, "variables": {"name": name}}
            for data in client.subscribe(_LIVE, variables, stop=stop, on_disconnect=heard.put):
                heard.put(data)
        except TowpathError as e:
            heard.put(e)

    listener = threading.Thread(target=listen, name="towpath doctor", daemon=True)
    listener.start()
    try:
        began = time.perf_counter()
        first = _next(heard, TIMEOUT)
        connected = isinstance(first, dict)
        if connected:
            yield ok("subscriptions", f"a WebSocket takes them ({_ms(began)})")
        else:
            reason = str(first) or type(first).__name__ if first is not None else f"no answer within {TIMEOUT:g} s"
            yield failed("subscriptions", reason, "Let proxies between here and the gateway pass WebSockets at /graphql.")
        yield from _write(client, name, heard if connected else None)
    finally:
        stop.set()
        listener.join(TIMEOUT)


def _write(client: Client, name: str, heard: queue.SimpleQueue[Any] | None) -> Iterator[Finding]:
    began = time.perf_counter()
    value = {"type": "Doctor", "name": name, "labels": [LABEL]}
    try:
        made = client.graphql(_REGISTER, {"input": value}, patience=0, timeout=TIMEOUT)["register_agent"]["id"]
    except TowpathError as e:
        if e.code == Code.FORBIDDEN:
            yield skipped("writing", "your role may not write")
        else:
            yield failed("writing", f"{e.message} ({e.code})", "See the log of the graphql service, and whether PostgreSQL runs.")
        yield skipped("events", "needs a write")
        return
    try:
        yield ok("writing", f"a record was stored ({_ms(began)})")
        if heard is None:
            yield skipped("events", "needs a subscription")
            return
        answer = _next(heard, PROMPT)
        if isinstance(answer, dict):
            yield ok("events", f"heard of it by subscription ({_ms(began)})")
        else:
            advice = (
                "See whether NATS runs and is reached by graphql and gateway; until then everything happens by sweep, some seconds late."
            )
            yield failed("events", f"did not hear of it within {PROMPT:g} s", advice)
    finally:
        client.graphql(_FORGET, {"input": {"agent_id": made}}, timeout=TIMEOUT)


def _next(heard: queue.SimpleQueue[Any], seconds: float) -> Any:
    try:
        return heard.get(timeout=seconds)
    except queue.Empty:
        return None


def _ms(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.0f} ms"
