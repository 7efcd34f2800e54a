"""How many steps an amount pays for, where steps become dearer along a run as what was frozen thaws.

Costs are FLOPs or seconds. With the same figures training decides how long a run is and its certificate checks it.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Phase(NamedTuple):
    """A stretch of a run whose steps cost the same.

    Attributes:
        begin: the share of the run's steps after which it begins; the first begins at 0.
        cost: of one step.
    """

    begin: float
    cost: float


def first_step(share: float, steps: int) -> int:
    """The first of a run's steps, counted from 0, before which at least this share of them is done.

    Compared as the training loop does it, so that a share which no float holds exactly means the same step in both.
    """
    step = math.ceil(share * steps)
    while step > 0 and (step - 1) / steps >= share:
        step -= 1
    while step / steps < share:
        step += 1
    return step


def spent(phases: Sequence[Phase], steps: int) -> float:
    """What a run of so many steps costs, in whole steps of each phase."""
    edges = [*(first_step(phase.begin, steps) for phase in phases), steps]
    return sum(phase.cost * (end - begin) for phase, (begin, end) in zip(phases, pairwise(edges), strict=True))


def affordable(amount: float, phases: Sequence[Phase]) -> int:
    """The steps that an amount pays for: so many cost no more than it, and one more would. At least 1."""
    low, high = 1, max(1, int(amount / min(phase.cost for phase in phases)))
    while low < high:
        middle = (low + high + 1) // 2
        if spent(phases, middle) <= amount:
            low = middle
        else:
            high = middle - 1
    return low
