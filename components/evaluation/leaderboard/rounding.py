"""Estimates as they stand in the leaderboard: rounded, and null where nothing is known."""

import math
from collections.abc import Sequence

from components.evaluation.leaderboard.entries import Difference, Judgement
from components.evaluation.leaderboard.grade import Grade
from components.evaluation.statistics.equivalence import verdict_of
from components.evaluation.statistics.estimates import Arm, Estimate
from components.evaluation.statistics.power import design_of, detectable_effect
from components.records.scores import Interval


def number(value: float, digits: int = 6) -> float | None:
    """Rounded for JSON; null where not finite."""
    return round(float(value), digits) + 0.0 if math.isfinite(value) else None


def rounded(value: float, digits: int = 6) -> float:
    """Rounded, of what is always known."""
    return round(float(value), digits) + 0.0


def clipped(estimate: Estimate) -> Interval:
    """Mean and interval of a score, which lies between 0 and 1."""
    low, high = (value if math.isnan(value) else min(1.0, max(0.0, value)) for value in (estimate.low, estimate.high))
    return Interval(mean=rounded(estimate.mean), low=number(low), high=number(high))


def difference(
    estimate: Estimate, p_holm: float, p_equivalence: float, p_equivalence_holm: float, tested: bool = True
) -> Difference:
    """A difference with its interval and its p-values, each also after Holm's correction over its family.

    Args:
        tested: without it there is no p-value of a difference; the others are nan then.
    """
    return Difference(
        difference=rounded(estimate.mean),
        low=number(estimate.low),
        high=number(estimate.high),
        p=number(estimate.p) if tested else None,
        p_holm=number(p_holm),
        p_equivalence=number(p_equivalence),
        p_equivalence_holm=number(p_equivalence_holm),
    )


def detectable(arms: Sequence[Arm], weights: Sequence[float], alpha: float) -> float:
    """The effect that a contrast with these replicates would have found four times in five; nan where unknown."""
    try:
        return detectable_effect(design_of(arms, weights), arms[0].replicates, alpha)
    except ValueError:
        return math.nan


def verdict(estimate: Estimate, p_holm: float, p_equivalence_holm: float, confidence: float, grade: Grade) -> Judgement:
    """'better', 'worse', 'equivalent', 'cannot tell', or 'descriptive' where the comparison carries no verdict."""
    if grade.grade == "descriptive":
        return "descriptive"
    return verdict_of(estimate, p_holm, p_equivalence_holm, 1 - confidence)
