"""Statistics against hand-computed cases, an independent reference, and simulated coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from components.evaluation.statistics.estimates import (
    estimate_contrast,
    estimate_difference,
    estimate_mean,
    holm,
    summarise,
)

FIRST = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]], dtype=np.float64)
SECOND = np.array([[0, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=np.float64)


def test_mean_by_hand() -> None:
    # Replicate means 3/4, 1/2, 1/2: v = 1/48. Item means 2/3, 2/3, 0, 1: variance 19/108, over N = 4: 19/432.
    # Sums of squares: all 35/12, items 3 * 19/36 = 19/12, replicates 4 * 1/24 = 1/6; the residual 7/6 over
    # (N-1)(R-1) = 6 degrees gives w = 7/36, of which w / (R N) = 7/432 is in the items' part.
    v = 1 / 48
    samples = 19 / 432 - 7 / 432
    estimate = estimate_mean(summarise(FIRST), 0.95)
    assert estimate.mean == pytest.approx(7 / 12, rel=1e-12)
    assert estimate.replicate_variance == pytest.approx(v / 3, rel=1e-12)
    assert estimate.sample_variance == pytest.approx(samples, rel=1e-12)
    variance = v / 3 + samples
    degrees = variance / ((v / 3) / 2 + samples / 3)
    assert estimate.degrees_of_freedom == pytest.approx(degrees, rel=1e-12)
    low, high = stats.t.interval(0.95, degrees, loc=7 / 12, scale=math.sqrt(variance))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-9)


def reference_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """V of evidence section 3 and its degrees of freedom for items without clusters, from sums of squares."""
    items, replicates = first.shape
    v = [scores.mean(0).var(ddof=1) for scores in (first, second)]
    w = [
        ((s - s.mean(1, keepdims=True) - s.mean(0) + s.mean()) ** 2).sum() / ((items - 1) * (replicates - 1))
        for s in (first, second)
    ]
    paired = (first.mean(1) - second.mean(1)).var(ddof=1)
    samples = max(0.0, paired / items - sum(w) / (replicates * items))
    total = sum(v) / replicates + samples
    welch = sum(v) ** 2 / sum(value**2 / (replicates - 1) for value in v)
    return total, total / (sum(v) / replicates / welch + samples / (items - 1))


@pytest.mark.parametrize("seed", range(5))
def test_difference_against_sums_of_squares(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = (generator.random((30, 4)) + generator.normal(0, 0.2, 4) for _ in range(2))
    estimate = estimate_difference(summarise(first), summarise(second), 0.9)
    variance, degrees = reference_difference(first, second)
    assert estimate.mean == pytest.approx(first.mean() - second.mean(), rel=1e-12)
    assert estimate.standard_error**2 == pytest.approx(variance, rel=1e-10)
    assert estimate.degrees_of_freedom == pytest.approx(degrees, rel=1e-10)
    low, high = stats.t.interval(0.9, degrees, loc=estimate.mean, scale=math.sqrt(variance))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-9)
    assert estimate.p == pytest.approx(2 * stats.t.sf(abs(estimate.mean) / math.sqrt(variance), degrees), rel=1e-9)


INTERACTION = (1.0, -1.0, -1.0, 1.0)


def reference_interaction(cells: list[NDArray[np.float64]]) -> tuple[float, float, float]:
    """(a - b) - (c - d), its V by the formula of the design for +1, -1, -1, +1, and its degrees of freedom."""
    a, b, c, d = cells
    items, replicates = a.shape
    v = [cell.mean(0).var(ddof=1) for cell in cells]
    w = [
        ((s - s.mean(1, keepdims=True) - s.mean(0) + s.mean()) ** 2).sum() / ((items - 1) * (replicates - 1))
        for s in cells
    ]
    paired = (a.mean(1) - b.mean(1)) - (c.mean(1) - d.mean(1))
    between = sum(v) / replicates
    samples = max(0.0, paired.var(ddof=1) / items - sum(w) / (replicates * items))
    welch = between**2 / sum((value / replicates) ** 2 / (replicates - 1) for value in v)
    return paired.mean(), between + samples, (between + samples) / (between / welch + samples / (items - 1))


@pytest.mark.parametrize("seed", range(5))
def test_interaction_against_sums_of_squares(seed: int) -> None:
    generator = np.random.default_rng(20 + seed)
    # Items that are easy for one cell alone, in the odd draws: without them the items' share is cut off at zero.
    cells = [
        generator.random((30, 4)) + generator.normal(0, 0.2, 4) + (seed % 2) * generator.normal(0, 0.5, (30, 1))
        for _ in INTERACTION
    ]
    estimate = estimate_contrast([summarise(cell) for cell in cells], INTERACTION, 0.9)
    mean, variance, degrees = reference_interaction(cells)
    assert estimate.mean == pytest.approx(mean, rel=1e-12)
    assert estimate.standard_error**2 == pytest.approx(variance, rel=1e-10)
    assert estimate.degrees_of_freedom == pytest.approx(degrees, rel=1e-10)
    low, high = stats.t.interval(0.9, degrees, loc=mean, scale=math.sqrt(variance))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-9)
    assert estimate.p == pytest.approx(2 * stats.t.sf(abs(mean) / math.sqrt(variance), degrees), rel=1e-9)


def test_weights_count_as_they_are() -> None:
    generator = np.random.default_rng(30)
    first, second, third = (summarise(generator.random((40, 3)) + generator.normal(0, 0.3, (40, 1))) for _ in "abc")
    assert estimate_contrast([first, second], (1.0, -1.0), 0.95) == estimate_difference(first, second, 0.95)
    whole, half = (estimate_contrast([first, second, third], (2 * c, -c, -c), 0.95) for c in (1.0, 0.5))
    assert (half.mean, half.low, half.high) == pytest.approx((whole.mean / 2, whole.low / 2, whole.high / 2))
    assert (half.p, half.degrees_of_freedom) == pytest.approx((whole.p, whole.degrees_of_freedom))
    with pytest.raises(ValueError, match="same items"):
        estimate_contrast([first, second, third, summarise(FIRST)], INTERACTION, 0.95)


def test_one_replicate_is_the_paired_t_interval_over_samples() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random((2, 50, 1))
    estimate = estimate_difference(summarise(first), summarise(second), 0.95)
    reference = stats.ttest_rel(first[:, 0], second[:, 0])
    assert estimate.p == pytest.approx(reference.pvalue, rel=1e-9)
    interval = reference.confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert math.isnan(estimate.replicate_variance)


def test_many_items_leave_the_replicates_alone() -> None:
    means = np.array([0.5, 0.6, 0.55])
    estimate = estimate_mean(summarise(np.tile(means, (100, 1))), 0.95)
    interval = stats.t.interval(0.95, 2, loc=0.55, scale=means.std(ddof=1) / math.sqrt(3))
    assert (estimate.low, estimate.high) == pytest.approx(interval, rel=1e-9)


def test_clusters_count_once() -> None:
    generator = np.random.default_rng(2)
    scores = generator.random((40, 3))
    clusters = np.repeat(np.arange(40), 5)
    once = estimate_mean(summarise(scores), 0.95)
    copied = estimate_mean(summarise(np.repeat(scores, 5, axis=0), clusters), 0.95)
    assert copied.standard_error == pytest.approx(once.standard_error, rel=1e-12)
    assert copied.degrees_of_freedom == pytest.approx(once.degrees_of_freedom, rel=1e-12)
    unclustered = estimate_mean(summarise(np.repeat(scores, 5, axis=0)), 0.95)
    assert unclustered.standard_error < copied.standard_error


def test_what_cannot_be_estimated_is_nan() -> None:
    one = estimate_mean(summarise(np.ones((4, 3)), np.zeros(4)), 0.95)
    assert one.mean == 1.0
    assert math.isnan(one.low)
    same = estimate_difference(summarise(FIRST), summarise(FIRST), 0.95)
    assert same.mean == 0.0
    assert same.low <= 0.0 <= same.high
    certain = estimate_mean(summarise(np.ones((4, 3))), 0.95)
    assert (certain.low, certain.high) == (1.0, 1.0)
    with pytest.raises(ValueError, match="same items"):
        estimate_difference(summarise(FIRST), summarise(FIRST[:3]), 0.95)


@settings(deadline=None)
@given(arrays(np.int8, (12, 3), elements=st.integers(0, 1)), arrays(np.int8, (12, 3), elements=st.integers(0, 1)))
def test_difference_is_antisymmetric_and_blind_to_order(first: NDArray[np.int8], second: NDArray[np.int8]) -> None:
    forward = estimate_difference(summarise(first), summarise(second), 0.95)
    back = estimate_difference(summarise(second), summarise(first), 0.95)
    assert forward.mean == pytest.approx(-back.mean, abs=1e-12)
    assert forward.low == pytest.approx(-back.high, abs=1e-12)
    assert forward.p == pytest.approx(back.p, abs=1e-9)
    turned = estimate_difference(summarise(first[::-1, ::-1]), summarise(second[::-1]), 0.95)
    assert turned.standard_error == pytest.approx(forward.standard_error, abs=1e-12)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, math.nan, 0.8])[:1] == [1.0]
    assert math.isnan(holm([0.9, math.nan, 0.8])[1])
    assert holm([]) == []


def misses(replicates: int, runs: int, seed: int) -> int:
    """How many 95% intervals for a true difference of zero miss it: items in pairs, arms of unlike seed variance."""
    generator = np.random.default_rng(seed)
    items, missed = 200, 0
    clusters = np.repeat(np.arange(items // 2), 2)
    for _ in range(runs):
        deviations = 0.01 * np.exp(generator.normal(0, 0.5, 2))
        difficulty = generator.normal(0, 0.25, (items // 2, 1))
        summaries = []
        for deviation in deviations:
            own = generator.normal(0, 0.1, (items // 2, 1))
            residual = generator.normal(0, 0.1, (items // 2, replicates))
            chance = 0.5 + difficulty + own + residual + generator.normal(0, deviation, replicates)
            summaries.append(summarise(generator.random((items, replicates)) < np.repeat(chance, 2, axis=0), clusters))
        estimate = estimate_difference(*summaries, 0.95)
        missed += not estimate.low <= 0.0 <= estimate.high
    return missed


@pytest.mark.parametrize("replicates", [3, 5])
def test_intervals_cover(replicates: int) -> None:
    """Nominal 95%, judged with the simulation's own error: fails only where the rate is surely off by over a point."""
    runs = 1000
    found = stats.binomtest(misses(replicates, runs, seed=replicates), runs).proportion_ci(0.95, "exact")
    assert found.low <= 0.06
    assert found.high >= 0.03


@pytest.mark.parametrize("replicates", [3, 5])
def test_intervals_of_an_interaction_cover(replicates: int) -> None:
    """A true interaction of six points between cells of unlike seed variance, on items that each cell finds easy on its own."""
    generator = np.random.default_rng(40 + replicates)
    clusters, runs, missed = np.repeat(np.arange(60), 2), 400, 0
    means, deviations = (0.62, 0.5, 0.56, 0.5), (0.03, 0.01, 0.02, 0.01)
    for _ in range(runs):
        difficulty = generator.uniform(-0.1, 0.1, (60, 1))
        cells = []
        for mean, deviation in zip(means, deviations, strict=True):
            own = generator.uniform(-0.15, 0.15, (60, 1))
            chance = mean + difficulty + own + generator.normal(0, deviation, replicates)
            drawn = generator.random((120, replicates)) < np.repeat(chance, 2, axis=0)
            cells.append(summarise(drawn, clusters))
        estimate = estimate_contrast(cells, INTERACTION, 0.95)
        missed += not estimate.low <= 0.06 <= estimate.high
    found = stats.binomtest(missed, runs).proportion_ci(0.95, "exact")
    assert found.low <= 0.06
    assert found.high >= 0.03


def test_one_replicate_does_not_cover_other_replicates() -> None:
    """Why fewer than three replicates are called descriptive: the interval over samples alone is too narrow."""
    generator = np.random.default_rng(5)
    missed = 0
    for _ in range(300):
        first, second = (generator.random((2000, 1)) < 0.5 + generator.normal(0, 0.02) for _ in range(2))
        estimate = estimate_difference(summarise(first), summarise(second), 0.95)
        missed += not estimate.low <= 0.0 <= estimate.high
    assert missed > 60


@pytest.mark.parametrize("replicates", [3, 5])
def test_mean_interval_covers(replicates: int) -> None:
    generator = np.random.default_rng(10 + replicates)
    runs, missed = 800, 0
    for _ in range(runs):
        chance = 0.6 + generator.normal(0, 0.2, (150, 1)) + generator.normal(0, 0.03, replicates)
        # Scores are graded here rather than drawn, so that the true mean is exactly 0.6.
        estimate = estimate_mean(summarise(chance + generator.normal(0, 0.3, chance.shape)), 0.95)
        missed += not estimate.low <= 0.6 <= estimate.high
    found = stats.binomtest(missed, runs).proportion_ci(0.95, "exact")
    assert found.low <= 0.06
    assert found.high >= 0.03
