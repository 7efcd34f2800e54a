"""Contrasts of cells computed a second time, from the predictions and the formulas alone."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from components.records.scores import CellName
from components.study.study import Study


def scores(root: Path, study: Study, side: CellName) -> tuple[np.ndarray, np.ndarray]:
    """(items, replicates) of correctness, straight from the predictions, and the items' groups."""
    columns = []
    for replicate in study.replicates:
        frame = pd.read_parquet(root / f"outputs/finetune/{side.arm}/vqa/{replicate}/predictions.parquet")
        chosen = frame[(frame["cell"] == side.cell) & (frame["split"] == "selection")].set_index("id").sort_index()
        columns.append(chosen["correct"].to_numpy(float))
        groups = chosen["group"].to_numpy()
    return np.stack(columns, axis=1), groups


def by_hand(first: np.ndarray, second: np.ndarray, groups: np.ndarray, margin: float) -> dict[str, float]:
    """A difference of two cells."""
    return of_cells([first, second], first - second, groups, margin)


def of_cells(cells: list[np.ndarray], effect: np.ndarray, groups: np.ndarray, margin: float) -> dict[str, float]:
    """V = sum(v)/R + max(0, var_items(D) - sum(w)/R), over clusters of items; degrees: a harmonic mean.

    Args:
        cells: the scores of those that D is made of, each counted once, up or down.
        effect: D, of every item and replicate.
    """
    count, replicates = effect.shape
    clusters = np.unique(groups)
    factor = len(clusters) / (len(clusters) - 1)

    def sums(values: np.ndarray) -> np.ndarray:
        return np.array([values[groups == one].sum(axis=0) for one in clusters]) / count

    between = within = 0.0
    for arm in cells:
        means = arm.mean(axis=0)
        between += means.var(ddof=1) / replicates
        centred = sums(arm - means)
        residual = centred - centred.mean(axis=1, keepdims=True)
        within += factor * (residual**2).sum() / (replicates - 1) / replicates
    paired = effect.mean(axis=1)
    items = max(0.0, factor * (sums(paired - paired.mean()) ** 2).sum() - within)
    variance = between + items
    shares = [arm.mean(axis=0).var(ddof=1) / replicates for arm in cells]
    welch = between**2 / sum(share**2 / (replicates - 1) for share in shares)
    degrees = variance / (between / welch + items / (len(clusters) - 1))
    error, mean = math.sqrt(variance), paired.mean()
    t = stats.t(degrees)
    return {
        "difference": mean,
        "low": mean - error * t.ppf(0.975),
        "high": mean + error * t.ppf(0.975),
        "p": 2 * t.sf(abs(mean) / error),
        "p_equivalence": max(t.sf((mean + margin) / error), t.cdf((mean - margin) / error)),
    }


def holm_by_hand(p_values: list[float]) -> list[float]:
    """A hypothesis's adjusted p: the largest of the step-down products up to its place."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    for place, index in enumerate(order):
        steps = [(len(order) - earlier) * p_values[order[earlier]] for earlier in range(place + 1)]
        adjusted[index] = min(1.0, max(steps))
    return adjusted
