"""Successive halving: who goes on, what it costs, and that everybody gets the same candidates."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from components.study.settings import TuningSettings
from components.training.halving import Trial, best, candidates, halve, shares


def settings_of(**changes: Any) -> TuningSettings:
    values = {"trials": 16, "lowest": 0.125, "highest": 8.0, "rungs": 3, "reduction": 4}
    return TuningSettings.model_validate({**values, **changes})


def curve(optimum: float) -> Any:
    """Better with every rung, best at the optimum, and never equal for two factors."""
    return lambda factor, rung: rung - abs(math.log(factor / optimum)) + 1e-6 * factor


def cost(trials: list[Trial], settings: TuningSettings) -> float:
    """In whole budgets."""
    return sum(sum(shares(settings)[: len(trial.scores)]) for trial in trials)


def test_candidates_span_the_range_evenly_and_begin_near_the_studys_own_rate() -> None:
    found = candidates(settings_of(trials=7), seed=1)
    assert sorted(found) == [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
    assert found[0] == 1.0
    assert found != sorted(found)
    assert found == candidates(settings_of(trials=7), seed=1) != candidates(settings_of(trials=7), seed=2)


def test_each_rung_has_a_share_and_the_last_is_the_whole() -> None:
    assert shares(settings_of(rungs=3, reduction=4)) == [1 / 16, 1 / 4, 1.0]
    assert shares(settings_of(rungs=1)) == [1.0]


@hypothesis_settings(deadline=None)
@given(
    st.integers(2, 40),
    st.integers(1, 4),
    st.integers(2, 4),
    st.floats(0.1, 10.0),
    st.integers(0, 99),
)
def test_only_the_best_so_far_go_on(trials: int, rungs: int, reduction: int, optimum: float, seed: int) -> None:
    settings = settings_of(trials=trials, rungs=rungs, reduction=reduction)
    made = halve(candidates(settings, seed), settings, curve(optimum))
    assert len(made) == trials
    for rung in range(rungs):
        seen: list[float] = []
        for trial in made:
            if len(trial.scores) <= rung:
                continue
            seen.append(trial.scores[rung])
            # The rule of Li et al.: in the best 1/reduction of those that came as far; the very best of the first few.
            promoted = trial.scores[rung] >= sorted(seen, reverse=True)[max(1, len(seen) // reduction) - 1]
            if rung + 1 < rungs:
                assert (len(trial.scores) > rung + 1) == promoted
    assert all(len(trial.scores) >= 1 for trial in made)
    # Where rungs agree on what is good, nothing is lost against trying everything to the end.
    assert best(made, settings) == max(candidates(settings, seed), key=lambda f: curve(optimum)(f, rungs - 1))


def test_it_costs_a_third_of_the_full_grid_or_less_on_average() -> None:
    settings = settings_of()
    ratios = [
        cost(halve(candidates(settings, seed), settings, curve(optimum)), settings) / settings.trials
        for seed in range(40)
        for optimum in (0.3, 1.0, 3.0)
    ]
    assert sum(ratios) / len(ratios) < 1 / 3


def test_what_diverged_is_given_up_and_never_chosen() -> None:
    settings = settings_of(trials=6)

    def score(factor: float, rung: int) -> float:
        return math.nan if factor > 2 else curve(4.0)(factor, rung)

    made = halve(candidates(settings, 1), settings, score)
    assert all(len(trial.scores) == 1 for trial in made if trial.factor > 2)
    assert best(made, settings) <= 2
    with pytest.raises(ValueError, match="no candidate trained to the end"):
        best(halve([4.0, 8.0], settings, score), settings)


def test_of_equal_scores_the_nearest_to_the_studys_own_rate_is_chosen() -> None:
    settings = settings_of(rungs=1)
    assert best([Trial(4.0, [0.5]), Trial(0.5, [0.5]), Trial(0.9, [0.4])], settings) == 0.5


@pytest.mark.parametrize("changes", [{"trials": 1}, {"lowest": 8.0}, {"lowest": 9.0}])
def test_a_search_over_nothing_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a search needs at least two trials"):
        settings_of(**changes)
    settings_of(**{**changes, "trials": 0})
