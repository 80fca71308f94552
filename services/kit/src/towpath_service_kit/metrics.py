"""Prometheus metrics, one registry per service.

Several services may live in one process (standalone), so nothing is registered globally. A metric's name begins with `towpath_`; labels are
few and bounded, never ids.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; the default buckets of a histogram."""


class Metrics:
    """The metrics of one service.

    Args:
        process: Whether to add the process's own (memory, CPU, open files).
    """

    def __init__(self, *, process: bool = True) -> None:
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def counter(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Counter:
        """A new counter."""
        return Counter(name, help_text, labels, registry=self.registry)

    def gauge(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Gauge:
        """A new gauge."""
        return Gauge(name, help_text, labels, registry=self.registry)

    def histogram(self, name: str, help_text: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = LATENCY_BUCKETS) -> Histogram:
        """A new histogram."""
        return Histogram(name, help_text, labels, registry=self.registry, buckets=buckets)

    def value(self, name: str, **labels: str) -> float:
        """The present value of a sample (0 when it was never touched); for tests and health checks."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def render(self) -> bytes:
        """All of them in the text format."""
        return generate_latest(self.registry)
