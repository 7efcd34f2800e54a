"""How long every run should have trained: what the study's budgets come to."""

from components.evaluation.training_records import TrainingRecords
from components.study import Budget, Cell, Study


def steps_of(records: TrainingRecords, arm: str, task: str, cell: Cell, position: int) -> int:
    """Optimiser steps of a cell in the replicate at a position.

    A twin trains longer by what the intermediate step cost in FLOPs; what a step of its own costs, the cell that it is a
    twin of has recorded.
    """
    if not cell.matched:
        return cell.budget.steps
    own = records.arms[arm][task][cell.start if cell.labels is None else f"{cell.start}_few"][position]
    before = records.pretraining[arm][position]
    return round(cell.budget.steps * (1 + float(before["flops"]["total"]) / float(own["flops"]["total"])))


def component_budget(study: Study, component: str) -> Budget:
    """The budget of a unimodal component."""
    return study.pretrain_text if component == "text" else study.pretrain_image


def fault(record: dict[str, int], steps: int, batch_size: int) -> str:
    """How a run strayed from its budget; empty where it did not."""
    if record["steps"] == steps and record["samples"] == steps * batch_size:
        return ""
    return f"{record['steps']:,} steps on {record['samples']:,} samples instead of {steps:,} on {steps * batch_size:,}"
