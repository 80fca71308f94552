"""Logs: events with fields, as JSON and for the eye."""

from __future__ import annotations

import io
import json
import logging

import pytest

from towpath_service_kit import logs
from towpath_service_kit.stimulus import StimulusMiddleware, current, stimulus
from towpath_service_kit.testing import capture_logs


@pytest.fixture
def restored_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("restored_logging")
def test_a_line_is_one_json_object_with_its_fields():
    """Event, fields, service and stimulus stand in one object, a traceback in `error`."""
    out = io.StringIO()
    logs.configure("scheduler", style="json", stream=out)
    with stimulus("req-1"):
        logs.get_log("towpath_x").error("it_broke", error=ValueError("so"), run_id=7)
    line = json.loads(out.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line.pop("error").endswith("ValueError: so")
    assert line == {
        "service": "scheduler",
        "level": "error",
        "logger": "towpath_x",
        "event": "it_broke",
        "stimulus": "req-1",
        "run_id": 7,
    }


@pytest.mark.usefixtures("restored_logging")
def test_libraries_are_heard_from_warning_on():
    """The level is that of our own logs; a library's information is not shown."""
    out = io.StringIO()
    logs.configure("scheduler", style="console", level="debug", stream=out)
    logs.get_log("towpath_x").debug("ours", path="a b")
    logging.getLogger("library").info("quiet %s", 1)
    logging.getLogger("library").warning("loud %s", 2)
    first, second = out.getvalue().splitlines()
    assert first.endswith("debug   ours  path='a b'")
    assert second.endswith("warning loud 2")


def test_captured_lines_are_dicts():
    """A test sees a log line as its fields."""
    with capture_logs() as lines:
        logs.get_log("towpath_x").info("run_reaped", run_id=3)
    assert [(line["event"], line["run_id"], line["level"]) for line in lines] == [("run_reaped", 3, "info")]


@pytest.mark.parametrize(("given", "kept"), [(b"abc-1", True), (b"a b", False), (b"x" * 65, False), (None, False)])
async def test_a_request_keeps_its_stimulus_or_gets_one(given, kept):
    """A plain id from the header is taken over; anything else is replaced."""
    seen = []

    async def app(scope, receive, send):
        seen.append(current())

    headers = [(b"x-towpath-stimulus", given)] if given else []
    await StimulusMiddleware(app)({"type": "http", "headers": headers}, None, None)
    assert (seen[0] == (given or b"").decode()) is kept
    assert seen[0]
    assert current() is None
