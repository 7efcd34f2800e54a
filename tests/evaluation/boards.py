"""The smallest leaderboard and the smallest training record, for tests that need one and look at little of it."""

from typing import Any

from components.evaluation.certificate.certificates import DigestSummary
from components.evaluation.leaderboard.entries import (
    CellEntry,
    CellFlops,
    CellSamples,
    Leaderboard,
    TaskEntry,
    Variance,
)
from components.records.training import Flops, Parameters, RecordedBudget, TrainingRecord
from components.study.cells import Cell


def leaderboard(tasks: dict[str, TaskEntry], **known: Any) -> Leaderboard:
    """A board of some tasks; what is not said is empty."""
    nothing = Leaderboard(
        study="mine",
        confidence=0.95,
        margin=0.02,
        replicates=[0],
        protocol="p",
        grade="system",
        grade_reason="Whole systems.",
        interval_over="samples",
        contrasts=[],
        tasks=tasks,
        pretraining=[],
        gates={},
        data=[],
        tuning={},
        budgets={},
        certificates={},
        digests=DigestSummary(equal=True, compared=0, violations=[]),
    )
    return nothing.model_copy(update=known)


def task(cells: list[CellEntry], **known: Any) -> TaskEntry:
    """A task with some cells."""
    nothing = TaskEntry(
        kind="vqa",
        after=None,
        items=0,
        groups=0,
        cannot={},
        floors={},
        chosen=None,
        cells=cells,
        pairs=[],
        missed={},
        cut=None,
    )
    return nothing.model_copy(update=known)


def entry(written: str, **known: Any) -> CellEntry:
    """A cell by its ARM/CELL, which costs nothing and is not ranked."""
    cell = Cell.parse(written)
    nothing = CellEntry(
        arm=cell.arm,
        cell=cell.name,
        start=cell.start,
        labels=cell.labels,
        labelled=None,
        baseline=False,
        oracle=False,
        comparable=True,
        representative=False,
        candidate=False,
        chosen=False,
        tied=False,
        undecided=None,
        ranks=None,
        p_against_best=None,
        above_floors=False,
        mean=0.5,
        low=None,
        high=None,
        items=0,
        standard_error=None,
        degrees_of_freedom=None,
        variance=Variance(replicates=None, samples=None),
        scores=[],
        visual="none",
        parameters=Parameters(total=0, trained=0),
        flops=CellFlops(forward_per_sample=0, training=0),
        samples=CellSamples(unimodal=0, tuning=0, pretraining=0, task_before=0, finetuning=0, total=0),
        splits={},
        forms={},
        hard=None,
    )
    return nothing.model_copy(update=known)


def record(**known: Any) -> dict[str, Any]:
    """The record of a run of one step, as JSON."""
    nothing = TrainingRecord(
        run={},
        budget=RecordedBudget(currency="samples", amount=10, batch_size=10),
        samples=10,
        steps=1,
        learning_rate=0.1,
        parameters=Parameters(total=1, trained=1),
        flops=Flops(forward_per_sample=1.0, step_per_sample=3.0, total=30.0),
        weights="0" * 64,
    )
    return nothing.as_json() | known
