"""How many rows are asked for at once, when it is not known how long a row is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from towpath_gateway.subscriptions.paging import FIRST_PAGE, LONGEST_PAGE, PAGE, Paging


@given(st.lists(st.integers(1, 3_000_000), max_size=300), st.integers(1, 2_000))
def test_all_rows_come_and_no_page_is_long(sizes: list[int], batch_size: int) -> None:
    """Whatever the rows are like, each look gets on: pages end, none but a single row is longer than clients take, none is left out."""
    paging, at, looks = Paging(), 0, 0
    while at < len(sizes):
        assert 1 <= paging.rows <= PAGE
        page = sizes[at : at + min(paging.rows, batch_size)]
        looks += 1
        if paging.accepts(sum(page), len(page)):
            assert sum(page) <= LONGEST_PAGE or len(page) == 1
            at += len(page)
    assert looks <= 8 * len(sizes) + 8


def test_pages_of_short_rows_grow() -> None:
    """A long log of usual lines is read in few pages."""
    paging = Paging()
    sizes = []
    for _ in range(8):
        sizes.append(paging.rows)
        assert paging.accepts(100 * paging.rows, paging.rows)
    assert sizes == [FIRST_PAGE, 40, 80, 160, 320, 640, PAGE, PAGE]


def test_rows_that_cannot_be_divided_come_together() -> None:
    """Where a page has more rows than were asked for, since they are equal, it is sent once no fewer can be asked for."""
    paging = Paging()
    looks = 1
    while not paging.accepts(3_000_000, 200):
        looks += 1
    assert looks <= 10
