"""Trace context is handed on; spans are made only where somebody collects them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import tracing

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (PARENT, PARENT),
        (None, None),
        ("", None),
        (PARENT.upper(), None),
        (PARENT + "\n", None),
        (PARENT + "-more", None),
        ("ff" + PARENT[2:], None),
        ("00-" + "0" * 32 + PARENT[35:], None),
        (PARENT[:36] + "0" * 16 + "-01", None),
    ],
)
def test_only_well_formed_contexts_are_taken(given: str | None, taken: str | None) -> None:
    """Whatever else comes is as if there were none."""
    assert tracing.accepted(given) == taken


def test_the_context_is_handed_on_without_any_collector() -> None:
    """Within a request its context goes into outgoing headers; outside there is none."""
    headers: dict[str, str] = {}
    with tracing.span("x", kind="server", parent=PARENT) as span:
        span.set("a", 1)
        span.failed("because")
        tracing.outgoing(headers)
        with tracing.span("inner", parent="nonsense"):
            assert tracing.current() == PARENT
    assert headers == {"traceparent": PARENT}
    assert tracing.current() is None
    with tracing.span("x"):
        tracing.outgoing(headers := {})
    assert headers == {}


def test_without_a_collector_opentelemetry_is_not_imported() -> None:
    """Neither by the services' modules nor by starting; memory and start time do not pay for what nobody uses."""
    code = (
        "import sys; import towpath_service_kit.service, towpath_service_kit.tracing as t; t.start('x', {});"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_collector_without_opentelemetry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TowpathError) as caught:
        tracing.start("x", {"TOWPATH_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert caught.value.code is Code.MISSING_EXTRA
