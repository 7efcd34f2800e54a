"""Rank intervals: against counting by hand, and how often all true ranks lie inside."""

import numpy as np
import pytest
from scipy.stats import binomtest

from components.evaluation.statistics.estimates import Arm, estimate_difference, summarise
from components.evaluation.statistics.ranks import rank_intervals


def arm(mean: float, replicates: int = 5, spread: float = 0.001) -> Arm:
    values = mean + spread * np.linspace(-1, 1, replicates)
    return summarise(np.tile(values, (50, 1)))


def test_separated_arms_have_one_rank_each() -> None:
    assert rank_intervals([arm(0.5), arm(0.9), arm(0.7)], 0.95) == [(3, 3), (1, 1), (2, 2)]


def test_equal_arms_share_all_ranks() -> None:
    assert rank_intervals([arm(0.7), arm(0.7), arm(0.7)], 0.95) == [(1, 3)] * 3


def test_a_tie_below_a_winner() -> None:
    assert rank_intervals([arm(0.9), arm(0.70001), arm(0.7), arm(0.2)], 0.95) == [(1, 1), (2, 3), (2, 3), (4, 4)]


def test_what_cannot_be_estimated_separates_nothing() -> None:
    lone = [summarise(np.full((4, 3), value), np.zeros(4)) for value in (0.2, 0.9)]
    assert rank_intervals(lone, 0.95) == [(1, 2), (1, 2)]


def test_pairs_without_a_verdict_separate_nothing_and_are_not_corrected_for() -> None:
    arms = [arm(0.5), arm(0.9), arm(0.7)]
    assert rank_intervals(arms, 0.95, {(0, 1)}) == [(2, 3), (1, 2), (2, 2)]
    assert rank_intervals(arms, 0.95, {(0, 1), (0, 2), (1, 2)}) == [(1, 3)] * 3
    # One comparison at p = 0.03 separates; of two with as much, Holm separates neither.
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.1, (400, 1))
    pair = [
        summarise(mean + spread * np.array([-1.0, 0.0, 1.0]) + noise) for mean, spread in ((0.7, 0.01), (0.722, 0.006))
    ]
    p = estimate_difference(*pair, 0.95).p
    assert 0.025 < p < 0.05
    far = [*pair, summarise(0.7125 + np.array([-0.05, 0.0, 0.05]) + noise)]
    assert rank_intervals(far, 0.95, {(0, 2), (1, 2)}) == [(2, 3), (1, 2), (1, 3)]
    assert rank_intervals(far, 0.95) == [(1, 3)] * 3


@pytest.mark.parametrize("truth", [(0.0, 0.0, 0.0, 0.0), (0.0, 0.004, 0.02, 0.06)])
def test_all_true_ranks_lie_within_at_once(truth: tuple[float, ...]) -> None:
    generator = np.random.default_rng(4)
    runs, wrong = 400, 0
    for _ in range(runs):
        arms = []
        difficulty = generator.normal(0, 0.3, (100, 1))
        for mean in truth:
            own = difficulty + generator.normal(0, 0.05, (100, 1)) + generator.normal(0, 0.01, 4)
            arms.append(summarise(mean + own + generator.normal(0, 0.2, (100, 4))))
        for (best, worst), mean in zip(rank_intervals(arms, 0.95), truth, strict=True):
            if best > 1 + sum(other > mean for other in truth) or worst < sum(other >= mean for other in truth):
                wrong += 1
                break
    assert binomtest(wrong, runs, alternative="greater").proportion_ci(0.975).low <= 0.05
