"""Whether two arms differ by less than a margin, and the one word that a comparison ends in.

"Not significant" is not "the same": few replicates separate nothing. That two arms are the same for every practical
purpose takes a test of its own against a margin that is set beforehand: two one-sided t tests (Schuirmann, Journal of
Pharmacokinetics and Biopharmaceutics 15, 1987), here with the standard error and the degrees of freedom of the same
estimate that the test of a difference uses.
"""

import math
from typing import Literal

from scipy import special

from components.evaluation.statistics.estimates import Estimate

VerdictWord = Literal["better", "worse", "equivalent", "cannot tell"]


def equivalence_p(estimate: Estimate, margin: float) -> float:
    """The p-value of equivalence: of the hypothesis that the true difference is `margin` or more, either way.

    It is the larger of the two one-sided p-values; it is below alpha exactly where the 1 - 2 alpha interval lies within
    the margins. nan where the estimate has no standard error.

    Raises:
        ValueError: the margin is not above zero.
    """
    if not margin > 0:
        raise ValueError("an equivalence margin must be above zero")
    room = margin - abs(estimate.mean)
    if estimate.standard_error == 0.0:
        return 0.0 if room > 0 else 1.0
    if math.isnan(estimate.standard_error):
        return math.nan
    return float(special.stdtr(estimate.degrees_of_freedom, -room / estimate.standard_error))


def verdict_of(estimate: Estimate, p_adjusted: float, equivalence_p_adjusted: float, alpha: float) -> VerdictWord:
    """The word for a difference, first minus second.

    Both may hold: a difference that is surely not zero and surely smaller than the margin. That is "equivalent", for the
    margin says beforehand what is too small to matter; the interval beside the word shows the rest. nan says nothing
    (no margin was declared, or nothing can be estimated).
    """
    if equivalence_p_adjusted <= alpha:
        return "equivalent"
    if p_adjusted <= alpha and estimate.mean != 0.0:
        return "better" if estimate.mean > 0 else "worse"
    return "cannot tell"
