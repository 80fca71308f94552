"""Doubles and suites for tests of services. Production code never imports this package (an architecture test holds it).

The doubles pass the same conformance suites as the real adapters.
"""

from towpath_service_kit.testing.bus import MemoryBus
from towpath_service_kit.testing.clock import ManualClock
from towpath_service_kit.testing.lifecycle import START_STOP_CASES, LifecycleCase
from towpath_service_kit.testing.logs import capture_logs

__all__ = ["START_STOP_CASES", "LifecycleCase", "ManualClock", "MemoryBus", "capture_logs"]
