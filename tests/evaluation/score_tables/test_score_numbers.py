"""Decimal marks: told by a number that shows it, by the separator, or asked for; never guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import CeterisError
from components.evaluation.score_tables.numbers import Mark, decimal_mark, is_number, number, without_percent


def mark_of(delimiter: str, *written: str, told: Mark | None = None) -> Mark | None:
    return decimal_mark("FILE", delimiter, {text: line for line, text in enumerate(written, 2)}, told)


@pytest.mark.parametrize(
    ("delimiter", "written", "mark"),
    [
        (",", ["0.741", "70"], "."),
        (";", ["0,741", "70"], ","),
        (";", ["0.741", "1.234"], "."),
        (";", ["12,3456", "1,234"], ","),
        ("\t", ["-,5", "1e-3"], ","),
        (",", ["1.234", "74.103"], "."),
        (";", ["1,234", "74,103"], ","),
        ("\t", ["1.234"], "."),
        ("\t", ["1,234"], ","),
        (";", ["1.234,5", "1.234"], ","),
        (",", ["1,234,567", "1,234", "0.5"], "."),
        (";", ["1.234e-05"], "."),
        (",", ["5", "-70", "+3", "1e5"], None),
    ],
)
def test_marks_that_show(delimiter: str, written: list[str], mark: Mark | None) -> None:
    assert mark_of(delimiter, *written) == mark


@pytest.mark.parametrize(
    ("delimiter", "written", "sentence"),
    [
        (";", ["1.234", "5.678"], "FILE, line 2 has 1.234, which may be 1.234 or 1234: say --decimal point or --dec"),
        (",", ["1,234"], "line 2 has 1,234, which may be 1.234 or 1234"),
        ("\t", ["1,234", "5.678"], "line 2 has 1,234, which may be"),
        (";", ["0,5", "1.234"], "line 3 has 1.234, beside 0,5 in line 2, which may be 1.234 or 1234"),
        (";", ["0,5", "0.5"], "FILE has 0.5 in line 3 and 0,5 in line 2: write all numbers with the same decimal mark"),
    ],
)
def test_marks_that_are_asked_for(delimiter: str, written: list[str], sentence: str) -> None:
    with pytest.raises(CeterisError) as caught:
        mark_of(delimiter, *written)
    assert sentence in str(caught.value)


def test_a_mark_that_was_told_is_followed_or_contradicted() -> None:
    assert mark_of(";", "1.234", told=".") == "."
    assert mark_of(";", "0,5", "1.234", told=",") == ","
    with pytest.raises(CeterisError, match="line 2 has 0,5, which is not a number with a decimal point"):
        mark_of(";", "0,5", told=".")


@pytest.mark.parametrize(
    "written", ["", "good", "nan", "inf", "1_000", "0x1", "1.2.3", "1,23,456", "1 234", "0.5%", "."]
)
def test_what_is_no_number(written: str) -> None:
    assert not is_number(written)


def test_percent_signs_come_off() -> None:
    assert [without_percent(text) for text in ("74.1%", "74,1 %", "0.7")] == [
        ("74.1", True),
        ("74,1", True),
        ("0.7", False),
    ]


@given(st.floats(-1e9, 1e9), st.booleans(), st.integers(0, 6))
def test_numbers_with_marks_and_thousands_are_read_back(value: float, german: bool, decimals: int) -> None:
    written = f"{value:,.{decimals}f}"
    mark: Mark = "."
    if german:
        written, mark = written.translate(str.maketrans(",.", ".,")), ","
    assert is_number(written)
    assert number(written, mark) == float(f"{value:.{decimals}f}")


@given(st.lists(st.floats(0, 1).map(lambda value: f"{value:.4f}"), min_size=1, max_size=9), st.sampled_from(",;\t|"))
def test_four_decimals_show_the_mark_between_any_columns(written: list[Any], delimiter: str) -> None:
    assert mark_of(delimiter, *written) == "."
    assert mark_of(delimiter, *(text.replace(".", ",") for text in written)) == ","
