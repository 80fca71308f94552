"""Traces: the W3C context of what is being done, and spans of it where somebody collects them.

The context (`traceparent`) is always handed on: from a request's header to the services behind, to the events that it causes, and from
there to agents and runs. Spans are made only when `TOWPATH_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector; only then is
OpenTelemetry imported. A collector that is away costs spans, never a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.logs import get_log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_log = get_log(__name__)
HEADER = "traceparent"
ENDPOINTS = ("TOWPATH_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""The settings that turn spans on: the address of a collector that speaks OTLP over HTTP."""
FLUSH = 2.0
"""Seconds that the last spans of a process get to leave it."""
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("towpath_traceparent", default=None)
_tracer: Tracer | None = None
_provider: TracerProvider | None = None


def accepted(traceparent: str | None) -> str | None:
    """A `traceparent` as it came, if it is one; what a stranger sends ends up in our events."""
    return traceparent if traceparent and _FORM.fullmatch(traceparent) else None


def current() -> str | None:
    """The `traceparent` of what is being done; None when nobody traces it."""
    return _current.get()


@contextlib.contextmanager
def carrying(traceparent: str | None) -> Iterator[None]:
    """Whatever happens within belongs to this context."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


class _Unmeasured:
    """A span that nobody collects."""

    def set(self, name: str, value: str | int) -> None:
        pass

    def failed(self, why: str) -> None:
        pass


class Measured:
    """A span that is collected.

    Args:
        span: OpenTelemetry's.
    """

    def __init__(self, span: Span) -> None:
        self._span = span

    def set(self, name: str, value: str | int) -> None:
        """Note something about it."""
        self._span.set_attribute(name, value)

    def failed(self, why: str) -> None:
        """Mark it as failed."""
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR, why)


Noted = _Unmeasured | Measured
_UNMEASURED = _Unmeasured()


class _Nothing:
    """No span, and no new context: the way of nearly all requests of an installation without a collector."""

    def __enter__(self) -> Noted:
        return _UNMEASURED

    def __exit__(self, *_: object) -> None:
        pass


_NOTHING = _Nothing()


def span(name: str, *, kind: str = "internal", parent: str | None = None, **attributes: str | int) -> AbstractContextManager[Noted]:
    """Do something as a span, a child of `parent` or else of what is being done.

    Args:
        name: What is done; few different ones.
        kind: `server`, `client`, `producer`, `consumer` or `internal`.
        parent: A `traceparent` from outside, which is checked.
        attributes: What is known of it beforehand.
    """
    if _tracer is not None:
        return _measured(_tracer, name, kind, accepted(parent) or current(), attributes)
    given = accepted(parent) if parent else None
    return _NOTHING if given is None or given == _current.get() else _carried(given)


def continued(parent: str | None) -> AbstractContextManager[Noted]:
    """Go on under a `traceparent` from outside, which is checked, without a span of one's own."""
    given = accepted(parent)
    return _NOTHING if given is None else _carried(given)


@contextlib.contextmanager
def _carried(traceparent: str) -> Iterator[Noted]:
    with carrying(traceparent):
        yield _UNMEASURED


@contextlib.contextmanager
def _measured(tracer: Tracer, name: str, kind: str, parent: str | None, attributes: Mapping[str, Any]) -> Iterator[Noted]:
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    outer = TraceContextTextMapPropagator().extract({HEADER: parent} if parent else {})
    with tracer.start_as_current_span(name, outer, SpanKind[kind.upper()], {k.replace("_", "."): v for k, v in attributes.items()}) as made:
        seen = made.get_span_context()
        with carrying(f"00-{seen.trace_id:032x}-{seen.span_id:016x}-{seen.trace_flags:02x}"):
            yield Measured(made)


def outgoing(headers: MutableMapping[str, str]) -> None:
    """Put the present context into a request's headers."""
    traceparent = _current.get()
    if traceparent is not None:
        headers[HEADER] = traceparent


def start(service: str, env: Mapping[str, str]) -> None:
    """Begin to make spans, if the environment names a collector. Once a process; called again it has no effect.

    Args:
        service: The process's name in the traces, unless OTEL_SERVICE_NAME gives another.
        env: The environment.

    Raises:
        TowpathError: `MISSING_EXTRA`.
    """
    global _tracer, _provider
    if _provider is not None or not any(env.get(name, "").strip() for name in ENDPOINTS):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise TowpathError(
            Code.MISSING_EXTRA,
            "A collector of traces is set, but OpenTelemetry is not installed: pip install 'towpath-service-kit[otel]', or unset it.",
        ) from None
    ours = env.get(ENDPOINTS[0], "").strip().rstrip("/")
    exporter = OTLPSpanExporter(endpoint=f"{ours}/v1/traces" if ours else None, timeout=FLUSH)
    resource = Resource.create({"service.name": env.get("OTEL_SERVICE_NAME", "").strip() or f"towpath-{service}"})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("towpath")
    _log.info("tracing_started", endpoint=ours or "as OTEL_* says")


async def stop() -> None:
    """Let the last spans leave, and make no more."""
    global _tracer, _provider
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        await asyncio.to_thread(provider.force_flush, int(FLUSH * 1000))
        await asyncio.to_thread(provider.shutdown)
