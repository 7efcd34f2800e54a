"""Which targets become classes, where answers are free and most of them are given once.

Classes are chosen from training rows alone: a target that is none of them cannot be learned, and where it is evaluated it
can only be missed.
"""

from collections import Counter
from collections.abc import Iterable

MOST_CLASSES = 32_767
"""Predictions are kept as int16."""


def choose_classes(targets: Iterable[str | None], fewest: int = 1, most: int | None = None) -> list[str]:
    """The targets that become classes, sorted.

    Args:
        targets: of the training rows; None where a row has none.
        fewest: how many of these rows a class needs.
        most: how many classes there may be, the most frequent first and, among equals, the first in the alphabet.
    """
    counts = Counter(target for target in targets if target is not None)
    ranked = sorted(counts, key=lambda target: (-counts[target], target))
    return sorted([target for target in ranked if counts[target] >= fewest][:most])
