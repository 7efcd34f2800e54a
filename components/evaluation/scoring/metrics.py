"""Predictions to scores: one row per arm, cell, replicate and split, and one per item for the statistics.

On a task an arm has cells: the starts it was fine-tuned from, with all labels (`START`) or few
(`START_few`); an arm that cannot do a task has none there. An item is one thing predicted of a sample, named by
split, id and form. Nothing is compared here, but everything is checked to be comparable: the arms that the study asks
for, no more and no fewer, all scored on the same items.
"""

import math
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import CeterisError
from components.files.atomic import atomic_folder, is_leftover
from components.files.json_files import write_json
from components.paths import PREDICTIONS, RECORD
from components.records.model import read
from components.records.training import CurvePoint, FineTuningRecord, TrainingRecord
from components.study.plan import fine_tunings
from components.study.study import Study

ITEM_KEYS = ["split", "id", "group", "form"]
_COLUMNS = ["cell", "split", "id", "group", "form", "target", "correct"]
_NO_TARGET = -1  # as in components/tasks/task.py, which this stage does without


def collect(
    study: Study, finetune: Path, folder: Path, progress: Callable[[float, str], None] = lambda *_: None
) -> None:
    """Score everything under `finetune` into `folder`, arm by arm.

    Args:
        study: which arms, cells and replicates must be there.
        finetune: `outputs/finetune`.
        folder: `outputs/evaluation`; replaced as a whole, or not at all.
        progress: called with percent and message after each arm.

    Raises:
        CeterisError: a run is missing or surplus, or arms were scored on different items.
    """
    check_runs(study, finetune)
    with atomic_folder(folder) as beside:
        _collect(study, finetune, beside, progress)


def _collect(study: Study, finetune: Path, folder: Path, progress: Callable[[float, str], None]) -> None:
    """The same, into a folder that is there and empty."""
    schema = pa.schema(
        [(name, pa.string()) for name in ("arm", "task", "cell", *ITEM_KEYS)]
        + [(f"correct_{replicate}", pa.float32()) for replicate in study.replicates]
    )
    scores: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    arms: dict[str, dict[str, Any]] = {}
    items = _Items()
    missed: dict[str, dict[str, float]] = {}
    pairs = sorted(product(study.arms, study.tasks))
    with pq.ParquetWriter(folder / "items.parquet", schema, compression="zstd") as writer:
        for index, (arm, task) in enumerate(pairs):
            runs = [finetune / arm / task / str(replicate) for replicate in study.replicates]
            cells = sorted(cell.name for cell in fine_tunings(study, arm, task))
            for cell, table in _score(runs, study.replicates, cells):
                items.check(task, table, f"{arm} ({cell}) on {task}")
                key = {"arm": arm, "task": task, "cell": cell}
                missed.setdefault(task, _missed(table))
                wide = table.drop(columns="target").assign(**key)
                writer.write_table(pa.Table.from_pandas(wide, schema=schema, preserve_index=False))
                scores.extend({**key, **row} for row in _means(table, study.replicates))
            arms.setdefault(arm, {})[task] = {cell: [] for cell in cells}
            for run, replicate in zip(runs, study.replicates, strict=True):
                for cell, record in _records(run, cells):
                    arms[arm][task][cell].append(record.without("curves").as_json())
                    key = {"arm": arm, "task": task, "cell": cell}
                    curves.extend({**key, "replicate": replicate, **point} for point in _points(record.curves))
            progress(100 * (index + 1) / len(pairs), f"scored {arm} on {task}")
    _write(folder / "scores.parquet", scores, _SCORES)
    _write(folder / "curves.parquet", curves, _CURVES)
    write_json(folder / "arms.json", arms)
    write_json(folder / "missed.json", missed)


_KEYS = [("arm", pa.string()), ("task", pa.string()), ("cell", pa.string()), ("replicate", pa.int32())]
_SCORES = pa.schema([*_KEYS, ("split", pa.string()), ("items", pa.int64()), ("score", pa.float64())])
_CURVES = pa.schema([*_KEYS, ("metric", pa.string()), ("samples", pa.int64()), ("value", pa.float64())])


def check_runs(study: Study, finetune: Path) -> None:
    """Compare the runs on disk with those that the study asks for.

    Raises:
        CeterisError: naming every run that is missing or surplus.
    """
    expected = {
        f"{arm}/{task}/{replicate}" for arm, task, replicate in product(study.arms, study.tasks, study.replicates)
    }
    present = {
        path.relative_to(finetune).as_posix()
        for path in finetune.glob("*/*/*")
        if path.is_dir() and not is_leftover(path)
    }
    if missing := sorted(expected - present):
        raise CeterisError(
            f"{finetune} lacks {', '.join(missing)}, which the study asks for: run their fine-tuning stages."
        )
    if surplus := sorted(present - expected):
        raise CeterisError(f"{finetune} holds {', '.join(surplus)}, which the study does not ask for: remove them.")


def _score(runs: list[Path], replicates: list[int], cells: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each cell of one arm: its items in order, with one column of correctness per replicate."""
    frames = []
    for run in runs:
        frame = pq.read_table(_present(run / PREDICTIONS), columns=_COLUMNS).to_pandas()
        _check_cells(run / PREDICTIONS, set(frame["cell"]), cells)
        if (frame["split"] == "gate").any():
            raise CeterisError(f"{run / PREDICTIONS} predicts the gate split, which is kept for promotion alone.")
        frames.append(frame)
    for cell in cells:
        tables = [frame[frame["cell"] == cell].sort_values(ITEM_KEYS, ignore_index=True) for frame in frames]
        first = tables[0][[*ITEM_KEYS, "target"]]
        if first.duplicated(["split", "id", "form"]).any():
            raise CeterisError(f"{runs[0] / PREDICTIONS} predicts an item of cell {cell} twice.")
        for run, table in zip(runs, tables, strict=True):
            if not table[[*ITEM_KEYS, "target"]].equals(first):
                raise CeterisError(
                    f"{run} and {runs[0]} predict different items in cell {cell}: run both on the same data."
                )
        correct = {f"correct_{r}": table["correct"] for r, table in zip(replicates, tables, strict=True)}
        yield cell, first.assign(**correct)


class _Items:
    """What the first cell of each task was scored on; every other cell must be scored on the same."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, pd.DataFrame]] = {}

    def check(self, task: str, table: pd.DataFrame, name: str) -> None:
        """Raises CeterisError if the items, their groups, forms or targets differ."""
        items = table[[*ITEM_KEYS, "target"]]
        other, first = self._first.setdefault(task, (name, items))
        if items.equals(first):
            return
        ours, theirs = (set(zip(frame["split"], frame["id"], strict=True)) for frame in (items, first))
        if different := sorted(ours ^ theirs):
            example = (
                f"{len(different)} items are not in both, for example {different[0][1]} of split {different[0][0]}"
            )
        else:
            example = "their groups, forms or targets differ"
        raise CeterisError(f"{name} and {other} are scored on different items ({example}): run both on the same data.")


def _means(table: pd.DataFrame, replicates: list[int]) -> Iterator[dict[str, Any]]:
    """The task's metric, which is the mean of `correct`, per split and replicate."""
    for split, part in table.groupby("split", sort=True):
        for replicate in replicates:
            score = float(part[f"correct_{replicate}"].to_numpy("float64").mean())
            yield {"replicate": replicate, "split": split, "items": len(part), "score": score}


def _missed(table: pd.DataFrame) -> dict[str, float]:
    """The share of the items of each split that nothing can get right, for their answer is no class."""
    return {str(split): float((part == _NO_TARGET).mean()) for split, part in table.groupby("split")["target"]}


def _records(run: Path, cells: list[str]) -> Iterator[tuple[str, TrainingRecord]]:
    found = read(run / RECORD, FineTuningRecord, "run its fine-tuning stage again").cells
    _check_cells(run / RECORD, set(found), cells)
    yield from sorted(found.items())


def _check_cells(path: Path, found: set[str], expected: list[str]) -> None:
    if missing := sorted(set(expected) - found):
        raise CeterisError(
            f"{path} lacks the cells {', '.join(missing)}, which the study asks for: run its stage again."
        )
    if surplus := sorted(found - set(expected)):
        raise CeterisError(
            f"{path} has the cells {', '.join(surplus)}, which the study does not ask for: run its stage again."
        )


def _present(path: Path) -> Path:
    if not path.is_file():
        raise CeterisError(f"{path} is missing: run its fine-tuning stage again.")
    return path


def _points(points: list[CurvePoint]) -> Iterator[dict[str, Any]]:
    for point in points:
        for metric, value in point.items():
            if metric != "samples" and value is not None and math.isfinite(value):
                yield {"metric": metric, "samples": point["samples"], "value": value}


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
