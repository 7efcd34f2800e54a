"""Means and differences with intervals over replicates and samples.

Replicates (whole chains with their own seeds) are nested in arms; items are crossed with arms and replicates and may
be clustered (several questions about one picture). That is the multi-reader multi-case design: Obuchowski and Rockette,
Communications in Statistics 24 (1995); Hillis, Statistics in Medicine 26 (2007) for the degrees of freedom. Every score
is y[item, replicate] = mean + replicate + item + residual, so the mean over N items and R replicates has the variance

    var(replicate)/R + var(item)/N + var(residual)/(N R).

With v the variance of the replicates' means (it holds var(residual)/N), an unbiased estimate of that sum is

    V = v/R + max(0, var_items/N - w/(R N)),

where var_items is the variance over items of the items' means and w the residual variance, which the first term already
holds. A contrast of several arms, the sum of c_i times the mean of arm i, adds their c_i^2 v_i and c_i^2 w_i, and takes
var_items of the same sum of the items' means: arms are paired on items, never on the seed's number. A difference has the
weights +1 and -1, a difference of two differences +1, -1, -1 and +1. Clusters enter through sums of deviations by cluster
(the sandwich estimate for a mean). The interval is Student's.

Its degrees of freedom are Satterthwaite's for the replicates of several arms, and between the two parts of V their
harmonic mean, weighted by the parts: V/d = V_replicates/d_replicates + V_items/d_items. Satterthwaite's own rule would
weigh by the squares of the parts. With three replicates it is too bold far out in the tails, where corrected
comparisons are decided: a variance of replicates that comes out small makes V small, and by leaving the larger share
to the well-known items it makes d large as well. Five contrasts with Holm's correction then err in 5 to 7% of all
studies and fifteen in 5 to 9%; with the harmonic mean in less than 5 (`benchmarks/degrees_of_freedom.py`).

Every arm keeps the variance of its own replicates. Drawing variances towards what the arms have in common (empirical
Bayes, as limma does for genes) would narrow intervals by a quarter at three replicates, and is not done: arms differ
severalfold in how much they move from seed to seed, and a difference of the two that move most is then covered 92% of
the time at a nominal 95% (`benchmarks/calibration.py --moderated` shows it).

Arrays: N items, G clusters, R replicates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

MINIMUM_REPLICATES = 3
"""Fewer replicates than this carry no verdict: what is shown is descriptive."""
DIFFERENCE = (1.0, -1.0)
"""The weights of two arms' means in their difference."""


@dataclass(frozen=True)
class Arm:
    """What the statistics need of one arm's scores.

    Attributes:
        replicate_means: (R,) mean score of each replicate.
        deviations: (G, R) sums over each cluster of the deviations from the replicate's mean, divided by N.
        variance: v, the variance of the replicates' means; nan with one replicate.
        items: N.
    """

    replicate_means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    variance: float
    items: int

    @property
    def replicates(self) -> int:
        """R."""
        return len(self.replicate_means)

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the variance."""
        return self.replicates - 1

    @property
    def mean(self) -> float:
        """Mean over items and replicates."""
        return float(self.replicate_means.mean())


@dataclass(frozen=True)
class Estimate:
    """A mean or a contrast with its interval. Ends are nan where they cannot be estimated (a single cluster)."""

    mean: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    p: float
    """Two-sided, against zero."""
    replicate_variance: float
    """The share of the squared standard error that comes from replicates; nan with one replicate."""
    sample_variance: float
    """The share that comes from the choice of items."""


def summarise(scores: ArrayLike, clusters: ArrayLike | None = None) -> Arm:
    """Summarise one arm.

    Args:
        scores: (N, R).
        clusters: (N,) labels of the items' clusters; without them every item is its own.
    """
    values = np.asarray(scores, dtype=np.float64)
    items, replicates = values.shape
    means = values.mean(axis=0)
    deviations = (values - means) / items
    if clusters is not None:
        _, codes = np.unique(np.asarray(clusters), return_inverse=True)
        sums = np.zeros((int(codes.max()) + 1, replicates))
        np.add.at(sums, codes, deviations)
        deviations = sums
    variance = float(means.var(ddof=1)) if replicates > 1 else math.nan
    return Arm(means, deviations, variance, items)


def estimate_mean(arm: Arm, confidence: float) -> Estimate:
    """The mean of one arm with its interval over replicates and samples (over samples alone with one replicate)."""
    return estimate_contrast([arm], [1.0], confidence)


def estimate_difference(first: Arm, second: Arm, confidence: float) -> Estimate:
    """The mean of `first` minus the mean of `second`, paired on items.

    Raises:
        ValueError: the arms were not summarised over the same items and clusters.
    """
    return estimate_contrast([first, second], DIFFERENCE, confidence)


def estimate_contrast(arms: Sequence[Arm], weights: Sequence[float], confidence: float) -> Estimate:
    """The sum of the arms' means, each times its weight, paired on items.

    Raises:
        ValueError: the arms were not summarised over the same items and clusters.
    """
    if len({(arm.items, len(arm.deviations)) for arm in arms}) > 1:
        raise ValueError("a paired comparison needs the same items in all arms")
    weighted = list(zip(weights, arms, strict=True))
    mean, clusters = sum(weight * arm.mean for weight, arm in weighted), len(arms[0].deviations)
    if clusters < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)
    deviations = np.sum([weight * arm.deviations.mean(axis=1) for weight, arm in weighted], axis=0)
    sample_variance = clusters / (clusters - 1) * float((deviations**2).sum())
    replicate_variance, replicate_degrees = math.nan, math.inf
    if all(arm.replicates > 1 for arm in arms):
        residual = sum(weight**2 * residual_variance(arm) / arm.replicates for weight, arm in weighted)
        sample_variance = max(0.0, sample_variance - residual)
        shares = [weight**2 * arm.variance / arm.replicates for weight, arm in weighted]
        replicate_variance = sum(shares)
        squares = sum(share**2 / arm.degrees for share, arm in zip(shares, arms, strict=True))
        if squares > 0:
            replicate_degrees = replicate_variance**2 / squares
    known = 0.0 if math.isnan(replicate_variance) else replicate_variance
    variance = known + sample_variance
    if variance <= 0.0:
        return Estimate(mean, mean, mean, 0.0, float(clusters - 1), float(mean == 0.0), replicate_variance, 0.0)
    degrees = variance / (known / replicate_degrees + sample_variance / (clusters - 1))
    error = math.sqrt(variance)
    reach = error * float(special.stdtrit(degrees, 0.5 + confidence / 2))
    p = 2 * float(special.stdtr(degrees, -abs(mean) / error))
    return Estimate(mean, mean - reach, mean + reach, error, degrees, p, replicate_variance, sample_variance)


def residual_variance(arm: Arm) -> float:
    """w/N: the variance that the item-by-replicate residual gives to the mean of one replicate."""
    clusters = len(arm.deviations)
    residual = arm.deviations - arm.deviations.mean(axis=1, keepdims=True)
    return clusters / (clusters - 1) * float((residual**2).sum()) / (arm.replicates - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (Scandinavian Journal of Statistics 6, 1979), in the given order; nan stays nan."""
    known = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted
