"""How the learning rate changes over a run."""

import math

from components.study.budget import Budget

POINTS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the steps at which a run records the factor of its learning rate."""


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


def factors(budget: Budget) -> list[float]:
    """The factors at `POINTS`, in their order."""
    return [learning_rate_factor(round(share * budget.steps) * budget.batch_size, budget) for share in POINTS]
