"""What a contrast can see: its power, the effect it can detect, and the replicates that an effect needs.

The standard error has two parts. The one between replicates shrinks with their number R; the one from the choice of
test items does not, whatever is repeated:

    V(R) = (v_1 + v_2)/R + V_items

with four v where two differences are set against one another.

Power is that of the two-sided t test that the contrast ends in. Its critical value moves with the estimated variances,
which few replicates estimate badly, so power is averaged over what they may come out as: chi-squared between replicates,
normal over items and never below zero (as in `statistics.py`), all independent of the means. A non-central t with the
degrees of freedom of the true variances would promise 80% where three replicates reach 70 to 75. A study with m declared
contrasts plans at alpha/m, the first and hardest step of Holm's procedure.

The variances are those of a study that was run, and a variance of few replicates is hardly known: `cautious` takes the
upper bound of what it may be, and what is planned with it is enough four times out of five.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from components.evaluation.statistics.estimates import MINIMUM_REPLICATES, Arm, estimate_contrast, residual_variance

POWER = 0.8
_AIM = (
    POWER + 0.01
)  # simulated studies find what is planned at 0.8 in 79 to 80%: averages over quantiles flatter a little
MOST_REPLICATES = 1000
_CAUTION = 0.8
_QUANTILES, _ITEM_QUANTILES = (
    32,
    9,
)  # of each variance; a detectable effect changes by less than half a percent with more
_ROOTS = np.sqrt([2, 3, 5, 7])


@dataclass(frozen=True)
class Design:
    """What decides how much one contrast can see.

    Attributes:
        variances: v of every arm, between replicates, times its squared weight.
        sample_variance: V_items, of the contrast of the means over the test items.
        residual_variance: w/N of all arms, likewise: what items and replicates together leave unexplained in one
            replicate's means.
        clusters: independent clusters of test items.
        replicates: how many replicates of each arm the variances come from.
    """

    variances: tuple[float, ...]
    sample_variance: float
    residual_variance: float
    clusters: int
    replicates: tuple[int, ...]

    def standard_error(self, replicates: float) -> float:
        """With so many replicates of each arm; `math.inf` for the limit."""
        return math.sqrt(sum(self.variances) / replicates + self.sample_variance)

    def critical(self, replicates: float, alpha: float) -> NDArray[np.float64]:
        """(Q^2, I) what a contrast must exceed to be significant, over equally likely estimates of all variances."""
        degrees = min(replicates, 1e9) - 1
        factors = special.chdtri(degrees, _equally_likely(len(self.variances))) / degrees
        shares = [
            variance / replicates * factor[:, None] for variance, factor in zip(self.variances, factors, strict=True)
        ]
        items, between, squares = self._sample_variances(replicates), sum(shares), sum(share**2 for share in shares)
        variance = between + items
        below = np.divide(squares, between * degrees, out=np.zeros_like(between), where=between > 0)
        below = below + items / (self.clusters - 1)
        total = np.divide(variance, below, out=np.ones_like(variance), where=below > 0)
        return np.asarray(special.stdtrit(total, 1 - alpha / 2) * np.sqrt(variance), dtype=np.float64)

    def _sample_variances(self, replicates: float) -> NDArray[np.float64]:
        """(I,) equally likely estimates of V_items: a difference of two variances, cut off at zero."""
        residual = self.residual_variance / replicates
        spread = (self.sample_variance + residual) ** 2 + residual**2 / (2 * (replicates - 1))
        middles = (np.arange(_ITEM_QUANTILES) + 0.5) / _ITEM_QUANTILES
        estimates = self.sample_variance + math.sqrt(2 * spread / (self.clusters - 1)) * special.ndtri(middles)
        return np.maximum(0.0, estimates)

    def cautious(self) -> "Design":
        """The same with variances between replicates at their upper 80% bound."""
        below = sum(v**2 / (r - 1) for v, r in zip(self.variances, self.replicates, strict=True))
        if below == 0:
            return self
        degrees = sum(self.variances) ** 2 / below
        factor = degrees / float(special.chdtri(degrees, _CAUTION))
        return replace(self, variances=tuple(v * factor for v in self.variances))


def _equally_likely(arms: int) -> NDArray[np.float64]:
    """(A, Q^2) probabilities at which to take the quantiles of so many arms' variances.

    Of two arms every pair of quantiles; of four a grid as fine would have a million points, so as many points as for two
    are spread over the cube by Richtmyer's sequence, the multiples of irrational numbers modulo one.
    """
    if arms == 2:
        middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        return np.stack([side.ravel() for side in np.meshgrid(middles, middles, indexing="ij")])
    return np.asarray(np.outer(_ROOTS[:arms], np.arange(_QUANTILES**2) + 0.5) % 1.0)


def design_of(arms: Sequence[Arm], weights: Sequence[float]) -> Design:
    """The design of a contrast that was run: the sum of the arms' means, each times its weight.

    Raises:
        ValueError: an arm has one replicate, or there is a single cluster of items: a variance is unknown.
    """
    clusters = len(arms[0].deviations)
    if min(clusters, *(arm.replicates for arm in arms)) < 2:
        raise ValueError("power needs two replicates of every arm and two clusters of items")
    sample_variance = estimate_contrast(arms, weights, 0.95).sample_variance
    variances = tuple(weight**2 * arm.variance for weight, arm in zip(weights, arms, strict=True))
    residual = sum(weight**2 * residual_variance(arm) for weight, arm in zip(weights, arms, strict=True))
    return Design(variances, sample_variance, residual, clusters, tuple(arm.replicates for arm in arms))


def power(design: Design, replicates: float, effect: float, alpha: float) -> float:
    """The probability that a true difference of `effect` is found significant, in either direction."""
    return _power(effect, design.critical(replicates, alpha), design.standard_error(replicates))


def detectable_effect(design: Design, replicates: float, alpha: float, target: float = _AIM) -> float:
    """The smallest true difference that is found significant with a probability of `target`."""
    error, critical = design.standard_error(replicates), design.critical(replicates, alpha)
    if error == 0.0:
        return 0.0
    low, high = 0.0, error
    while _power(high, critical, error) < target:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, critical, error) < target else (low, middle)
    return high


def replicates_needed(design: Design, effect: float, alpha: float, target: float = _AIM) -> int | None:
    """The fewest replicates of each arm, from what a verdict needs up, that find `effect` with a probability of `target`.

    None where not even a thousand do. Where the effect is below what any number detects, only more test items help.
    """
    low, high = MINIMUM_REPLICATES - 1, MOST_REPLICATES
    if power(design, high, effect, alpha) < target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(design, middle, effect, alpha) < target else (low, middle)
    return high


def _power(effect: float, critical: NDArray[np.float64], error: float) -> float:
    if error == 0.0:
        return float(effect != 0.0)
    above, below = special.ndtr((effect - critical) / error), special.ndtr((-effect - critical) / error)
    return float((above + below).mean())
