"""Two cells side by side, in words: `ceteris compare STUDY A B`."""

from pathlib import Path

import numpy as np

from components.errors import CeterisError
from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.findings import name
from components.evaluation.formatting import percent, points, probability
from components.evaluation.leaderboard.costs import Accounts
from components.evaluation.leaderboard.grade import grade_of
from components.evaluation.leaderboard.leaderboard import task_table
from components.evaluation.leaderboard.rounding import detectable, verdict
from components.evaluation.leaderboard.task_table import SELECTION, TaskTable
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import DIFFERENCE, Estimate, estimate_difference
from components.study.cells import Cell
from components.study.plan import fine_tunings
from components.study.study import Study

SHOWN = 5
"""Slices, those that differ most."""


def compare_cells(study: Study, root: Path, first: str, second: str) -> str:
    """Compare two cells on every task that both can do.

    Args:
        first, second: ARM/CELL, or ARM for the cell that stands for it in each task's ranking.

    Raises:
        CeterisError: the study has no such arm or cell, or the two have no task in common.
    """
    names = [Cell.parse(written) for written in (first, second)]
    for written in names:
        if written.arm not in study.arms:
            raise CeterisError(
                f"the study {study.name} has no arm {written.arm!r}: choose from {', '.join(study.arms)}."
            )
    common = [task for task in study.tasks if all(written.name in _cells(study, written, task) for written in names)]
    if not common:
        raise CeterisError(_nothing_common(study, names))
    records = TrainingRecords.load(study, root)
    certificates, accounts = certify(study, records), Accounts(study, records, root)
    parts = []
    for task in common:
        table = task_table(study, root, task, records, certificates)
        parts.append("\n".join(_task(table, accounts, *(_chosen(table, written) for written in names))))
    arms = dict.fromkeys(written.arm for written in names)
    said = [f"Certificate of {arm}: {'; '.join(certificates[arm].faults) or 'every check passed'}" for arm in arms]
    return "\n\n".join([*parts, "\n".join(said)])


def _cells(study: Study, written: Cell, task: str) -> list[str]:
    """What may be named after the arm on a task; the empty name stands for the arm's representative."""
    cells = [cell.name for cell in fine_tunings(study, written.arm, task)]
    return [*cells, ""] if cells else []


def _nothing_common(study: Study, names: list[Cell]) -> str:
    for written in names:
        cells = sorted({cell for task in study.tasks for cell in _cells(study, written, task)} - {""})
        if written.name and written.name not in cells:
            return (
                f"{written.arm} has no cell {written.name!r} in the study {study.name}: choose from {', '.join(cells)}."
            )
    return f"{names[0].arm} and {names[1].arm} have no task of the study {study.name} in common, so they cannot be compared."


def _chosen(table: TaskTable, written: Cell) -> Cell:
    if written.name:
        return Cell.of(written.arm, written.name)
    return table.representatives[written.arm]


def _task(table: TaskTable, accounts: Accounts, first: Cell, second: Cell) -> list[str]:
    if first == second:
        raise CeterisError(f"{first.arm}/{first.name} cannot be compared with itself: name two cells.")
    study, margin = table.study, table.study.evaluation.margin
    estimate = estimate_difference(table.selection[first], table.selection[second], table.confidence)
    samples = {cell: accounts.of(table.task, cell).samples.total for cell in (first, second)}
    grade = grade_of(study, first, second, table.certificates, samples)
    p_equivalence = equivalence_p(estimate, margin)
    word = verdict(estimate, estimate.p, p_equivalence, table.confidence, grade)
    effect = detectable([table.selection[first], table.selection[second]], DIFFERENCE, 1 - table.confidence)
    scores = ", ".join(f"{name(cell)} {percent(table.selection[cell].mean)}" for cell in (first, second))
    lines = [
        f"{table.task}: {scores} (percent of {table.selection[first].items:,} samples of the selection split)",
        f"  difference    {points(estimate.mean)} points, {100 * table.confidence:.3g}% interval {_interval(estimate)}",
        f"  p             {probability(_known(estimate.p))}; of equivalence within {100 * margin:.3g} points "
        f"{probability(_known(p_equivalence))}; one comparison, corrected for no other",
        f"  verdict       {word}",
        f"  grade         {grade.grade}. {grade.reason}",
        f"  detectable    {'not known' if np.isnan(effect) else f'{100 * effect:.1f} points'} at 80% power",
    ]
    slices = sorted(_slices(table, first, second), key=lambda found: -abs(found[2].mean))
    if slices:
        lines.append("  where they differ most (points, intervals of their own):")
        for slice_name, items, here in slices[:SHOWN]:
            lines.append(f"    {slice_name:<36}{points(here.mean):>7}  {_interval(here):<18}{items:,} samples")
    return lines


def _slices(table: TaskTable, first: Cell, second: Cell) -> list[tuple[str, int, Estimate]]:
    scores = table.scores
    rows = {split: scores.rows(split=split) for split in scores.splits if split not in (SELECTION, "validation")}
    rows |= {f"{form} ({SELECTION})": scores.rows(split=SELECTION, form=form) for form in scores.forms(SELECTION)}
    rows["hard (both unimodal floors fail)"] = scores.rows(split=SELECTION, hard=True)
    found = []
    for slice_name, chosen in rows.items():
        if len(chosen):
            arms = scores.arm(first, chosen), scores.arm(second, chosen)
            found.append((slice_name.replace("_", " "), len(chosen), estimate_difference(*arms, table.confidence)))
    return found


def _known(p: float) -> float | None:
    return None if np.isnan(p) else p


def _interval(estimate: Estimate) -> str:
    if np.isnan(estimate.low):
        return "not known"
    return f"[{points(estimate.low)}, {points(estimate.high)}]"
