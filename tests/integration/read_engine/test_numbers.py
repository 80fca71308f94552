"""Numbers leave as PostgreSQL wrote them: no digit is lost on the way to the bytes of the answer."""

import pytest

from towpath_read_engine.engine import EngineSettings, Request, Session
from towpath_read_engine.testing import asking


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("{ sample(where: {id: {_eq: 1}}) { exact } }", b'"exact":12345678901234567890.123456789000'),
        (
            "{ sample(where: {id: {_eq: 1}}) { big bigs exacts } }",
            b'"big":9007199254740993,"bigs":[9007199254740993,null],"exacts":[1.50,2]',
        ),
        ("{ author_aggregate { aggregate { avg { id } } } }", b'"id":3.0000000000000000'),
        ("{ article_aggregate { aggregate { avg { rating } stddev_pop { rating } } } }", b'"rating":3.2300000000000000'),
        ("{ article(where: {rating: {_eq: 5}}) { rating meta } }", b'"rating":5.00,"meta":{"langs": [], "words": 5}'),
    ],
)
async def test_digits_are_kept(library, query, written):
    """Scale and size are the database's, in columns, arrays and aggregates."""
    assert written in await library.engine.execute(Request(query), Session())


async def test_stringified_numbers_keep_their_scale(library_url, library_metadata):
    """With STRINGIFY_NUMERIC_TYPES the column's type decides: whole numbers of 32 bits and real stay numbers."""
    async with asking(library_url, library_metadata, EngineSettings(stringify_numeric=True)) as library:
        query = "{ sample(where: {id: {_eq: 1}}) { id big narrow exacts } author_aggregate { aggregate { count avg { id } } } }"
        answer = await library.engine.execute(Request(query), Session())
    assert b'"id":1,"big":"9007199254740993","narrow":1.25,"exacts":["1.50","2"]' in answer
    assert b'"count":5,"avg":{"id":3.0000000000000000}' in answer
