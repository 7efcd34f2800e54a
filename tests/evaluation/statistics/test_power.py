"""Power against scipy's non-central t, textbook sample sizes, and simulation with the real test."""

import math

import numpy as np
import pytest
from scipy import stats

from components.evaluation.statistics.estimates import estimate_contrast, estimate_difference, summarise
from components.evaluation.statistics.power import (
    Design,
    design_of,
    detectable_effect,
    power,
    replicates_needed,
)

SEEDS = Design((4e-4, 4e-4), 0.0, 0.0, 500, (3, 3))


def test_power_of_many_replicates_is_that_of_the_t_test() -> None:
    """Cohen's medium effect: 64 in each group find half a standard deviation with power 0.80."""
    found = power(Design((1.0, 1.0), 0.0, 0.0, 500, (64, 64)), 64, 0.5, 0.05)
    noncentrality, critical = 0.5 / math.sqrt(2 / 64), stats.t.ppf(0.975, 126)
    expected = stats.nct.sf(critical, 126, noncentrality) + stats.nct.cdf(-critical, 126, noncentrality)
    assert found == pytest.approx(expected, abs=1e-3)
    assert found == pytest.approx(0.8015, abs=1e-3)


@pytest.mark.parametrize("variances", [(1.0, 1.0), (1.0, 0.05)])
@pytest.mark.parametrize("replicates", [3, 5, 10])
def test_power_is_how_often_welchs_test_finds_it(replicates: int, variances: tuple[float, float]) -> None:
    """Where items are beyond doubt the test is Welch's: scipy's, over simulated replicates."""
    design = Design(variances, 0.0, 0.0, 500, (replicates, replicates))
    effect = detectable_effect(design, replicates, 0.05)
    assert power(design, replicates, effect, 0.05) == pytest.approx(0.81, abs=1e-6)
    generator, runs = np.random.default_rng(replicates), 10_000
    first, second = (generator.normal(0, math.sqrt(v), (runs, replicates)) for v in variances)
    found = int((stats.ttest_ind(first + effect, second, axis=1, equal_var=False).pvalue <= 0.05).sum())
    assert stats.binomtest(found, runs, 0.81).pvalue > 0.001


def test_power_without_an_effect_is_at_most_alpha() -> None:
    assert 0.02 < power(SEEDS, 3, 0.0, 0.05) < power(SEEDS, 30, 0.0, 0.05) < 0.051
    assert power(SEEDS, math.inf, 0.0, 0.05) == 0.0  # no error at all is left, and no effect
    assert detectable_effect(SEEDS, math.inf, 0.05) == 0.0


def test_the_items_share_does_not_shrink() -> None:
    design = Design((1e-4, 1e-4), 1e-4, 0.0, 200, (5, 5))
    limit = detectable_effect(design, math.inf, 0.05)
    assert limit == pytest.approx(detectable_effect(Design((0.0, 0.0), 1e-4, 0.0, 200, (5, 5)), 3, 0.05))
    assert detectable_effect(design, 1000, 0.05) == pytest.approx(limit, rel=2e-3)
    assert replicates_needed(design, 0.95 * limit, 0.05) is None
    needed = replicates_needed(design, 1.1 * limit, 0.05)
    assert needed is not None
    assert power(design, needed, 1.1 * limit, 0.05) >= 0.81 > power(design, needed - 1, 1.1 * limit, 0.05)


def test_a_stricter_level_needs_more_and_a_verdict_three() -> None:
    once, five = (replicates_needed(SEEDS, 0.02, alpha) for alpha in (0.05, 0.01))
    assert once is not None
    assert five is not None
    assert 3 < once < five
    assert replicates_needed(SEEDS, 10.0, 0.05) == 3


def test_caution_is_the_bound_of_the_variance() -> None:
    factor = 4 / stats.chi2.ppf(0.2, 4)
    assert SEEDS.cautious().variances == pytest.approx((4e-4 * factor, 4e-4 * factor))
    assert Design((0.0, 0.0), 1e-4, 0.0, 50, (3, 3)).cautious().variances == (0.0, 0.0)


def test_the_design_of_a_contrast_has_its_standard_error() -> None:
    generator = np.random.default_rng(0)
    arms = [summarise(generator.random((60, 4)) + generator.normal(0, 0.1, (60, 1)), np.arange(60) // 2) for _ in "ab"]
    estimate, design = estimate_difference(*arms, 0.95), design_of(arms, (1.0, -1.0))
    assert design.standard_error(4) == pytest.approx(estimate.standard_error)
    assert (design.clusters, design.replicates) == (30, (4, 4))
    with pytest.raises(ValueError, match="two replicates"):
        design_of([summarise(generator.random((9, 1))), arms[0]], (1.0, -1.0))


def test_the_real_test_finds_the_detectable_effect() -> None:
    """Items with an interaction of their own and seeds of unlike spread: the effect called detectable is found."""
    generator = np.random.default_rng(1)
    replicates, clusters, deviations = 5, 150, (0.02, 0.01)
    # v holds the mean residual too; what an item's own effect gives to the difference is 2 * 0.1^2 / 150.
    variances = (deviations[0] ** 2 + 0.3**2 / clusters, deviations[1] ** 2 + 0.3**2 / clusters)
    design = Design(variances, 2 * 0.1**2 / clusters, 2 * 0.3**2 / clusters, clusters, (replicates, replicates))
    effect = detectable_effect(design, replicates, 0.05)
    runs, found = 600, 0
    for _ in range(runs):
        first, second = (
            summarise(
                0.5
                + shift
                + generator.normal(0, 0.1, (clusters, 1))
                + generator.normal(0, 0.3, (clusters, replicates))
                + generator.normal(0, deviation, replicates)
            )
            for shift, deviation in zip((effect, 0.0), deviations, strict=True)
        )
        found += estimate_difference(first, second, 0.95).p <= 0.05
    interval = stats.binomtest(found, runs).proportion_ci(0.95)
    assert interval.high >= 0.8
    assert interval.low <= 0.84


INTERACTION = (1.0, -1.0, -1.0, 1.0)


@pytest.mark.parametrize("variances", [(1.0, 1.0, 1.0, 1.0), (1.0, 0.05, 0.3, 0.05)])
@pytest.mark.parametrize("replicates", [3, 5])
def test_power_of_an_interaction_is_how_often_welchs_test_finds_it(
    replicates: int, variances: tuple[float, ...]
) -> None:
    """Where items are beyond doubt the test is Welch's of four groups, here by its textbook formula."""
    design = Design(variances, 0.0, 0.0, 500, (replicates,) * 4)
    effect = detectable_effect(design, replicates, 0.05)
    generator, runs = np.random.default_rng(replicates), 10_000
    drawn = [generator.normal(0, math.sqrt(v), (runs, replicates)) for v in variances]
    shares = np.stack([scores.var(axis=1, ddof=1) / replicates for scores in drawn])
    estimates = effect + sum(weight * scores.mean(axis=1) for weight, scores in zip(INTERACTION, drawn, strict=True))
    degrees = shares.sum(axis=0) ** 2 / (shares**2 / (replicates - 1)).sum(axis=0)
    found = int((2 * stats.t.sf(np.abs(estimates) / np.sqrt(shares.sum(axis=0)), degrees) <= 0.05).sum())
    assert stats.binomtest(found, runs, 0.81).pvalue > 0.001


def test_the_real_test_finds_the_detectable_interaction() -> None:
    generator, replicates, clusters = np.random.default_rng(2), 3, 100
    deviations = (0.02, 0.01, 0.015, 0.01)
    variances = tuple(deviation**2 + 0.3**2 / clusters for deviation in deviations)
    design = Design(variances, 4 * 0.1**2 / clusters, 4 * 0.3**2 / clusters, clusters, (replicates,) * 4)
    effect = detectable_effect(design, replicates, 0.05)
    runs, found = 400, 0
    for _ in range(runs):
        arms = [
            summarise(
                0.5
                + shift
                + generator.normal(0, 0.1, (clusters, 1))
                + generator.normal(0, 0.3, (clusters, replicates))
                + generator.normal(0, deviation, replicates)
            )
            for shift, deviation in zip((effect, 0.0, 0.0, 0.0), deviations, strict=True)
        ]
        found += estimate_contrast(arms, INTERACTION, 0.95).p <= 0.05
    interval = stats.binomtest(found, runs).proportion_ci(0.95)
    assert interval.high >= 0.8
    assert interval.low <= 0.85


def test_the_design_of_an_interaction_has_its_standard_error() -> None:
    generator = np.random.default_rng(3)
    arms = [summarise(generator.random((60, 4)) + generator.normal(0, 0.1, (60, 1))) for _ in INTERACTION]
    estimate, design = estimate_contrast(arms, INTERACTION, 0.95), design_of(arms, INTERACTION)
    assert design.standard_error(4) == pytest.approx(estimate.standard_error)
    # Twice the contrast has twice of everything.
    twice = design_of(arms, [2 * weight for weight in INTERACTION])
    assert twice.standard_error(7) == pytest.approx(2 * design.standard_error(7))
    assert detectable_effect(twice, 7, 0.05) == pytest.approx(2 * detectable_effect(design, 7, 0.05))
