"""Which samples to show of wins and losses between any two arms, and what was said of them.

A picture is stored once and serves every pair of arms that it parts, so that a few dozen samples show something
of each of the hundred pairs.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.data.images import PLAIN, Rendering, decode
from components.data.samples import describe, read
from components.evaluation.leaderboard.entries import Leaderboard
from components.paths import PREDICTIONS, data_folder, finetuned_folder
from components.study.cells import Cell
from components.study.study import Study
from components.tasks import TASKS

LARGEST_PICTURE = 360
"""Pixels; larger example pictures are scaled down."""
LARGEST_FILE = 300_000
MOST_BYTES = 1_000_000
"""Of all pictures of all tasks together, as text in the page."""
MOST_SAMPLES = 72
"""Per task."""
_DISPLAYED = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_KEYS = ["id", "form"]


@dataclass(frozen=True)
class Example:
    """One item with what the arms said."""

    id: str
    form: str
    text: str
    target: str
    """The right answer; empty where answers are places."""
    pictures: tuple[str, ...]
    """Data URIs."""
    small: bool
    """Whether the pictures are so small that pixels should stay visible."""
    predictions: dict[str, tuple[str, bool]]
    """By arm: its answer (empty where answers are places), and whether that is right."""


@dataclass(frozen=True)
class Duels:
    """Wins and losses of one task, first replicate, selection split.

    Attributes:
        starts: the cell that speaks for each arm.
        wins: (A, A) how many items the row's arm gets right and the column's wrong.
        pair: the arms shown first: the best, and the one nearest to it in the leaderboard.
    """

    starts: dict[str, Cell]
    items: int
    wins: NDArray[np.int64]
    pair: tuple[str, str]
    examples: list[Example]


def duels_of(root: Path, study: Study, board: Leaderboard, task: str) -> Duels | None:
    """Wins and losses between the cells that stand for the arms, with samples of each.

    None where pictures or predictions are not at hand (a report can be drawn from the leaderboard alone), where the study
    wants no examples, and where there is nothing to set against each other.
    """
    entry = board.tasks[task]
    starts = {cell.arm: cell.identity for cell in entry.representatives}
    frames = []
    for arm, cell in starts.items():
        path = finetuned_folder(root, arm, task, study.replicates[0]) / PREDICTIONS
        if not path.is_file() or not (data_folder(root) / "source.json").is_file():
            return None
        wanted = [("cell", "=", cell.name), ("split", "=", "selection")]
        table = pq.read_table(path, columns=[*_KEYS, "prediction", "correct"], filters=wanted)
        frames.append(table.to_pandas().set_index(_KEYS).sort_index())
    if len(starts) < 2 or not study.evaluation.examples:
        return None
    right = np.stack([frame["correct"].to_numpy() > 0.5 for frame in frames], axis=1)
    chosen = entry.chosen.arm if entry.chosen else next(iter(starts))
    other = next(arm for arm in starts if arm != chosen)
    each = max(1, study.evaluation.examples // 4)
    rows = pick(right, frames[0].index.get_level_values("form").to_numpy(), each)
    examples = _examples(root, study, board, task, frames, list(starts), rows)
    flags = right.astype(np.int64)
    return Duels(starts, len(right), flags.T @ (1 - flags), (chosen, other), examples)


def pick(right: NDArray[np.bool_], forms: NDArray[Any], each: int) -> list[int]:
    """Rows of (N, A) such that, where possible, `each` of them show every arm right where another is wrong.

    Greedy: always the pattern of right and wrong that serves most pairs still wanting; of its rows one whose form was
    shown least. Neighbours in the data are often alike, so rows are taken in a fixed shuffle.
    """
    shuffled = np.random.default_rng(0).permutation(len(right))
    patterns, codes = np.unique(right[shuffled], axis=0, return_inverse=True)
    waiting = [shuffled[codes.reshape(-1) == code].tolist() for code in range(len(patterns))]
    flags = patterns.astype(np.int64)
    wanting = np.full((right.shape[1], right.shape[1]), each)
    shown: dict[str, int] = {}
    picked: list[int] = []
    while len(picked) < MOST_SAMPLES:
        served = ((flags @ (wanting > 0)) * (1 - flags)).sum(axis=1)
        served[[not rows for rows in waiting]] = 0
        code = int(served.argmax())
        if not served[code]:
            break
        row = min(waiting[code], key=lambda row: shown.get(str(forms[row]), 0))
        waiting[code].remove(row)
        picked.append(row)
        shown[str(forms[row])] = shown.get(str(forms[row]), 0) + 1
        wanting -= np.outer(flags[code], 1 - flags[code])
    return picked


def _examples(
    root: Path,
    study: Study,
    board: Leaderboard,
    task: str,
    frames: Sequence[pd.DataFrame],
    arms: Sequence[str],
    rows: Sequence[int],
) -> list[Example]:
    """The picked items with their texts and pictures, as long as pictures fit into the page."""
    keys = [frames[0].index[row] for row in rows]
    samples = _samples(root, task, {identity for identity, _ in keys})
    rendering = Rendering(study.data.background, study.data.value_range)
    pictures = _pictures(root, {image for sample in samples.values() for image in sample["image_ids"]}, rendering)
    places = TASKS[study.tasks[task].kind].targets == "positions"
    answers = describe(data_folder(root))["answers"].get(task, [])
    room = MOST_BYTES // len(board.tasks)
    found = []
    for row, (identity, form) in zip(rows, keys, strict=True):
        sample = samples.get(identity)
        if sample is None:
            continue
        shown = [pictures[image] for image in sample["image_ids"] if image in pictures]
        room -= sum(len(uri) for uri, _ in shown)
        if room < 0:
            break
        said = {}
        for arm, frame in zip(arms, frames, strict=True):
            index, correct = int(frame["prediction"].iloc[row]), bool(frame["correct"].iloc[row] > 0.5)
            said[arm] = ("" if places else _answer(answers, index), correct)
        found.append(
            Example(
                id=identity,
                form=form,
                text=sample["text"],
                target="" if places else sample["target"] or "",
                pictures=tuple(uri for uri, _ in shown),
                small=any(small for _, small in shown),
                predictions=said,
            )
        )
    return found


def _samples(root: Path, task: str, wanted: set[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    identities = pa.array(sorted(wanted), pa.string())
    for batch in read(data_folder(root), "samples", ["id", "part", "image_ids", "text", "target"]):
        kept = batch.filter(pc.and_(pc.equal(batch["part"], task), pc.is_in(batch["id"], identities)))
        found |= {row["id"]: row for row in kept.to_pylist()}
    return found


def _pictures(root: Path, wanted: set[str], rendering: Rendering) -> dict[str, tuple[str, bool]]:
    found: dict[str, tuple[str, bool]] = {}
    identities = pa.array(sorted(wanted), pa.string())
    for batch in read(data_folder(root), "images", ["image_id", "image"], rows=512):
        kept = batch.filter(pc.is_in(batch["image_id"], identities))
        found |= {row["image_id"]: data_uri(row["image"], rendering) for row in kept.to_pylist()}
    return found


def _answer(answers: Sequence[str], index: int) -> str:
    return answers[index] if 0 <= index < len(answers) else f"answer {index}"


def data_uri(encoded: bytes, rendering: Rendering = PLAIN) -> tuple[str, bool]:
    """A picture for a page that loads nothing, and whether it is very small.

    Large and unusual ones are made anew, and so are those that a browser would draw otherwise than models see them.
    """
    picture = decode(encoded)
    small = max(picture.size) <= 100
    kind = _DISPLAYED.get(picture.format)
    drawn = picture.values is not None or picture.transparent
    if kind is None or drawn or max(picture.size) > LARGEST_PICTURE or len(encoded) > LARGEST_FILE:
        copy = picture.rgb(rendering)
        copy.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
        buffer = io.BytesIO()
        copy.save(buffer, format="JPEG", quality=85)
        encoded, kind = buffer.getvalue(), "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(encoded).decode('ascii')}", small
