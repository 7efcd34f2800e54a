"""Percents beside fractions are noticed, and real differences are not taken for them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import CeterisError
from components.evaluation.score_tables.units import refuse_mixed_units


def check(measure: str, **runs: list[float]) -> None:
    refuse_mixed_units(Path("FILE"), measure, {name: np.array(scores) for name, scores in runs.items()})


def test_the_sentence_names_both() -> None:
    with pytest.raises(CeterisError) as caught:
        check("vqa", clip=[0.735, 0.745], vilt=[70.3, 71.0])
    assert str(caught.value) == (
        "FILE, measure vqa: vilt has scores from 70.3 to 71 and clip from 0.735 to 0.745: bring them to one unit, or "
        "write % behind every score."
    )
    with pytest.raises(CeterisError, match=r"clip has scores of 73.9 and also from 0.735 to 0.745"):
        check("vqa", clip=[0.735, 0.745, 73.9], vilt=[0.7, 0.71])


@pytest.mark.parametrize(
    ("measure", "first", "second"),
    [
        ("vqa", [0.9, 0.91], [40.0, 41.0]),
        ("error_rate", [0.05, 0.06], [9.0, 9.5]),
        ("accuracy", [0.2, 0.21], [91.0, 92.0]),  # a factor of 455, which no fraction beside a fraction would have
        ("wer", [0.05, 0.06], [5.0, 6.0]),
        ("r@1", [1.0, 1.0], [99.0, 98.0]),
    ],
)
def test_mixed_units(measure: str, first: list[float], second: list[float]) -> None:
    with pytest.raises(CeterisError, match="bring them to one unit"):
        check(measure, a=first, b=second)


@pytest.mark.parametrize(
    ("measure", "first", "second"),
    [
        ("accuracy", [0.9, 0.91], [0.4, 0.41]),
        ("accuracy", [90.0, 91.0], [1.2, 1.1]),
        ("perplexity", [1.2, 1.3], [30.0, 31.0]),
        ("val_loss", [0.3, 0.31], [30.0, 31.0]),
        ("latency_seconds", [0.5, 0.6], [50.0, 60.0]),
        ("cider", [0.9, 0.95], [1.1, 1.2]),
        ("judge", [0.5, 0.6], [8.0, 8.1]),
        ("correlation", [-0.1, 0.2], [9.0, 9.1]),
        ("points", [0.5, 0.6], [700.0, 800.0]),
        ("accuracy", [0.0, 0.0], [70.0, 71.0]),
    ],
)
def test_real_differences(measure: str, first: list[float], second: list[float]) -> None:
    check(measure, a=first, b=second)


# So close together that no two means, one in percent, are less than a third of a hundredfold apart.
@given(st.lists(st.floats(0.34, 0.99), min_size=4, max_size=4))
def test_a_hundredfold_is_always_noticed_and_one_unit_never(scores: list[float]) -> None:
    check("vqa", a=scores[:2], b=scores[2:])
    check("vqa", a=[100 * score for score in scores[:2]], b=[100 * score for score in scores[2:]])
    with pytest.raises(CeterisError):
        check("vqa", a=scores[:2], b=[100 * score for score in scores[2:]])
