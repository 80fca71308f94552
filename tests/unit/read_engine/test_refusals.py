"""How refused values are told of: numbers as Haskell writes them, kinds as its readers of JSON name them."""

from decimal import Decimal

import pytest

from towpath_read_engine.errors import ReadError
from towpath_read_engine.refusals import misfit, scientific
from towpath_read_engine.scalars import PgType, builtin, encode, encode_limit, encode_offset


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "0.0"),
        (42, "42.0"),
        (40000, "40000.0"),
        (2147483648, "2.147483648e9"),
        (-2147483649, "-2.147483649e9"),
        (9999999, "9999999.0"),
        (10000000, "1.0e7"),
        (5 * 10**9, "5.0e9"),
        (Decimal("1.5"), "1.5"),
        (Decimal("1.5e3"), "1500.0"),
        (Decimal("123.450"), "123.45"),
        (Decimal("0.50"), "0.5"),
        (Decimal("-0.25"), "-0.25"),
        (Decimal("0.001"), "1.0e-3"),
        (Decimal("2.5e-3"), "2.5e-3"),
        (Decimal("1e400"), "1.0e400"),
        (Decimal("0e99"), "0.0"),
    ],
)
def test_numbers_as_haskell_writes_them(number, written):
    """Fixed between 0.1 and ten millions, with an exponent elsewhere."""
    assert scientific(number) == written


def test_a_long_number_is_cut():
    """A sentence does not grow with what was sent."""
    assert len(scientific(Decimal("1." + "1" * 100_000))) < 100


@pytest.mark.parametrize(
    ("value", "base", "sentence"),
    [
        (1, "text", "parsing Text failed, expected String, but encountered Number"),
        ([], "int4", "parsing Integer expected for input type: PGInteger failed, expected Number, but encountered Array"),
        ({}, "bool", "expected Bool, but encountered Object"),
        (True, "numeric", "parsing Scientific failed, expected Number, but encountered Boolean"),
        ("x", "uuid", "parsing UUID failed, expected String, but encountered String"),
        (None, "date", "parsing Day failed, expected String, but encountered Null"),
        (Decimal(1), "interval", "A string is expected for type: a"),
    ],
)
def test_kinds(value, base, sentence):
    """Each type has its reader; what has none wants a string."""
    error = misfit(value, base, "a", "$.x")
    assert (error.code, error.message, error.path) == ("parse-failed", sentence, "$.x")


@pytest.mark.parametrize("value", [Decimal("7.0"), Decimal("70e-1"), 7])
def test_whole_numbers_however_they_are_written(value):
    """A JSON library may write 7 as 7.0."""
    assert {encode(value, builtin(name), "$") for name in ("int2", "int4", "int8")} == {"7"}
    assert (encode_limit(value, builtin("int8"), "$"), encode_offset(value, builtin("int8"), "$")) == ("7", "7")


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (Decimal("1e999999999"), builtin("int8")),
        (Decimal("1e999999999"), builtin("float8")),
        (10**399, builtin("float4")),
        (Decimal("1.5"), builtin("int4")),
        (1, builtin("bool")),
        (1, PgType("public", "size", "size")),
    ],
)
def test_values_that_do_not_fit(value, type_):
    """They are refused at once, however large, and not turned into something else."""
    with pytest.raises(ReadError) as caught:
        encode(value, type_, "$.x")
    assert (caught.value.code, caught.value.path) == ("parse-failed", "$.x")
