"""Scores by slice: what the leaderboard holds, and by how much there is to see and to read.

The leaderboard knows question forms, splits and hard samples. How many objects a picture holds and how long a text is lies
with the data; these two are estimated here by the same procedure, from the same scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.data.samples import GENERALISATION_PREFIX, read
from components.evaluation.findings import measure
from components.evaluation.formatting import readable
from components.evaluation.leaderboard.entries import CellEntry, Leaderboard
from components.evaluation.report.parts import ScoreColumn, Table, score_table
from components.evaluation.statistics.estimates import Estimate as Estimated
from components.evaluation.statistics.estimates import estimate_mean, summarise
from components.paths import data_folder, evaluation_folder
from components.records.scores import Estimate
from components.study.cells import Cell
from components.study.study import Study

BINS = 4
SELECTION = "selection"
OBJECTS, WORDS = "objects", "words"


Amounts = dict[str, dict[Cell, dict[str, Estimate]]]
"""By `objects` or `words`, cell, and range such as '4 to 6'."""


def by_amount(root: Path, study: Study, board: Leaderboard) -> dict[str, Amounts]:
    """By task: estimates of the cells that stand for the arms. An amount is left out where the data does not say."""
    found = {}
    for task, entry in board.tasks.items():
        amounts = amounts_of(root, task)
        chosen = {cell.identity for cell in entry.representatives}
        found[task] = {part: _estimates(root, study, task, chosen, values) for part, values in amounts.items()}
    return found


def amounts_of(root: Path, task: str) -> dict[str, dict[str, int]]:
    """By sample id of the selection split: `objects` in its pictures together, `words` of its text."""
    folder = data_folder(root)
    if not (folder / "source.json").is_file():
        return {}
    pictures: dict[str, list[str]] = {}
    words: dict[str, int] = {}
    for batch in read(folder, "samples", ["id", "part", "split", "image_ids", "text"]):
        kept = batch.filter(pc.and_(pc.equal(batch["part"], task), pc.equal(batch["split"], SELECTION)))
        for row in kept.to_pylist():
            pictures[row["id"]] = row["image_ids"]
            words[row["id"]] = len(row["text"].split())
    wanted = pa.array(sorted({image for images in pictures.values() for image in images}), pa.string())
    boxes: dict[str, int] = {}
    for batch in read(folder, "images", ["image_id", "boxes"]):
        kept = batch.filter(pc.is_in(batch["image_id"], wanted))
        found = zip(kept["image_id"].to_pylist(), pc.list_value_length(kept["boxes"]).to_pylist(), strict=True)
        boxes |= {image: count for image, count in found if count is not None}
    objects = {
        item: sum(boxes[image] for image in images)
        for item, images in pictures.items()
        if images and all(image in boxes for image in images)
    }
    return {part: values for part, values in ((OBJECTS, objects), (WORDS, words)) if len(set(values.values())) > 1}


def _estimates(
    root: Path, study: Study, task: str, cells: set[Cell], amounts: dict[str, int]
) -> dict[Cell, dict[str, Estimate]]:
    """Estimates by cell and range."""
    columns = [f"correct_{replicate}" for replicate in study.replicates]
    found: dict[Cell, dict[str, Estimate]] = {}
    for cell in sorted(cells):
        keys = [
            ("arm", "=", cell.arm),
            ("task", "=", task),
            ("cell", "=", cell.name),
            ("split", "=", SELECTION),
        ]
        path = evaluation_folder(root) / "items.parquet"
        table = pq.read_table(path, columns=["id", "group", *columns], filters=keys)
        ids, grouped = table["id"].to_pylist(), table["group"].to_pylist()
        values = np.array([amounts.get(item, -1) for item in ids])
        # An item without a group is its own, as in `scores.py`.
        groups = np.array([f"g{group}" if group else f"i{item}" for group, item in zip(grouped, ids, strict=True)])
        scores = np.stack([table[column].to_numpy() for column in columns], axis=1)
        for low, high in ranges(values[values >= 0]):
            rows = (values >= low) & (values <= high)
            estimate = estimate_mean(summarise(scores[rows], groups[rows]), study.evaluation.confidence)
            label = f"{low}" if low == high else f"{low} to {high}"
            found.setdefault(cell, {})[label] = _entry(estimate, int(rows.sum()))
    return found


def ranges(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """At most four ranges without overlap that hold about as many items each; every value apart where there are few."""
    distinct = sorted(set(values.tolist()))
    if len(distinct) <= BINS:
        return [(value, value) for value in distinct]
    cuts = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf")
    ends = sorted({*cuts.astype(int).tolist(), distinct[-1]})
    edges = [distinct[0] - 1, *ends]
    parts = [[value for value in distinct if low < value <= high] for low, high in pairwise(edges)]
    return [(part[0], part[-1]) for part in parts if part]


def _entry(estimate: Estimated, items: int) -> Estimate:
    low, high = (None if np.isnan(end) else min(1.0, max(0.0, end)) for end in (estimate.low, estimate.high))
    return Estimate(mean=estimate.mean, low=low, high=high, items=items)


@dataclass(frozen=True)
class Slices:
    """By task, its tables; none for a task whose samples have no slices."""

    lead: str
    tables: Sequence[tuple[str, Sequence[Table]]]


def slices(board: Leaderboard, amounts: Mapping[str, Amounts]) -> Slices:
    """Tables per task: by form, by objects, by words, by split.

    Args:
        amounts: of `by_amount`.
    """
    tables = []
    for task, entry in board.tasks.items():
        cells = entry.representatives
        known = amounts.get(task, {})
        asked = {
            "by form": _columns([cell.forms for cell in cells]),
            "by number of objects in the picture": _columns(_of(known.get(OBJECTS, {}), cells)),
            "by number of words in the text": _columns(_of(known.get(WORDS, {}), cells)),
            "on the generalisation splits and the hard samples": _general(cells),
        }
        caption = f"{readable(task)}: {measure(entry)} (%)"
        found = [score_table(cells, wanted, f"{caption} {words}") for words, wanted in asked.items() if wanted]
        tables.append((readable(task), found))
    lead = (
        "The cell that stands for each arm. Each column is tinted from its lowest to its highest score, with the "
        "interval below the mean. Generalisation splits hold what training never showed; hard samples are those that both "
        "unimodal floors get wrong. Many cells of a table are looked at here: what stands out in one of them is a hint, no verdict."
    )
    return Slices(lead, tables)


def _of(amounts: Mapping[Cell, dict[str, Estimate]], cells: Sequence[CellEntry]) -> list[dict[str, Estimate]]:
    return [amounts.get(cell.identity, {}) for cell in cells]


def _columns(by_cell: Sequence[Mapping[str, Estimate]]) -> list[ScoreColumn]:
    """The slices that occur, in order: numbers by their first one."""
    keys = {key for found in by_cell for key in found}
    order = sorted(keys, key=lambda key: (int(key.split()[0]) if key[:1].isdigit() else 0, key))
    return [ScoreColumn(readable(key), [found.get(key) for found in by_cell]) for key in order]


def _general(cells: Sequence[CellEntry]) -> list[ScoreColumn]:
    """The selection split beside the generalisation splits and the hard samples; none where there are neither."""
    splits = [SELECTION, *sorted(split for split in cells[0].splits if split.startswith(GENERALISATION_PREFIX))]
    found = [
        ScoreColumn(readable(split.removeprefix(GENERALISATION_PREFIX)), [cell.splits.get(split) for cell in cells])
        for split in splits
    ]
    if cells[0].hard:
        found.append(ScoreColumn("hard", [cell.hard for cell in cells]))
    return found if len(found) > 1 else []
