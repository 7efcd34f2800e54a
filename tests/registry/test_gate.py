"""The gate's statistics, against enumeration, simulation and textbook formulas."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, ttest_1samp

from registry.gate import ALPHA, accuracy_bound, alpha_of_test, decide, paired_bound, sign_flip

FLOORS = {"majority": 0.4, "text_only": 0.5, "image_only": 0.45}


def test_alpha_is_spent_and_never_overspent() -> None:
    spent = [alpha_of_test(number) for number in range(1, 10_001)]
    assert spent == sorted(spent, reverse=True)
    assert ALPHA * 0.999 < sum(spent) < ALPHA


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_sign_flip_equals_enumeration(totals: list[int]) -> None:
    sums = [
        sum(s * t for s, t in zip(signs, totals, strict=True))
        for signs in itertools.product((-1, 1), repeat=len(totals))
    ]
    expected = np.mean([value >= sum(totals) for value in sums])
    assert sign_flip(np.array(totals, dtype=float)) == pytest.approx(expected, rel=1e-12)


def test_sign_flip_of_single_items_is_mcnemar() -> None:
    totals = np.array([1.0] * 30 + [-1.0] * 12 + [0.0] * 500)
    assert sign_flip(totals) == pytest.approx(binomtest(30, 42, alternative="greater").pvalue, rel=1e-9)


def test_bounds_of_single_items_are_the_textbook_ones() -> None:
    random = np.random.default_rng(0)
    alone = np.arange(400)
    differences = random.choice([-1.0, 0.0, 1.0], size=400, p=[0.1, 0.7, 0.2])
    expected = ttest_1samp(differences, 0, alternative="greater").confidence_interval(1 - 0.03).low
    assert paired_bound(differences, alone, 0.03) == pytest.approx((differences.mean(), expected), rel=1e-9)
    correct = (random.random(400) < 0.7).astype(float)
    wins = int(correct.sum())
    # The sample variance divides by n - 1, hence the small difference.
    assert accuracy_bound(correct, alone, 0.05) == pytest.approx(beta.ppf(0.05, wins, 400 - wins + 1), abs=2e-4)


@pytest.mark.parametrize("rate", [0.55, 0.9])
def test_the_accuracy_bound_covers_with_clustered_items(rate: float) -> None:
    random = np.random.default_rng(1)
    clusters, misses = np.repeat(np.arange(60), 5), 0
    for _ in range(2000):
        # Half of the clusters' variance is shared by their items.
        shared = random.random(60) < rate
        own = random.random(300) < rate
        correct = np.where(random.random(300) < 0.7, shared[clusters], own).astype(float)
        misses += accuracy_bound(correct, clusters, 0.05) > rate
    assert binomtest(misses, 2000, alternative="greater").proportion_ci(0.975).low <= 0.05


def test_twenty_equal_challengers_in_a_row() -> None:
    """Promoting any of twenty challengers no better than the champion happens in at most 5% of such sequences."""
    random = np.random.default_rng(2)
    items, size, sequences, false = 400, 4, 600, 0
    clusters = np.repeat(np.arange(items // size), size)
    for _ in range(sequences):
        difficulty = np.clip(0.75 + 0.25 * random.standard_normal(items // size)[clusters], 0, 1)
        draws = (random.random((21, items)) < difficulty).astype(float)
        for number in range(1, 21):
            # What is not ahead cannot be promoted (see the property below): not asking spares half the time.
            ahead = draws[number].sum() > draws[0].sum()
            if ahead and decide(draws[number], draws[0], clusters, {"none": 0.0}, alpha_of_test(number)).promoted:
                false += 1
                break
    assert binomtest(false, sequences, alternative="greater").proportion_ci(0.975).low <= ALPHA


def test_few_discordant_clusters_are_not_enough() -> None:
    """Four wins and no loss: p is 1/16 by exact count, though the t bound would already let it pass."""
    champion = np.zeros(100, dtype=bool)
    champion[:60] = True
    candidate = champion.copy()
    candidate[60:64] = True
    verdict = decide(candidate, champion, np.arange(100), {"none": 0.1}, alpha_of_test(1))
    assert verdict.difference_lower is not None
    assert verdict.difference_lower > 0
    assert verdict.p_value == pytest.approx(1 / 16)
    assert not verdict.promoted


def test_a_clearly_better_candidate_is_promoted_and_the_champion_not_against_itself() -> None:
    random = np.random.default_rng(3)
    groups = [f"picture-{row // 3}" for row in range(900)]
    champion, candidate = random.random(900) < 0.7, random.random(900) < 0.85
    assert decide(candidate, champion, groups, FLOORS, alpha_of_test(5)).promoted
    assert not decide(champion, candidate, groups, FLOORS, alpha_of_test(1)).promoted
    assert not decide(champion, champion, groups, FLOORS, alpha_of_test(1)).promoted
    assert decide(champion, None, groups, FLOORS, alpha_of_test(1)).promoted


def test_clusters_count_not_questions() -> None:
    """The same answers, each repeated fifty times about one picture, are no more evidence than once."""
    champion = np.array([True] * 6 + [False] * 4)
    candidate = np.array([True] * 9 + [False])
    once = decide(candidate, champion, np.arange(10), {"none": 0.1}, 0.05)
    often = decide(np.repeat(candidate, 50), np.repeat(champion, 50), np.repeat(np.arange(10), 50), {"none": 0.1}, 0.05)
    assert (once.promoted, once.p_value) == (often.promoted, pytest.approx(often.p_value))
    assert often.difference_lower == pytest.approx(once.difference_lower)
    assert often.accuracy_lower == pytest.approx(once.accuracy_lower, abs=0.08)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_is_promoted_that_is_not_above_every_floor(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    booleans = st.lists(st.booleans(), min_size=size, max_size=size)
    candidate = np.array(data.draw(booleans))
    champion = np.array(data.draw(booleans)) if data.draw(st.booleans()) else None
    groups = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=size, max_size=size))
    floors = {"majority": data.draw(st.floats(0, 1)), "text_only": data.draw(st.floats(0, 1))}
    verdict = decide(candidate, champion, groups, floors, data.draw(st.floats(1e-6, 0.05)))
    assert 0 <= verdict.accuracy_lower <= verdict.accuracy
    if verdict.promoted:
        assert verdict.accuracy > max(floors.values())
        assert champion is None or candidate.sum() > champion.sum()


def test_few_items_do_not_prove_a_perfect_score() -> None:
    verdict = decide(np.ones(5, dtype=bool), None, list("abcde"), {"text_only": 0.6}, 0.05)
    assert verdict.accuracy == 1.0
    assert verdict.accuracy_lower == pytest.approx(0.05 ** (1 / 5))  # Clopper-Pearson
    assert not verdict.promoted
    assert not decide(np.ones(50, dtype=bool), None, ["one"] * 50, {"text_only": 0.0}, 0.05).promoted
