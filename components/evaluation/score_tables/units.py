"""Notices percents beside fractions: 0.74 and 70.3 in one measure are two units, not a difference of 69.6.

Runs within 0 and 1 beside runs between 1 and 100 are refused where a factor of a hundred explains them: by means that are
a third to three hundredths apart, or, where the name says that the measure ends at one or at a hundred, by any that
could be. A loss or a duration may really differ by such a factor.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.errors import CeterisError
from components.evaluation.score_tables.directions import is_unbounded

PLAUSIBLE = (100 / 3, 300.0)
"""Of means of percents to means of fractions, for any measure."""
POSSIBLE = (10.0, 1000.0)
"""The same for a measure that ends at one or at a hundred."""
_BOUNDED = ("acc", "recall", "precision", "f1", "auc", "auroc", "iou", "dice", "rate", "percent", "r@")


def refuse_mixed_units(path: Path, measure: str, runs: Mapping[str, NDArray[np.float64]]) -> None:
    """Refuse a measure of which some runs seem to be in percent and others in fractions.

    Args:
        runs: per architecture (R,) one score a replicate.

    Raises:
        CeterisError: naming two architectures, or one that has both.
    """
    if is_unbounded(measure) or any((scores < 0).any() for scores in runs.values()):
        return
    lowest, highest = POSSIBLE if any(word in measure.lower() for word in _BOUNDED) else PLAUSIBLE
    fractions = {name: scores[scores <= 1] for name, scores in runs.items() if (scores <= 1).any()}
    percents = {name: scores[above] for name, scores in runs.items() if (above := (scores > 1) & (scores <= 100)).any()}
    for first, small in fractions.items():
        for second, large in percents.items():
            if small.mean() > 0 and lowest <= large.mean() / small.mean() <= highest:
                whose = f"and {first}" if first != second else "and also"
                raise CeterisError(
                    f"{path}, measure {measure}: {second} has scores {_range(large)} {whose} {_range(small)}: bring them to "
                    "one unit, or write % behind every score."
                )


def _range(scores: NDArray[np.float64]) -> str:
    low, high = (f"{value:.3g}" for value in (scores.min(), scores.max()))
    return f"of {low}" if low == high else f"from {low} to {high}"
