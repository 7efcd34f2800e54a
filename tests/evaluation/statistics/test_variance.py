"""Analysis of variance and Welch's intervals against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from components.evaluation.statistics.variance import (
    analyse_variance,
    variance_ratio,
    welch_contrast,
    welch_difference,
    welch_mean,
)


def test_analysis_of_variance_is_that_of_scipy() -> None:
    generator = np.random.default_rng(0)
    groups = [generator.normal(mean, 1, size) for mean, size in ((0, 5), (0.5, 8), (1, 4))]
    found, reference = analyse_variance(groups), stats.f_oneway(*groups)
    assert (found.f, found.p) == pytest.approx((reference.statistic, reference.pvalue), rel=1e-9)
    assert (found.between_degrees, found.within_degrees) == (2, 14)


def test_two_groups_are_the_squared_t_test() -> None:
    one, other = np.random.default_rng(1).normal(0, 1, (2, 6))
    reference = stats.ttest_ind(one, other)
    found = analyse_variance([one, other])
    assert (found.f, found.p) == pytest.approx((reference.statistic**2, reference.pvalue), rel=1e-9)


def test_welch_is_that_of_scipy() -> None:
    generator = np.random.default_rng(2)
    one, other = generator.normal(0, 1, 5), generator.normal(1, 3, 9)
    reference = stats.ttest_ind(one, other, equal_var=False)
    found = welch_difference(one, other, 0.9)
    interval = reference.confidence_interval(0.9)
    assert (found.mean, found.p) == pytest.approx((one.mean() - other.mean(), reference.pvalue), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(reference.df, rel=1e-9)


def test_a_mean_has_students_interval() -> None:
    scores = np.random.default_rng(3).normal(0, 1, 7)
    interval = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    found = welch_mean(scores, 0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_a_contrast_of_one_against_the_mean_of_two_by_hand() -> None:
    groups = [np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0]), np.array([6.0, 6.0, 9.0])]
    found = welch_contrast(groups, [1.0, -0.5, -0.5], 0.95)
    # Means 2, 3, 7; variances 1, 2, 3 over 3, 2, 3 runs: shares 1/3, 1/4, 1/4.
    assert found.mean == pytest.approx(2 - 5)
    assert found.standard_error**2 == pytest.approx(1 / 3 + 1 / 4 + 1 / 4)
    expected = (5 / 6) ** 2 / ((1 / 9) / 2 + (1 / 16) / 1 + (1 / 16) / 2)
    assert found.degrees_of_freedom == pytest.approx(expected)


def test_what_does_not_vary() -> None:
    same, other = np.full(3, 68.9), np.full(3, 70.1)
    assert (analyse_variance([same, other]).f, analyse_variance([same, other]).p) == (math.inf, 0.0)
    assert math.isnan(analyse_variance([same, same]).f)
    assert welch_difference(same, same, 0.95).p == 1.0
    assert welch_difference(same, other, 0.95).p == 0.0


def test_the_ratio_of_variances_is_that_of_the_larger_one() -> None:
    one, other = np.array([1.0, 2.0, 3.0]), np.array([5.0, 9.0])
    assert variance_ratio(one, other) == variance_ratio(other, one) == pytest.approx(8)
    assert variance_ratio(one, np.array([0.1, 0.1, 0.1])) == math.inf
    assert math.isnan(variance_ratio(np.array([0.1, 0.1]), np.array([0.3, 0.3])))
