"""Choose which targets become classes, where answers are free and most of them are given once.

Classes are chosen from training rows only. A target that is no class cannot be learned, and an evaluated row with it always
counts as wrong.
"""

from collections import Counter
from collections.abc import Iterable

MOST_CLASSES = 32_767
"""Predictions are kept as int16."""


def choose_classes(targets: Iterable[str | None], fewest: int = 1, most: int | None = None) -> list[str]:
    """The targets that become classes, sorted.

    Args:
        targets: of the training rows; None where a row has none.
        fewest: the number of rows that a class needs at least.
        most: the largest number of classes; the most frequent are kept and, among equals, the first in the alphabet.
    """
    counts = Counter(target for target in targets if target is not None)
    ranked = sorted(counts, key=lambda target: (-counts[target], target))
    return sorted([target for target in ranked if counts[target] >= fewest][:most])
