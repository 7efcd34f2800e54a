"""Rank intervals: the best and the worst place that each arm can have among the others.

A list ordered by mean pretends to know the order. Here an arm's rank is known as far as the simultaneous comparisons of
all pairs separate it (Mogstad, Romano, Shaikh & Wilhelm, Review of Economic Studies 91, 2024): it stands behind every
arm that is surely better and before every arm that is surely worse. With Holm's correction over all pairs every true
rank lies within its interval at once, with the stated confidence; arms whose true means agree have all the ranks that
they share. A pair that can have no verdict separates nothing, whatever its scores are, and is not corrected for.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import combinations

from components.evaluation.statistics.estimates import Arm, estimate_difference, holm


def rank_intervals(
    arms: Sequence[Arm], confidence: float, undecided: Collection[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """The best and the worst possible rank of each arm (1 is the highest mean), in the given order.

    Args:
        arms: summarised over the same items and clusters.
        confidence: simultaneous, over all arms.
        undecided: pairs of positions, the lower first, that can have no verdict.
    """
    pairs = list(combinations(range(len(arms)), 2))
    differences = [estimate_difference(arms[first], arms[second], confidence) for first, second in pairs]
    adjusted = holm([math.nan if pair in undecided else one.p for pair, one in zip(pairs, differences, strict=True)])
    separated = [
        pair if difference.mean > 0 else pair[::-1]
        for pair, difference, p in zip(pairs, differences, adjusted, strict=True)
        if p <= 1 - confidence and difference.mean != 0.0
    ]
    return ranks_of(separated, len(arms))


def ranks_of(separated: Iterable[tuple[int, int]], arms: int) -> list[tuple[int, int]]:
    """The best and the worst possible rank of each of `arms` arms, from the pairs (better, worse) that are separated."""
    surely_better, surely_worse = [0] * arms, [0] * arms
    for winner, loser in separated:
        surely_worse[winner] += 1
        surely_better[loser] += 1
    return [(1 + better, arms - worse) for better, worse in zip(surely_better, surely_worse, strict=True)]
