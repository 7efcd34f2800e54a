"""What a contrast can see: its power, the effect it can detect, and the replicates that an effect needs.

The standard error has two parts. The one between replicates shrinks with their number R; the one from the choice of
test items does not, whatever is repeated:

    V(R) = (v_1 + v_2)/R + V_items,    degrees of freedom by Satterthwaite.

Power is that of the two-sided t test that the contrast ends in, by the non-central t distribution. A study with m
declared contrasts plans at alpha/m, the first and hardest step of Holm's procedure.

The variances are those of a study that was run, and a variance of few replicates is hardly known: `cautious` takes the
upper bound of what it may be, and what is planned with it is enough four times out of five.
"""

import math
from dataclasses import dataclass, replace

from scipy import special

from components.evaluation.statistics import MINIMUM_REPLICATES, Arm, estimate_difference

POWER = 0.8
MOST_REPLICATES = 1000
_CAUTION = 0.8


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

    def spread(self, replicates: float) -> tuple[float, float]:
        """Standard error and degrees of freedom with so many replicates of each arm (`math.inf` for the limit)."""
        shares = [variance / replicates for variance in self.variances]
        variance = sum(shares) + self.sample_variance
        below = sum(share**2 for share in shares) / (replicates - 1) + self.sample_variance**2 / (self.clusters - 1)
        return math.sqrt(variance), variance**2 / below if below > 0 else math.inf

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
    error, degrees = design.spread(replicates)
    if error == 0.0:
        return float(effect != 0.0)
    return _power(abs(effect) / error, degrees, alpha)


def detectable_effect(design: Design, replicates: float, alpha: float, target: float = POWER) -> float:
    """The smallest true difference that is found significant with a probability of `target`."""
    error, degrees = design.spread(replicates)
    low, high = 0.0, 1.0
    while _power(high, degrees, alpha) < target:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, degrees, alpha) < target else (low, middle)
    return high * error


def replicates_needed(design: Design, effect: float, alpha: float, target: float = POWER) -> int | None:
    """The fewest replicates of each arm, from what a verdict needs up, that find `effect` with a probability of `target`.

    None where not even a thousand do: the choice of test items alone is too uncertain, and only more of them help.
    """
    for replicates in range(MINIMUM_REPLICATES, MOST_REPLICATES + 1):
        if power(design, replicates, effect, alpha) >= target:
            return replicates
    return None


def _power(noncentrality: float, degrees: float, alpha: float) -> float:
    critical = float(special.stdtrit(degrees, 1 - alpha / 2))
    if math.isinf(degrees):
        return float(special.ndtr(noncentrality - critical) + special.ndtr(-noncentrality - critical))
    above = 1 - float(special.nctdtr(degrees, noncentrality, critical))
    return above + float(special.nctdtr(degrees, noncentrality, -critical))
