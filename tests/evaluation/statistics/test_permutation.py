"""The permutation test against scipy, counting by hand, and its own sampled form."""

import numpy as np
import pytest
from scipy import stats

from components.evaluation.statistics import permutation
from components.evaluation.statistics.permutation import permutation_test


@pytest.mark.parametrize(("first", "second"), [(4, 4), (3, 6), (6, 2)])
def test_exact_p_is_that_of_scipy(first: int, second: int) -> None:
    generator = np.random.default_rng(first)
    one, other = generator.normal(0, 1, first), generator.normal(0.8, 1, second)
    reference = stats.permutation_test(
        (one, other), lambda a, b: abs(a.mean() - b.mean()), n_resamples=np.inf, alternative="greater"
    )
    found = permutation_test(one, other)
    assert found.exact
    assert found.p == pytest.approx(reference.pvalue, rel=1e-12)


@pytest.mark.parametrize(("seeds", "smallest"), [(3, 2 / 20), (5, 2 / 252), (6, 2 / 924)])
def test_the_smallest_reachable_p_is_reached(seeds: int, smallest: float) -> None:
    """0.10, 0.0079 and 0.0022 at three, five and six seeds a side."""
    found = permutation_test(np.arange(seeds) / 10, 5 + np.arange(seeds) / 10)
    assert found.p == found.smallest_p == pytest.approx(smallest)


def test_unequal_sides_reach_less() -> None:
    found = permutation_test([1.0, 1.1], [5.0, 5.1, 5.3])
    assert found.p == found.smallest_p == pytest.approx(1 / 10)


def test_the_order_of_the_sides_does_not_matter() -> None:
    one, other = np.random.default_rng(4).normal(0, 1, 12), np.random.default_rng(5).normal(1, 1, 3)
    assert permutation_test(one, other) == permutation_test(other, one)


def test_ties_count_as_extreme() -> None:
    """Sums of decimal numbers in another order differ by rounding, and are the same difference all the same."""
    assert permutation_test([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]).p == 1.0
    assert permutation_test([68.9] * 4, [68.9] * 4).p == 1.0
    shuffled = permutation_test([0.3, 0.1, 0.7], [0.9, 0.5, 1.1])
    assert shuffled.p == permutation_test([0.7, 0.3, 0.1], [1.1, 0.9, 0.5]).p == pytest.approx(4 / 20)


def test_sampled_p_agrees_with_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    one, other = generator.normal(0, 1, 7), generator.normal(1, 1, 7)
    exact = permutation_test(one, other)
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 10)
    sampled = permutation_test(one, other)
    assert exact.exact
    assert not sampled.exact
    assert sampled.p == permutation_test(one, other).p
    assert stats.binomtest(round(sampled.p * (sampled.splits + 1)) - 1, sampled.splits, exact.p).pvalue > 0.001
    apart = permutation_test(np.arange(20.0), 100 + np.arange(20.0))
    assert apart.p == apart.smallest_p == pytest.approx(1 / (permutation.DRAWS + 1))


def test_false_positives_are_at_most_the_level() -> None:
    generator = np.random.default_rng(1)
    runs = 1000
    hits = sum(permutation_test(*generator.exponential(1, (2, 4))).p <= 0.05 for _ in range(runs))
    assert stats.binomtest(hits, runs, alternative="greater").proportion_ci(0.975).low <= 0.05
    assert hits > 0
