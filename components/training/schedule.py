"""Learning rate as a function of samples seen, so that it does not depend on the batch size."""

import math

from components.study.budget import Budget


def learning_rate_factor(samples: int, budget: Budget) -> float:
    """Linear warm-up, then half a cosine down to zero at the end of the budget.

    Args:
        samples: samples seen before the step.
    """
    warm = budget.warmup * budget.samples
    if samples < warm:
        return (samples + budget.batch_size) / (warm + budget.batch_size)
    progress = (samples - warm) / max(1.0, budget.samples - warm)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
