"""The gate: may this one file replace that one file? Pure statistics on answers to the gate split.

Two fixed artefacts are compared on items that decide nothing else (an architecture is chosen over replicates, on the
selection split). Items are clustered by group, tests are one-sided.

* Against the floors: the lower 95% bound of the accuracy. A Clopper-Pearson bound at the effective sample size that the
  clusters leave (Korn & Graubard 1998), so that it stays honest for few items and for a perfect score.
* Against the champion: the lower bound of the paired difference, a t bound over clusters, at the alpha that is left; and
  beside it an exact sign-flip test of the clusters' totals at the same alpha, because where few clusters differ (four
  wins and no loss, say) a t bound is too bold. Both must say yes.
* Alpha is spent over the tests of a task: the k-th gets 0.05 * 6 / (pi^2 k^2), which sums to 0.05 for ever, so that
  however often somebody tries, an equal challenger is promoted with a probability of at most 5%.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import beta, binom, t

from registry.decision import Verdict

ALPHA = 0.05


def alpha_of_test(number: int) -> float:
    """What the `number`-th test (from 1) against a champion may spend."""
    return ALPHA * 6 / (math.pi * number) ** 2


def decide(
    candidate: np.ndarray,
    champion: np.ndarray | None,
    groups: Sequence[str] | np.ndarray,
    floors: Mapping[str, float],
    alpha: float,
) -> Verdict:
    """Compare a candidate with the floors and with the present champion.

    Args:
        candidate: bool (N,), which items the candidate answers correctly.
        champion: bool (N,) likewise for the champion; None where there is none, and then the floors decide alone.
        groups: (N,) names of the clusters.
        floors: accuracy on these items of what understands nothing, by name.
        alpha: level of the test against the champion.
    """
    clusters = np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(clusters.max()) + 1
    right = np.asarray(candidate, dtype=np.float64)
    accuracy, lower = float(right.mean()), accuracy_bound(right, clusters, ALPHA)
    best = max(floors, key=lambda name: floors[name])
    above = lower > floors[best]
    reason = (
        f"accuracy {accuracy:.3f}, at least {lower:.3f} with 95% confidence, is {'' if above else 'not '}"
        f"above the best floor ({best} {floors[best]:.3f})"
    )
    found: dict[str, Any] = {
        "items": len(right),
        "clusters": count,
        "accuracy": accuracy,
        "accuracy_lower": lower,
        "floors": dict(floors),
        "alpha": alpha,
    }
    if champion is None:
        return Verdict(promoted=above, reason=reason, **found)
    rival = np.asarray(champion, dtype=np.float64)
    difference, bound = paired_bound(right - rival, clusters, alpha)
    totals = np.bincount(clusters, weights=right - rival)
    p = sign_flip(totals)
    better = bound > 0 and p <= alpha
    reason += (
        f"; the difference from the champion ({rival.mean():.3f}) is {difference:+.3f}, at least {bound:+.3f} at level "
        f"{alpha:.2g} (exact p {p:.2g}), which is {'' if better else 'not '}enough"
    )
    return Verdict(
        promoted=above and better,
        reason=reason,
        **found,
        champion_accuracy=float(rival.mean()),
        difference=difference,
        difference_lower=bound,
        p_value=p,
        discordant_clusters=int(np.count_nonzero(totals)),
    )


def accuracy_bound(correct: np.ndarray, clusters: np.ndarray, alpha: float) -> float:
    """One-sided lower bound of an accuracy from clustered items (Korn & Graubard 1998).

    Args:
        correct: float (N,) of zeros and ones.
        clusters: int (N,) from 0 to G - 1.
    """
    items, count = len(correct), int(clusters.max()) + 1
    if count < 2:
        return 0.0  # one cluster tells nothing of others
    mean, variance = float(correct.mean()), clustered_variance(correct, clusters)
    # Few clusters know their own variance badly: the ratio of t quantiles takes that off the sample size.
    shrink = (t.ppf(alpha, items - 1) / t.ppf(alpha, count - 1)) ** 2
    effective = min(float(items), mean * (1 - mean) / variance * shrink) if variance > 0 else float(count)
    wins = mean * effective
    return float(beta.ppf(alpha, wins, effective - wins + 1)) if wins > 0 else 0.0


def paired_bound(differences: np.ndarray, clusters: np.ndarray, alpha: float) -> tuple[float, float]:
    """Mean of paired differences, float (N,), and its one-sided lower bound over clusters, int (N,)."""
    mean, count = float(differences.mean()), int(clusters.max()) + 1
    if count < 2:
        return mean, -1.0
    return mean, mean - float(t.ppf(1 - alpha, count - 1)) * math.sqrt(clustered_variance(differences, clusters))


def clustered_variance(values: np.ndarray, clusters: np.ndarray) -> float:
    """Variance of the mean of `values`, float (N,), of which whole clusters were drawn (linearised ratio estimator)."""
    totals = np.bincount(clusters, weights=values - values.mean())
    return len(totals) / (len(totals) - 1) * float(totals @ totals) / len(values) ** 2


def sign_flip(totals: np.ndarray) -> float:
    """Exact one-sided p: how often random signs give the cluster totals, whole numbers, a sum at least as large.

    The distribution is the convolution, over the sizes of totals, of binomials: all 2^G signs without drawing one.
    """
    sizes, counts = np.unique(np.abs(np.rint(totals)).astype(np.int64), return_counts=True)
    distribution = np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        if size:
            spread = np.zeros(size * count + 1)
            spread[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
            distribution = np.convolve(distribution, spread)
    most = int(sizes @ counts)  # the sum when all signs are positive
    needed = (round(float(totals.sum())) + most) // 2  # what the positive ones must add up to
    return min(1.0, float(distribution[needed:].sum()))
