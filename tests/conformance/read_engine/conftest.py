"""Engines on the databases of this folder, and the comparison of a case with what was recorded."""

import json
import os
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from towpath_read_engine.engine import EngineSettings, Turn
from towpath_read_engine.testing import Asker, asking

HERE = Path(__file__).parent
LIBRARY = HERE / "library"
_SETTING = re.compile(r"^# (role|session|variables|settings|customization|turn|live): (.*)$", re.MULTILINE)
_CLAUSE = re.compile(r"\s*\b(left join lateral|from|where|order by)\b")

CheckCase = Callable[[str, Path, Path], Awaitable[None]]


def _fill(url: str, folder: Path = LIBRARY) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((folder / "schema.sql").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def library_url(postgres_server, new_template) -> str:
    """The address of a filled library; nobody changes it."""
    return postgres_server.dsn(new_template("read_engine_library", _fill))


@pytest.fixture
def library_metadata() -> Path:
    """The metadata of the library."""
    return LIBRARY / "metadata.json"


@pytest.fixture(scope="session")
def contrib_url(extended_database) -> str:
    """The address of a database with citext and ltree."""
    return extended_database("ltree", "postgresql postgresql-contrib", HERE / "contrib" / "schema.sql")


@pytest.fixture(scope="session")
def postgis_url(extended_database) -> str:
    """The address of a database with PostGIS."""
    return extended_database("postgis", "postgresql postgresql-postgis", HERE / "postgis" / "schema.sql")


@pytest.fixture
def check_case() -> CheckCase:
    """`await check_case(url, metadata, case)` asks the document of a case and compares statement and answer with what is beside it."""

    async def check(url: str, metadata: Path, case: Path) -> None:
        text = _read(case)
        found = {name: value if name == "role" else json.loads(value, parse_float=Decimal) for name, value in _SETTING.findall(text)}
        settings = EngineSettings(**({"null_collapse": True} | found.get("settings", {})))
        document = json.loads(_read(metadata))
        document["sources"][0]["customization"] = found.get("customization")
        async with asking(url, document, settings) as asker:
            await _compare(asker, case, text, found)

    return check


async def _compare(asker: Asker, case: Path, text: str, found: dict) -> None:
    role, variables = found.get("role", "admin"), found.get("variables", {})
    turn = Turn(**found["turn"]) if "turn" in found else None
    if turn is None:
        answer = await asker.ask(text, variables, role=role, session=found.get("session", {}), live=found.get("live", False))
    else:
        answer = await asker.turn(text, variables, turn=turn, role=role, session=found.get("session", {}))
    if "data" in answer:
        plan = asker.plan(text, variables, role=role, turn=turn, live=found.get("live", False))
        _check(case.with_suffix(".sql"), _pretty(plan.statement))
    _check(case.with_suffix(".json"), json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def _check(path: Path, text: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing; run with UPDATE_SNAPSHOTS=1 and look at it"
    assert text == _read(path)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _pretty(statement: str) -> str:
    """Each clause on a line of its own, indented by its depth; quoted text is left alone."""
    out, depth = "", 0
    for piece in re.split(r"""("(?:[^"]|"")*"|'[^']*'|\(|\)|\s*\b(?:left join lateral|from|where|order by)\b)""", statement):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        clause = _CLAUSE.fullmatch(piece)
        out += f"\n{'  ' * depth}{clause[1]}" if clause else piece
    return out + "\n"
