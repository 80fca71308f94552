"""An engine on the library database of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.testing import Asker, asking

LIBRARY = Path(__file__).parents[2] / "conformance" / "read_engine" / "library"


def _fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((LIBRARY / "schema.sql").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def library_url(postgres_server, new_template) -> str:
    """The address of a filled library; nobody changes it."""
    return postgres_server.dsn(new_template("read_engine_library", _fill))


@pytest.fixture
def library_metadata() -> Path:
    """The metadata of the library."""
    return LIBRARY / "metadata.json"


@pytest.fixture
async def library(library_url: str, library_metadata: Path) -> AsyncIterator[Asker]:
    """An engine on the library, where a null operand is no condition."""
    async with asking(library_url, library_metadata, EngineSettings(null_collapse=True)) as asker:
        yield asker
