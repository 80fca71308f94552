"""The dialect as data: each case is a `.graphql` document with its SQL and its answer side by side.

A document's first comment lines may say who asks and with what: `# role: reader`, `# session: {...}`, `# variables: {...}`; and
of what kind the engine is: `# settings: {"null_collapse": false}`; how the source's names are made: `# customization: {...}`; which
turn of a stream it is: `# turn: {"after": [...]}`; and that it is a live query: `# live: true`.
`UPDATE_SNAPSHOTS=1` rewrites the `.sql` and `.json` files; look at the difference before you keep it.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _cases(folder: str):
    return pytest.mark.parametrize("case", sorted((HERE / folder).glob("*/*.graphql")), ids=lambda path: f"{path.parent.name}/{path.stem}")


@_cases("cases")
async def test_case(check_case, library_url, library_metadata, case: Path) -> None:
    """A document compiles to the recorded statement and gets the recorded answer."""
    await check_case(library_url, library_metadata, case)


@_cases("contrib/cases")
async def test_case_with_extensions(check_case, contrib_url, case: Path) -> None:
    """The same with types of extensions, which the embedded PostgreSQL does not have."""
    await check_case(contrib_url, HERE / "contrib" / "metadata.json", case)


@_cases("postgis/cases")
async def test_case_with_postgis(check_case, postgis_url, case: Path) -> None:
    """The same with PostGIS, which lives in a schema that no search path names."""
    await check_case(postgis_url, HERE / "postgis" / "metadata.json", case)
