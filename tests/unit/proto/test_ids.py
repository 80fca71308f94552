"""UUIDv7 ids."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from towpath_proto.ids import uuid7, uuid7_floor, uuid7_time


def test_version_and_variant():
    """An id says that it is a UUIDv7 of RFC 9562."""
    for value in (uuid7() for _ in range(100)):
        assert (value.version, value.variant) == (7, "specified in RFC 4122")


def test_ids_of_one_process_keep_their_order():
    """Ids made one after the other sort that way, also 20,000 within a few milliseconds."""
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_share_one_order():
    """No id is made twice by threads that make them at the same time, and each thread sees its own in order."""
    lists: list[list[UUID]] = [[] for _ in range(4)]

    def make(into: list[UUID]) -> None:
        into.extend(uuid7() for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(x,)) for x in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(x == sorted(x) for x in lists)
    assert len({i for x in lists for i in x}) == 8_000


def test_the_time_is_in_it():
    """The moment can be read back; the floor of that moment is not above the id, and the floor of the next one is."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    value = uuid7()
    moment = uuid7_time(value)
    assert before <= moment <= datetime.now(UTC) + timedelta(milliseconds=50)
    assert uuid7_floor(moment) <= value < uuid7_floor(moment + timedelta(milliseconds=1))


def test_a_floor_needs_a_zone():
    """A naive time is refused: nobody can know which moment it is."""
    with pytest.raises(ValueError, match="aware"):
        uuid7_floor(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_other_ids():
    """A child that is forked goes on making ids, and none of its parent's."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(uuid7().bytes for _ in range(100)))
        os._exit(0)
    ours = {uuid7() for _ in range(100)}
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        raw = pipe.read()
    theirs = {UUID(bytes=raw[i : i + 16]) for i in range(0, len(raw), 16)}
    assert len(theirs) == 100
    assert not ours & theirs
