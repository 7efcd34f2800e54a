"""The search of a learning rate by successive halving: most candidates are given up early.

Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020 (ASHA). What is promoted, Optuna decides:
a candidate goes on if it is in the best 1/reduction of all that came as far so far, so none waits for another.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from components.study.settings import TuningSettings
from components.training.seeds import derive

Score = Callable[[float, int], float]
"""How good a factor is on a rung (its index): higher is better, not a number where training came to nothing."""


@dataclass
class Trial:
    """A candidate, and its score on every rung that it reached, the shortest first."""

    factor: float
    scores: list[float] = field(default_factory=list)


def candidates(settings: TuningSettings, seed: int) -> list[float]:
    """The factors, evenly spaced on a logarithmic scale, in the order in which every arm tries them.

    The one nearest to the study's own rate comes first: a good beginning spares the most. The others come in an order that
    the seed decides.
    """
    count, span = settings.trials, math.log(settings.highest / settings.lowest)
    spaced = [float(f"{settings.lowest * math.exp(span * i / max(1, count - 1)):.4g}") for i in range(count)]
    first = min(spaced, key=lambda factor: abs(math.log(factor)))
    others = sorted((f for f in spaced if f != first), key=lambda factor: derive(seed, "candidate", factor))
    return [first, *others]


def shares(settings: TuningSettings) -> list[float]:
    """The share of the whole budget on each rung; the last is the whole of it."""
    return [1 / settings.reduction**rung for rung in reversed(range(settings.rungs))]


def halve(factors: Sequence[float], settings: TuningSettings, score: Score) -> list[Trial]:
    """Try the factors in order, each for as long as it is among the best.

    Returns:
        The trials in the order in which they were made; the first to reach a rung always goes on from it.
    """
    # Loaded where it is used: studies that search nothing need not wait for it.
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=settings.reduction)
    search = optuna.create_study(direction="maximize", pruner=pruner)
    trials = []
    for factor in factors:
        search.enqueue_trial({"factor": factor})
        asked = search.ask()
        trial = Trial(asked.suggest_float("factor", factor, factor))
        pruned = False
        for rung in range(settings.rungs):
            trial.scores.append(score(factor, rung))
            asked.report(trial.scores[-1], settings.reduction**rung)
            if pruned := asked.should_prune() and rung + 1 < settings.rungs:
                break
        state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
        search.tell(asked, None if pruned else trial.scores[-1], state=state)
        trials.append(trial)
    return trials


def best(trials: Sequence[Trial], settings: TuningSettings) -> float:
    """The factor with the best score on the whole budget; of equal ones, the nearest to the study's own rate.

    Raises:
        ValueError: no trial came to anything.
    """
    whole = [trial for trial in trials if len(trial.scores) == settings.rungs and not math.isnan(trial.scores[-1])]
    if not whole:
        raise ValueError("no candidate trained to the end")
    return max(whole, key=lambda trial: (trial.scores[-1], -abs(math.log(trial.factor)))).factor
