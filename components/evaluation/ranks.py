"""Rank intervals: the best and the worst place that each arm can have among the others.

A list ordered by mean pretends to know the order. Here an arm's rank is known as far as the simultaneous comparisons of
all pairs separate it (Mogstad, Romano, Shaikh & Wilhelm, Review of Economic Studies 91, 2024): it stands behind every
arm that is surely better and before every arm that is surely worse. With Holm's correction over all pairs every true
rank lies within its interval at once, with the stated confidence; arms whose true means agree have all the ranks that
they share.
"""

from collections.abc import Sequence
from itertools import combinations

from components.evaluation.statistics import Arm, estimate_difference, holm


def rank_intervals(arms: Sequence[Arm], confidence: float) -> list[tuple[int, int]]:
    """The best and the worst possible rank of each arm (1 is the highest mean), in the given order.

    Args:
        arms: summarised over the same items and clusters.
        confidence: simultaneous, over all arms.
    """
    pairs = list(combinations(range(len(arms)), 2))
    differences = [estimate_difference(arms[first], arms[second], confidence) for first, second in pairs]
    adjusted = holm([difference.p for difference in differences])
    surely_better, surely_worse = [0] * len(arms), [0] * len(arms)
    for (first, second), difference, p in zip(pairs, differences, adjusted, strict=True):
        if p <= 1 - confidence and difference.mean != 0.0:
            winner, loser = (first, second) if difference.mean > 0 else (second, first)
            surely_worse[winner] += 1
            surely_better[loser] += 1
    return [(1 + better, len(arms) - worse) for better, worse in zip(surely_better, surely_worse, strict=True)]
