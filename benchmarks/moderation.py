"""The rule that is not used: variances between replicates drawn towards what the arms have in common.

Empirical Bayes as in limma (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004), with the plain
mean of the variances as their prior and no more prior degrees of freedom than an arm has of its own.
`calibration.py --moderated` counts how often its intervals cover.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from components.evaluation.statistics.estimates import Arm, estimate_difference


def moderated_interval(arms: Sequence[Arm], confidence: float) -> tuple[float, float]:
    """The interval for the first arm minus the second, all arms lending to one another."""
    plain = estimate_difference(arms[0], arms[1], confidence)
    own = np.array([arm.variance for arm in arms])
    degrees = arms[0].replicates - 1
    prior = min(prior_degrees_of_freedom(own, degrees), degrees)
    variances = (prior * own.mean() + degrees * own[:2]) / (prior + degrees)
    shares = variances / arms[0].replicates
    lent = min(shares.sum() ** 2 / (shares**2 / (prior + degrees)).sum(), degrees * len(arms))
    variance = shares.sum() + plain.sample_variance
    below = shares.sum() ** 2 / lent + plain.sample_variance**2 / (len(arms[0].deviations) - 1)
    reach = math.sqrt(variance) * special.stdtrit(variance**2 / below, 0.5 + confidence / 2)
    return plain.mean - reach, plain.mean + reach


def prior_degrees_of_freedom(variances: NDArray[np.float64], degrees: float) -> float:
    """How alike the true variances are, by the moments of the logarithms (Smyth 2004, section 6.2); may be inf."""
    logarithms = np.log(np.maximum(variances, 1e-5 * np.median(variances)))
    excess = float(logarithms.var(ddof=1) - special.polygamma(1, degrees / 2))
    return 2 * inverse_trigamma(excess) if excess > 0 else math.inf


def inverse_trigamma(value: float) -> float:
    """The x with trigamma(x) = value, by Newton's method on 1/trigamma (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        x += trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
    return x
