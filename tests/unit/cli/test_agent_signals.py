"""Signals to `towpath agent KIND start`."""

from __future__ import annotations

import signal
import threading

import pytest

from towpath.cli.commands.agent import stop_on_signals


class Agent:
    """Its `stop` takes a lock, as that of a real agent does: the locks of its bells."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def stop(self) -> None:
        if self.lock.acquire(timeout=5):
            self.lock.release()
            self.stopped.set()


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_inside_of_a_lock_that_stopping_takes_stops_the_agent(number):
    """`timeout` sends its signal twice, a nervous person presses Ctrl-C twice: the second one comes while the first is being answered."""
    agent = Agent()
    stop_on_signals(agent)
    with agent.lock:
        signal.raise_signal(number)
        signal.raise_signal(number)
    assert agent.stopped.wait(30)
