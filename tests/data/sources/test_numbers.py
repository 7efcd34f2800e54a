"""Numbers with points and commas; what can be read in two ways is not read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.sources.numbers import number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12.0),
        (" -3.50 ", -3.5),
        ("+.5", 0.5),
        ("2.", 2.0),
        ("1e3", 1000.0),
        ("12,5", 12.5),
        ("-0,25", -0.25),
        (",5", 0.5),
        ("0,125", 0.125),
        ("1234,567", 1234.567),
        ("1,25e2", 125.0),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234,5", 1234.5),
        ("1\u202f234", 1234.0),
        ("1’234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("\u22125", -5.0),
    ],
)
def test_what_is_a_number(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "1,234", "-12,345", "1,2,3", "1.2.3", "12,5,", "1_000", "nan", "inf", "1e999", "0x1", "12 px", "٣"],
)
def test_what_is_none_or_ambiguous(text: str) -> None:
    assert number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_of_python_comes_back(value: float) -> None:
    assert number(repr(value)) == value


@given(st.text(max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    assert number(text) is None or isinstance(number(text), float)


@given(st.decimals(places=2, allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_two_decimals_after_a_comma_are_never_ambiguous(value: object) -> None:
    assert number(str(value).replace(".", ",")) == float(str(value))
