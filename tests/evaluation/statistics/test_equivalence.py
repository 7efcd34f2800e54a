"""Equivalence against two t tests of scipy, and the word for every combination of the two tests."""

import math

import numpy as np
import pytest
from scipy import stats

from components.evaluation.statistics.equivalence import equivalence_p, verdict_of
from components.evaluation.statistics.estimates import Estimate, estimate_difference, summarise


def estimate(mean: float, error: float, degrees: float = 8.0) -> Estimate:
    return Estimate(mean, math.nan, math.nan, error, degrees, math.nan, error**2, 0.0)


@pytest.mark.parametrize("shift", [-0.4, 0.0, 0.25])
def test_two_one_sided_tests_are_those_of_scipy(shift: float) -> None:
    """With one replicate the estimate is the paired t test over items: scipy has both of its one-sided halves."""
    first, second = np.random.default_rng(0).normal(0, 1, (2, 40, 1))
    paired = first[:, 0] + shift - second[:, 0]
    above = stats.ttest_1samp(paired, -0.5, alternative="greater").pvalue
    below = stats.ttest_1samp(paired, 0.5, alternative="less").pvalue
    found = equivalence_p(estimate_difference(summarise(first + shift), summarise(second), 0.95), 0.5)
    assert found == pytest.approx(max(above, below), rel=1e-9)


@pytest.mark.parametrize("margin", [0.012, 0.016, 0.02, 0.05])
def test_equivalent_exactly_where_the_90_percent_interval_lies_within_the_margin(margin: float) -> None:
    low, high = stats.t.interval(0.9, 8, loc=0.004, scale=0.006)
    assert (equivalence_p(estimate(0.004, 0.006), margin) <= 0.05) == (-margin <= low and high <= margin)


def test_at_the_margin_the_p_is_a_half() -> None:
    assert equivalence_p(estimate(0.01, 0.003), 0.01) == pytest.approx(0.5)
    assert equivalence_p(estimate(-0.03, 0.003), 0.01) > 0.99


def test_certain_and_unknown_estimates() -> None:
    assert equivalence_p(estimate(0.0, 0.0), 0.01) == 0.0
    assert equivalence_p(estimate(0.01, 0.0), 0.01) == 1.0
    assert math.isnan(equivalence_p(estimate(0.0, math.nan), 0.01))
    with pytest.raises(ValueError, match="above zero"):
        equivalence_p(estimate(0.0, 0.1), 0.0)


@pytest.mark.parametrize(
    ("mean", "p", "equivalence", "word"),
    [
        (0.02, 0.01, 0.60, "better"),
        (-0.02, 0.01, 0.60, "worse"),
        (0.02, 0.20, 0.60, "cannot tell"),
        (0.001, 0.80, 0.01, "equivalent"),
        (0.001, 0.01, 0.01, "equivalent"),
        (0.02, 0.01, math.nan, "better"),
        (0.02, math.nan, math.nan, "cannot tell"),
        (0.0, 0.0, 0.60, "cannot tell"),
    ],
)
def test_every_word(mean: float, p: float, equivalence: float, word: str) -> None:
    assert verdict_of(estimate(mean, 0.005), p, equivalence, 0.05) == word
