"""Calibration: whether a confidence of 80% is right 80% of the time.

Predictions hold the probability of the answer that was given (the largest softmax value). The expected calibration error
(Naeini et al., AAAI 2015) is the mean distance between confidence and accuracy over bins of equal width, weighted by
how many predictions lie in each. It is computed per replicate: pooling would let replicates cancel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import CellEntry, TaskEntry
from components.evaluation.plots.calibration import Bin, reliability
from components.evaluation.plots.drawing import start_class
from components.evaluation.report.parts import Panel, Table, TableCell, cell_row
from components.paths import PREDICTIONS, finetuned_folder
from components.study.study import Study
from components.tasks import TASKS

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How far one cell's confidence can be believed; fractions."""

    cell: CellEntry
    bins: Sequence[Bin]
    """Of all replicates together."""
    confidence: float
    right: float
    errors: Sequence[float]
    """The expected calibration error of each replicate."""


def calibration(root: Path, study: Study, entry: TaskEntry, task: str) -> list[Calibration]:
    """Of the cell that stands for each arm, on the selection split, in the leaderboard's order.

    Empty where predictions are not at hand, and where they are places and no answers.
    """
    if TASKS[study.tasks[task].kind].targets == "positions":
        return []
    found = []
    for cell in entry.representatives:
        paths = [finetuned_folder(root, cell.arm, task, replicate) / PREDICTIONS for replicate in study.replicates]
        if not all(path.is_file() for path in paths):
            return []
        wanted = [("cell", "=", cell.cell), ("split", "=", "selection")]
        tables = [pq.read_table(path, columns=["confidence", "correct"], filters=wanted) for path in paths]
        pairs = [tuple(one[name].to_numpy().astype("float64") for name in ("confidence", "correct")) for one in tables]
        sure, right = (np.concatenate(columns) for columns in zip(*pairs, strict=True))
        errors = [expected_error(bins_of(*pair)) for pair in pairs]
        found.append(Calibration(cell, bins_of(sure, right), float(sure.mean()), float(right.mean()), errors))
    return found


def bins_of(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> list[Bin]:
    """Predictions in bins of equal width over confidences of 0 to 1, without the empty ones."""
    codes = np.minimum((confidence * BINS).astype(int), BINS - 1)
    members = [codes == code for code in range(BINS)]
    return [
        Bin(float(confidence[member].mean()), float(right[member].mean()), float(member.mean()))
        for member in members
        if member.any()
    ]


def expected_error(bins: Sequence[Bin]) -> float:
    """The mean distance between confidence and accuracy, weighted by the bins' shares."""
    return sum(one.share * abs(one.confidence - one.right) for one in bins)


@dataclass(frozen=True)
class TaskReliability:
    """A diagram and a row per arm."""

    name: str
    panels: Sequence[Panel]
    table: Table


@dataclass(frozen=True)
class Reliabilities:
    """All tasks of which predictions are at hand."""

    lead: str
    tasks: Sequence[TaskReliability]


def reliabilities(by_task: dict[str, list[Calibration]]) -> Reliabilities | None:
    """A diagram per arm and a table per task; none where there is nothing to show."""
    tasks = [_task(readable(task), found) for task, found in by_task.items() if found]
    lead = (
        "Confidence is the probability that a model gives to its own answer; no model was calibrated afterwards. Marks on "
        "the dotted line are honest, marks below it promise too much; a larger disc holds more predictions. Best cell of each "
        f"arm, selection split, {BINS} bins of equal width. The error depends on the number of bins: compare it within "
        "this table only."
    )
    return Reliabilities(lead, tasks) if tasks else None


def _task(task: str, found: list[Calibration]) -> TaskReliability:
    panels, rows = [], []
    for one in found:
        arm, error = readable(one.cell.arm), percent(float(np.mean(one.errors)))
        canvas = reliability(one.bins, start_class(one.cell.start))
        title = f"{task}: reliability of {arm}, expected calibration error {error}%"
        panels.append(Panel(canvas, title, heading=arm))
        cells = [
            TableCell(error, _range(one.errors)),
            TableCell(percent(one.confidence)),
            TableCell(percent(one.right)),
            TableCell("too sure" if one.confidence > one.right else "too modest"),
        ]
        rows.append(cell_row(one.cell, cells))
    header = ["arm and start", "expected calibration error", "mean confidence", "accuracy", "on the whole"]
    return TaskReliability(
        task, panels, Table(f"{task}: calibration (%), mean and range over replicates", header, rows)
    )


def _range(errors: Sequence[float]) -> str:
    return f"{percent(min(errors))} to {percent(max(errors))}" if len(errors) > 1 else "one replicate"
