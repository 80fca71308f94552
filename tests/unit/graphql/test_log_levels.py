"""The level under which a log line is stored."""

from __future__ import annotations

import logging

import pytest

from towpath_graphql.domain.log_levels import level_of


@pytest.mark.parametrize("number", range(61))
def test_a_number_counts_as_the_level_at_or_below_it(number):
    """As a handler of that level would judge it; Python's own name of the number says the same."""
    expected = max((n for n in (10, 20, 30, 40, 50) if n <= number), default=10)
    assert level_of(number) == logging.getLevelName(expected if number else 20)
    assert level_of(logging.getLevelName(number)) == (logging.getLevelName(expected) if number else "INFO")


@pytest.mark.parametrize(
    ("given", "stored"),
    [(None, "INFO"), ("", "INFO"), ("warn", "WARNING"), ("Fatal", "CRITICAL"), ("NOTICE", "INFO"), (" error ", "ERROR")],
)
def test_names(given, stored):
    """Names in any case; what says nothing is INFO."""
    assert level_of(given) == stored
