"""Reads `outputs/evaluation` for the statistics: one array of correctness per cell, all over the same items."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.errors import CeterisError
from components.evaluation.statistics.estimates import Arm, summarise
from components.records.model import read
from components.records.training import Arms
from components.study.cells import Cell
from components.study.study import Study


def load_arms(study: Study, evaluation: Path) -> Arms:
    """Read arms.json, in the study's order of arms, and hold it against the study.

    Raises:
        CeterisError: an arm or replicate is missing or surplus.
    """
    arms = read(evaluation / "arms.json", Arms, "run the stage evaluate again")
    expected = {(arm, task) for arm in study.arms for task in study.tasks}
    present = {(arm, task) for arm, tasks in arms.items() for task in tasks}
    if different := sorted(f"{arm} on {task}" for arm, task in expected ^ present):
        raise CeterisError(
            f"{evaluation / 'arms.json'} and the study differ in {', '.join(different)}: evaluate again."
        )
    for arm, task in sorted(present):
        for cell, records in arms[arm][task].items():
            if len(records) != len(study.replicates):
                raise CeterisError(
                    f"{evaluation / 'arms.json'} has {len(records)} replicates of {arm} ({cell}) on {task}, "
                    f"the study {len(study.replicates)}: evaluate again."
                )
    return {arm: arms[arm] for arm in study.arms}


class TaskScores:
    """All scores of one task.

    Attributes:
        cells: in the study's order of arms.
        groups: (N,) codes of the items' clusters.
        splits: names of the splits, sorted.
    """

    def __init__(
        self,
        values: dict[Cell, NDArray[np.float32]],
        groups: NDArray[np.int64],
        split: NDArray[np.str_],
        form: NDArray[np.str_],
        hard: NDArray[np.bool_],
    ) -> None:
        self._values = values
        self._split = split
        self._form = form
        self._hard = hard
        self.groups = groups
        self.cells = list(values)
        self.splits = sorted(set(split.tolist()))

    @classmethod
    def load(cls, evaluation: Path, hard: Path, task: str, arms: Arms, replicates: list[int]) -> "TaskScores":
        """Read one task's items, cell by cell; `hard` is the floors' list of items."""
        columns = [f"correct_{replicate}" for replicate in replicates]
        values: dict[Cell, NDArray[np.float32]] = {}
        items = None
        for arm in arms:
            for name in sorted(arms[arm][task]):
                keys = [("arm", "=", arm), ("task", "=", task), ("cell", "=", name)]
                wanted = columns if items is not None else [*columns, "split", "id", "group", "form"]
                table = pq.read_table(evaluation / "items.parquet", columns=wanted, filters=keys)
                # Every cell holds the same items in the same order: the stage evaluate refuses anything else.
                values[Cell.of(arm, name)] = np.stack([table[column].to_numpy() for column in columns], axis=1)
                items = table if items is None else items
        if items is None or not items.num_rows:
            raise CeterisError(f"{evaluation / 'items.parquet'} has no items of task {task}: evaluate again.")
        split, form, ids = (items[name].to_numpy(zero_copy_only=False).astype(str) for name in ("split", "form", "id"))
        # An item without a group is its own; the prefix keeps it apart from any group of the same name.
        group = [
            f"g{group}" if group else f"i{item}" for group, item in zip(items["group"].to_pylist(), ids, strict=True)
        ]
        _, codes = np.unique(np.array(group), return_inverse=True)
        found = pq.read_table(hard, columns=["split", "id"], filters=[("task", "=", task)]).to_pylist()
        listed = {(row["split"], row["id"]) for row in found}
        flags = np.array([key in listed for key in zip(split.tolist(), ids.tolist(), strict=True)])
        return cls(values, codes, split, form, flags)

    def rows(self, split: str, form: str | None = None, hard: bool = False) -> NDArray[np.int64]:
        """Positions of the items of a split, of one form, or of its hard ones."""
        chosen = self._split == split
        if form is not None:
            chosen = chosen & (self._form == form)
        if hard:
            chosen = chosen & self._hard
        return np.flatnonzero(chosen)

    def forms(self, split: str) -> list[str]:
        """The forms that occur in a split, sorted; none where items have no form."""
        return sorted(set(self._form[self._split == split].tolist()) - {""})

    def arm(self, cell: Cell, rows: NDArray[np.int64]) -> Arm:
        """One cell's summary over some items."""
        return summarise(self._values[cell][rows], self.groups[rows])
