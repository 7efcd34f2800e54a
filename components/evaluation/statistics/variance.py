"""Analysis of variance and Welch's intervals, for scores that come without test items: one number a run.

Such a file knows how runs vary and nothing of the choice of test items, so its intervals are about these items.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from components.evaluation.statistics.estimates import Estimate

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """A one-way analysis of variance; F and p are nan where nothing varies at all."""

    f: float
    p: float
    between_degrees: int
    within_degrees: int


def analyse_variance(groups: Sequence[Scores]) -> Analysis:
    """Test whether all groups, each (n,), have one mean; their variances are taken to be equal."""
    scores = np.concatenate(groups)
    between_degrees, within_degrees = len(groups) - 1, len(scores) - len(groups)
    between = sum(len(group) * (group.mean() - scores.mean()) ** 2 for group in groups) / between_degrees
    within = sum((len(group) - 1) * _variance(group) for group in groups) / within_degrees
    f = between / within if within > 0 else math.inf if scores.min() < scores.max() else math.nan
    p = 0.0 if math.isinf(f) else float(special.fdtrc(between_degrees, within_degrees, f))
    return Analysis(float(f), p, between_degrees, within_degrees)


def welch_contrast(groups: Sequence[Scores], weights: Sequence[float], confidence: float) -> Estimate:
    """A weighted sum of the groups' means with Welch's interval: every group, (n,), keeps its own variance."""
    mean = sum(weight * float(group.mean()) for weight, group in zip(weights, groups, strict=True))
    shares = [weight**2 * _variance(group) / len(group) for weight, group in zip(weights, groups, strict=True)]
    variance = sum(shares)
    if variance == 0.0:
        return Estimate(mean, mean, mean, 0.0, math.nan, float(mean == 0.0), 0.0, math.nan)
    below = sum(share**2 / (len(group) - 1) for share, group in zip(shares, groups, strict=True))
    degrees, error = variance**2 / below, math.sqrt(variance)
    reach = error * float(special.stdtrit(degrees, 0.5 + confidence / 2))
    p = 2 * float(special.stdtr(degrees, -abs(mean) / error))
    return Estimate(mean, mean - reach, mean + reach, error, degrees, p, variance, math.nan)


def welch_difference(first: Scores, second: Scores, confidence: float) -> Estimate:
    """The mean of `first` minus the mean of `second`, with Welch's interval."""
    return welch_contrast([first, second], [1.0, -1.0], confidence)


def welch_mean(scores: Scores, confidence: float) -> Estimate:
    """The mean of one group with Student's interval."""
    return welch_contrast([scores], [1.0], confidence)


def variance_ratio(first: Scores, second: Scores) -> float:
    """The larger variance by the smaller one; inf where one side alone varies, nan where neither does."""
    small, large = sorted((_variance(first), _variance(second)))
    return large / small if small > 0 else math.inf if large > 0 else math.nan


def _variance(group: Scores) -> float:
    """Exactly zero where all scores are the same, which the rounding of their mean would hide."""
    return float(group.var(ddof=1)) if group.min() < group.max() else 0.0
