"""Distinct large documents, as many as one likes: caches stay within the bytes they were given, and those bytes are real ones."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from towpath_read_engine.database import LONGEST_PREPARED, Database
from towpath_read_engine.engine import Engine, EngineSettings, Request, Session
from towpath_read_engine.errors import ReadError
from towpath_read_engine.metadata_files import load
from towpath_read_engine.session import ReadSession

ROOM = 2 * 1024 * 1024
_SLACK = 256 * 1024
"""What is allocated once: templates, type names, the interpreter's own caches."""

Shape = Callable[[int], tuple[str, dict[str, Any]]]


def _words(n: int, count: int, item: str) -> str:
    return " ".join(item.format(i=f"{n}_{k}") for k in range(count))


SHAPES: dict[str, Shape] = {
    "aliases": lambda n: (f"{{ author {{ {_words(n, 200, 'a{i}: name')} }} }}", {}),
    "roots": lambda n: (f"{{ {_words(n, 40, 'a{i}: author(limit: 3) {{ id }}')} }}", {}),
    "long_names": lambda n: (f"{{ author {{ {_words(n, 5, 'a' * 3000 + '{i}: name')} }} }}", {}),
    "conditions": lambda n: (
        f"query q{n} {{ author(where: {{_or: [{_words(n, 100, '{{name: {{_eq: 1.5}}}}')}]}}) {{ id }} }}".replace("1.5", '"x"'),
        {},
    ),
    "numbers": lambda n: (f"{{ author(where: {{id: {{_in: [{', '.join(str(n * 9000 + k) for k in range(900))}]}}}}) {{ id }} }}", {}),
    "fractions": lambda n: (f"{{ article(where: {{rating: {{_in: [{', '.join(f'{n}.{k}' for k in range(900))}]}}}}) {{ id }} }}", {}),
    "wide_text": lambda n: (f'{{ author(where: {{name: {{_eq: "{n}{chr(0x1F6A4) * 6000}"}}}}) {{ id }} }}', {}),
    "json": lambda n: (f"{{ author(where: {{settings: {{_contains: {{{_words(n, 200, 'k{i}: {{a: true}}')}}}}}}}) {{ id }} }}", {}),
    "fragments": lambda n: (
        f"{{ author {{ {_words(n, 60, '...f{i}')} }} }} " + _words(n, 60, "fragment f{i} on author {{ b{i}: mentor {{ id }} }}"),
        {},
    ),
    "types": lambda n: (
        f"query ($a: T{n}_{'x' * 4000}) {{ author(where: {{settings: {{_contains: {{a: $a}}}}}}) {{ id }} }}",
        {"a": n},
    ),
    "variables": lambda n: (
        "query ($w: [author_bool_exp!]) { author(where: {_or: $w}) { id } }",
        {"w": [{"name": {"_eq": "x"}} if n >> bit & 1 else {"id": {"_eq": bit}, "country": {"_gt": "a"}} for bit in range(5)]},
    ),
    "refused": lambda n: (f"{{ author {{ {_words(n, 200, 'a{i}: name')} nowhere{n} }} }}", {}),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
async def test_caches_weigh_no_more_than_they_may(library, library_metadata, shape: str) -> None:
    """However the documents are large, what stays of them is less than the room, and is at most what the caches say."""
    engine = Engine(library.database, EngineSettings(cache_bytes=ROOM, plans_per_document=4000))
    schema = await engine.load(load(library_metadata))

    def ask(n: int) -> None:
        query, variables = SHAPES[shape](n)
        with pytest.raises(ReadError) if shape == "refused" else nullcontext():
            engine.compile(Request(query, variables), Session())

    ask(0)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        said, dropped, n = schema.cache_weight, False, 1
        while not dropped and n < 1500:
            ask(n)
            dropped = schema.cache_weight <= said
            said, n = schema.cache_weight, n + 1
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert dropped, f"{n} documents were not enough to fill the caches"
    assert ROOM / 80 < schema.cache_weight <= ROOM
    assert after - before <= schema.cache_weight + _SLACK


async def test_a_document_that_is_too_large_is_not_kept(library, library_metadata) -> None:
    """One document cannot drive out all others."""
    engine = Engine(library.database, EngineSettings(cache_bytes=ROOM))
    schema = await engine.load(load(library_metadata))
    small, large = Request("{ author { id } }"), Request(f"{{ author {{ {_words(1, 1900, 'a{i}: name')} }} }}")
    engine.compile(small, Session())
    weight = schema.cache_weight
    for _ in range(3):
        engine.compile(large, Session())
    assert schema.cache_weight == weight
    assert schema.compiled == 4
    engine.compile(small, Session())
    assert schema.compiled == 4


async def test_few_and_short_statements_stay_prepared(library_url, library_metadata) -> None:
    """A statement that comes once is not prepared, one that comes often is, a very long one never; there are so many at most."""
    database = Database(library_url, max_size=1)
    await database.open()
    try:
        engine = Engine(database)
        await engine.load(load(library_metadata))
        often, once = Request("{ author { id } }"), [Request(f"{{ a{n}: author {{ id }} }}") for n in range(ReadSession.most_prepared + 50)]
        long = Request(f"{{ author {{ {_words(1, 900, 'a{i}: name')} }} }}")
        assert len(engine.compile(long, Session()).statement) > LONGEST_PREPARED
        for request in [*once, *[often] * 3, *[long] * 3]:
            await engine.execute(request, Session())
        texts = "select coalesce(json_agg(statement), '[]')::text from pg_prepared_statements"
        assert (await database.fetch(texts)).decode() == f'["{_quoted(engine.compile(often, Session()).statement)}"]'
        for request in once:
            await engine.execute(request, Session())
            await engine.execute(request, Session())
        count = "select count(*)::text from pg_prepared_statements"
        assert int(await database.fetch(count)) == ReadSession.most_prepared
    finally:
        await database.close()


async def test_long_statements_leave_nothing_behind(library_url, library_metadata) -> None:
    """Statements that are too long for every cache are gone when they are answered, from the driver, too."""
    database = Database(library_url, max_size=1)
    await database.open()
    try:
        engine = Engine(database, EngineSettings(cache_bytes=64 * 1024))
        await engine.load(load(library_metadata))
        long = [Request(f"{{ author(limit: 1) {{ {_words(n, 1500, 'a' * 30 + '{i}: id')} }} }}") for n in range(12)]
        together = sum(len(request.query) for request in long)
        await engine.execute(long[0], Session())
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for request in long:
                await engine.execute(request, Session())
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert together > 600_000
        assert after - before < together / 4
    finally:
        await database.close()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
