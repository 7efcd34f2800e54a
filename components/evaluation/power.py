"""What a contrast can see: its power, the effect it can detect, and the replicates that an effect needs.

The standard error has two parts. The one between replicates shrinks with their number R; the one from the choice of
test items does not, whatever is repeated:

    V(R) = (v_1 + v_2)/R + V_items,    degrees of freedom by Satterthwaite.

Power is that of the two-sided t test that the contrast ends in. Its critical value moves with the estimated variances,
which few replicates estimate badly, so power is averaged over what they may come out as (chi-squared, independent of the
means). A non-central t with the true variances' degrees of freedom would promise 80% where three replicates reach 70 to
75. A study with m declared contrasts plans at alpha/m, the first and hardest step of Holm's procedure.

The variances are those of a study that was run, and a variance of few replicates is hardly known: `cautious` takes the
upper bound of what it may be, and what is planned with it is enough four times out of five.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from components.evaluation.statistics import MINIMUM_REPLICATES, Arm, estimate_difference

POWER = 0.8
MOST_REPLICATES = 1000
_CAUTION = 0.8
_QUANTILES = 64  # of each arm's variance; a detectable effect changes by less than 0.2% with more


@dataclass(frozen=True)
class Design:
    """What decides how much one contrast can see.

    Attributes:
        variances: v of both arms, between replicates.
        sample_variance: V_items, of the difference of the two means over the test items.
        clusters: independent clusters of test items.
        replicates: how many replicates of each arm the variances come from.
    """

    variances: tuple[float, float]
    sample_variance: float
    clusters: int
    replicates: tuple[int, int]

    def standard_error(self, replicates: float) -> float:
        """With so many replicates of each arm; `math.inf` for the limit."""
        return math.sqrt(sum(self.variances) / replicates + self.sample_variance)

    def critical(self, replicates: float, alpha: float) -> NDArray[np.float64]:
        """(Q, Q) what a difference must exceed to be significant, over equally likely estimates of both variances."""
        if math.isinf(replicates):
            factors = np.ones(1)
        else:
            middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
            factors = np.asarray(special.chdtri(replicates - 1, middles) / (replicates - 1), dtype=np.float64)
        first, second = (variance / replicates * factors for variance in self.variances)
        variance = first[:, None] + second[None, :] + self.sample_variance
        below = (first[:, None] ** 2 + second[None, :] ** 2) / (replicates - 1)
        below = below + self.sample_variance**2 / (self.clusters - 1)
        degrees = np.divide(variance**2, below, out=np.ones_like(variance), where=below > 0)
        return np.asarray(special.stdtrit(degrees, 1 - alpha / 2) * np.sqrt(variance), dtype=np.float64)

    def cautious(self) -> "Design":
        """The same with variances between replicates at their upper 80% bound."""
        below = sum(v**2 / (r - 1) for v, r in zip(self.variances, self.replicates, strict=True))
        if below == 0:
            return self
        degrees = sum(self.variances) ** 2 / below
        factor = degrees / float(special.chdtri(degrees, _CAUTION))
        return replace(self, variances=(self.variances[0] * factor, self.variances[1] * factor))


def design_of(first: Arm, second: Arm) -> Design:
    """The design of a contrast that was run.

    Raises:
        ValueError: an arm has one replicate, or there is a single cluster of items: a variance is unknown.
    """
    if min(first.replicates, second.replicates, len(first.deviations)) < 2:
        raise ValueError("power needs two replicates of both arms and two clusters of items")
    sample_variance = estimate_difference(first, second, 0.95).sample_variance
    replicates = (first.replicates, second.replicates)
    return Design((first.variance, second.variance), sample_variance, len(first.deviations), replicates)


def power(design: Design, replicates: float, effect: float, alpha: float) -> float:
    """The probability that a true difference of `effect` is found significant, in either direction."""
    return _power(effect, design.critical(replicates, alpha), design.standard_error(replicates))


def detectable_effect(design: Design, replicates: float, alpha: float, target: float = POWER) -> float:
    """The smallest true difference that is found significant with a probability of `target`."""
    error, critical = design.standard_error(replicates), design.critical(replicates, alpha)
    low, high = 0.0, error
    while _power(high, critical, error) < target:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, critical, error) < target else (low, middle)
    return high


def replicates_needed(design: Design, effect: float, alpha: float, target: float = POWER) -> int | None:
    """The fewest replicates of each arm, from what a verdict needs up, that find `effect` with a probability of `target`.

    None where not even a thousand do: the choice of test items alone is too uncertain, and only more of them help.
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
