"""Whether a run trained for as long as the study's budget allows, in the currency of that budget."""

import math
from typing import Protocol

from components.evaluation.certificate.training_records import TrainingRecords
from components.records.training import RecordedBudget
from components.study.budget import Allowance
from components.study.cells import Cell
from components.study.plan import FineTuning
from components.study.spending import Phase, spent
from components.study.study import Study


def twin_steps(records: TrainingRecords, arm: str, task: str, cell: FineTuning, position: int) -> int:
    """Optimiser steps of a twin in the replicate at a position.

    It trains for longer than the cell that it is a twin of, by what the intermediate step cost in FLOPs, whatever the
    currency of the budgets.
    """
    own = records.arms[arm][task][Cell(arm, cell.start, few=cell.labels is not None).name][position]
    before = records.pretraining[arm][position]
    known = cell.budget.known()
    steps = own.steps if known is None else known.steps
    # The front end's look at the pictures is not repeated.
    return round(steps * (1 + before.flops.total / (own.flops.total - own.flops.front)))


def component_allowance(study: Study, component: str) -> Allowance:
    """What the study gives to a unimodal component."""
    return study.pretrain_text if component == "text" else study.pretrain_image


class Spending(Protocol):
    """What a budget is held against: of a run, or of a training of the search."""

    @property
    def budget(self) -> RecordedBudget:
        """What the study gave."""

    @property
    def steps(self) -> int:
        """Optimiser steps."""

    @property
    def samples(self) -> int:
        """Samples seen."""


def fault(record: Spending, flops: float, allowance: Allowance, twin: int | None = None) -> str:
    """How a run strayed from its budget; empty where it did not.

    Args:
        flops: what the whole run took.
        twin: the steps of a run that is a twin.
    """
    for key, value in allowance.described().items():
        if (written := getattr(record.budget, key)) != value:
            return f"its budget has {key.replace('_', ' ')} {written} instead of {value}"
    known = allowance.known()
    expected = twin if twin is not None else known.steps if known is not None else record.steps
    samples = expected * allowance.batch_size
    if record.steps != expected or record.samples != samples:
        took = f"{record.steps:,} steps on {record.samples:,} samples"
        return f"{took} instead of {expected:,} on {samples:,}"
    return "" if twin is not None or known is not None else _unpaid(record, flops, allowance)


def _unpaid(record: Spending, flops: float, allowance: Allowance) -> str:
    """Whether the steps cost more than the amount, or one more step would not have."""
    phases = [Phase(*phase) for phase in record.budget.costs]
    if not phases:
        return f"what its steps cost in {allowance.currency} was not recorded"
    steps, amount, ahead = record.steps, allowance.amount, record.budget.ahead
    paid = ahead + spent(phases, steps)
    if allowance.currency == "flops" and not math.isclose(paid, flops, rel_tol=1e-9):
        return f"its steps come to {paid:.6g} FLOPs, and {flops:.6g} were counted"
    if paid > amount and steps > 1:
        return f"{steps:,} steps cost {paid:.6g} {allowance.currency}, more than the {amount:.6g} of its budget"
    if ahead + spent(phases, steps + 1) <= amount:
        return f"{steps:,} steps cost {paid:.6g} {allowance.currency}, and its {amount:.6g} pay for more steps"
    return ""
