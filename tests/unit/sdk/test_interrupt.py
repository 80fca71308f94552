"""Interrupting code that runs in a thread."""

from __future__ import annotations

import logging
import threading

from towpath.executors.interrupt import Interruptible


def test_a_thread_that_logs_is_interrupted_after_its_record() -> None:
    """So the handler's lock is given back, and whoever logs next is not kept for ever."""
    entered, leave, left = threading.Event(), threading.Event(), threading.Event()

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            entered.set()
            leave.wait(10)
            left.set()

    handler = Slow()
    logger = logging.getLogger("tests.interrupt")
    logger.addHandler(handler)
    ended: list[str] = []

    def work() -> None:
        logger.warning("a record")
        ended.append("went on" if not left.is_set() else "after the record")
        while True:
            pass

    calls = Interruptible()

    def run() -> None:
        try:
            calls.run(work)
        except KeyboardInterrupt:
            ended.append("interrupted")

    worker = threading.Thread(target=run)
    stopper = threading.Thread(target=calls.interrupt)
    try:
        worker.start()
        assert entered.wait(10)
        stopper.start()
        leave.set()
        worker.join(10)
        stopper.join(10)
        assert left.is_set()
        assert ended[-1] == "interrupted"
        assert handler.lock is not None
        assert handler.lock.acquire(blocking=False)
        handler.lock.release()
    finally:
        leave.set()
        logger.removeHandler(handler)
