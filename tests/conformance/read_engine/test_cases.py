"""The dialect as data: each case is a `.graphql` document with its SQL and its answer side by side.

A document's first comment lines may say who asks and with what: `# role: reader`, `# session: {...}`, `# variables: {...}`; and
of what kind the engine is: `# settings: {"null_collapse": false}`.
`UPDATE_SNAPSHOTS=1` rewrites the `.sql` and `.json` files; look at the difference before you keep it.
"""

import json
import os
import re
from pathlib import Path

import pytest

from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.testing import Asker, asking

CASES = sorted((Path(__file__).parent / "cases").glob("*/*.graphql"))
_SETTING = re.compile(r"^# (role|session|variables|settings): (.*)$", re.MULTILINE)
_CLAUSE = re.compile(r"\s*\b(left join lateral|from|where|order by)\b")


def _settings(text: str) -> dict:
    found = dict(_SETTING.findall(text))
    return {
        "role": found.get("role", "admin"),
        "session": json.loads(found.get("session", "{}")),
        "variables": json.loads(found.get("variables", "{}")),
        "settings": json.loads(found.get("settings", "{}")),
    }


def _pretty(statement: str) -> str:
    """Each clause on a line of its own, indented by its depth; quoted text is left alone."""
    out, depth = "", 0
    for piece in re.split(r"""("(?:[^"]|"")*"|'[^']*'|\(|\)|\s*\b(?:left join lateral|from|where|order by)\b)""", statement):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        clause = _CLAUSE.fullmatch(piece)
        out += f"\n{'  ' * depth}{clause[1]}" if clause else piece
    return out + "\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _check(path: Path, text: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing; run with UPDATE_SNAPSHOTS=1 and look at it"
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_case(library, library_url, library_metadata, case: Path) -> None:
    """A document compiles to the recorded statement and gets the recorded answer."""
    text = _read(case)
    settings = _settings(text)
    if not settings["settings"]:
        await _check_case(library, case, text, settings)
        return
    async with asking(library_url, library_metadata, EngineSettings(**settings["settings"])) as other:
        await _check_case(other, case, text, settings)


async def _check_case(library: Asker, case: Path, text: str, settings: dict) -> None:
    answer = await library.ask(text, settings["variables"], role=settings["role"], session=settings["session"])
    if "data" in answer:
        statement = library.plan(text, settings["variables"], role=settings["role"]).statement
        _check(case.with_suffix(".sql"), _pretty(statement))
    _check(case.with_suffix(".json"), json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
