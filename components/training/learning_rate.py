"""The learning rate: what the search found for an arm, and how it changes over a run."""

import json
import math
from pathlib import Path

from components.study.budget import Allowance, Budget


def at_found_rate(budget: Allowance, root: Path, arm: str) -> Allowance:
    """A budget with the learning rate that the stage `tune` found for the arm; the same one where nothing was searched."""
    path = root / "outputs/tuning" / arm / "record.json"
    factor = float(json.loads(path.read_text(encoding="utf-8"))["factor"])
    return budget.model_copy(update={"learning_rate": budget.learning_rate * factor})


def learning_rate_factor(samples: int, budget: Budget) -> float:
    """Linear warm-up, then half a cosine down to zero at the end of the budget.

    A function of the samples seen, so that it does not depend on the batch size.

    Args:
        samples: samples seen before the step.
    """
    warm = budget.warmup * budget.samples
    if samples < warm:
        return (samples + budget.batch_size) / (warm + budget.batch_size)
    progress = (samples - warm) / max(1.0, budget.samples - warm)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
