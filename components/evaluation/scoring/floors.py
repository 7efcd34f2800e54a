"""Floors: what can be scored without understanding, so that no score is read without them.

* majority: the most frequent target of the training split;
* text only: logistic regression on the 1- and 2-grams of the tokens;
* image only: logistic regression on the pixels, averaged over a coarse grid, of both pictures where there are two;
* region count (where pictures came with unlike numbers of regions): logistic regression on that number alone;
* first object (where objects are pointed at): always the first of the picture's list;
* chance (where candidates come in pools): one over the size of a pool, by construction: neither a text nor a picture alone
  tells its place.

Which floors a kind of task has, its row says. The samples that both unimodal floors get wrong are the hard subset: there
neither half alone gives the answer away.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from components.catalogue import FloorName
from components.data.store import Part, Store
from components.tasks import TASKS

SPLITS = ("validation", "selection", "gate")
GENERALISATION_PREFIX = "general_"
GRID = 12
BIGRAM_BUCKETS = 1 << 14
MAX_TRAINING_ROWS = 20_000
_ROWS_AT_ONCE = 2048
_TEXT_PENALTY = 1.0
_IMAGE_PENALTY = 0.01
_ITERATIONS = 200

HARD_SCHEMA = pa.schema({"task": pa.string(), "split": pa.string(), "id": pa.string()})
Scores = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Floor:
    """A classifier of one kind of features, fitted on the training split."""

    constant: int
    features: Callable[[Part], Any] | None = None
    model: LogisticRegression | None = None

    def predict(self, part: Part) -> np.ndarray:
        """Int64 (N,): an answer for every sample."""
        if self.features is None or self.model is None or not len(part):
            return np.full(len(part), self.constant, dtype=np.int64)
        return np.asarray(self.model.predict(self.features(part)), dtype=np.int64)


def compute_floors(
    store: Store, kinds: Mapping[str, str], seed: int, progress: Callable[[float, str], None]
) -> tuple[Scores, pa.Table]:
    """Accuracy of every floor per task and split, and the samples that both unimodal floors get wrong.

    Args:
        store: the tokenised data.
        kinds: of every task; its part has its name.
        seed: draws the training rows where there are more than `MAX_TRAINING_ROWS`.
        progress: is told the percentage done and what is being done.
    """
    scores: Scores = {}
    hard: dict[str, list[str]] = {name: [] for name in HARD_SCHEMA.names}
    with threadpool_limits(limits=1):
        for number, (task, kind) in enumerate(kinds.items()):
            progress(100 * number / len(kinds), f"floors of {task}")
            names = TASKS[kind].floors
            chance = {"chance": 1 / len(store.index["answers"][task])} if "chance" in names else {}
            floors = fit_floors(store, task, names, seed)
            scores[task] = {}
            for split in evaluation_splits(store, task):
                part = store.part(task, split)
                targets = np.asarray(part.targets)
                wrong = {name: floor.predict(part) != targets for name, floor in floors.items()}
                scores[task][split] = chance | {name: float(1 - missed.mean()) for name, missed in wrong.items()}
                if not wrong.keys() >= {"text_only", "image_only"}:
                    continue
                missed_by_both = np.flatnonzero(wrong["text_only"] & wrong["image_only"])
                hard["task"] += [task] * len(missed_by_both)
                hard["split"] += [split] * len(missed_by_both)
                hard["id"] += [part.ids[index] for index in missed_by_both]
    return scores, pa.table(hard, schema=HARD_SCHEMA)


def evaluation_splits(store: Store, task: str) -> list[str]:
    """The splits of a task that are scored."""
    return [
        split
        for split in store.splits(task)
        if (split in SPLITS or split.startswith(GENERALISATION_PREFIX)) and len(store.part(task, split))
    ]


def fit_floors(store: Store, task: str, names: Sequence[FloorName], seed: int) -> dict[str, Floor]:
    """The floors of a task that predict, fitted on its training split alone; none where only chance is asked for.

    Args:
        names: those of the task's row.
    """
    if set(names) <= {"chance"}:
        return {}
    train = store.part(task, "train")
    targets = np.asarray(train.targets)
    rows = np.flatnonzero(targets >= 0)
    # The smallest of the most frequent answers, so that ties have one outcome.
    majority = int(np.bincount(targets[rows]).argmax()) if len(rows) else 0
    if len(rows) > MAX_TRAINING_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_TRAINING_ROWS, replace=False))
    vocabulary = int(store.index["vocabulary_size"])

    def text_features(part: Part, chosen: np.ndarray | None = None) -> sparse.csr_matrix:
        return ngrams(part.input_ids, part.lengths, vocabulary, chosen)

    def shown(part: Part, chosen: np.ndarray | None = None) -> np.ndarray:
        return np.concatenate([coarse_pixels(store.pixels, rows, chosen) for rows in part.pictures], axis=1)

    training_pixels = shown(train, rows)
    mean, deviation = training_pixels.mean(0), training_pixels.std(0)
    deviation[deviation < 1e-6] = 1.0

    def image_features(part: Part) -> np.ndarray:
        return (shown(part) - mean) / deviation

    def text_only() -> Floor:
        return Floor(majority, text_features, _fit(text_features(train, rows), targets[rows], _TEXT_PENALTY))

    def image_only() -> Floor:
        standardised = (training_pixels - mean) / deviation
        return Floor(majority, image_features, _fit(standardised, targets[rows], _IMAGE_PENALTY))

    made: dict[FloorName, Callable[[], Floor]] = {
        "majority": lambda: Floor(majority),
        "text_only": text_only,
        "image_only": image_only,
        "first_object": lambda: Floor(0),
    }
    floors = {str(name): made[name]() for name in names if name != "chance"}
    counts = store.region_counts
    if counts is not None and counts.min() < counts.max():

        def count_features(part: Part, chosen: np.ndarray | None = None) -> np.ndarray:
            pictures = part.image_rows if chosen is None else part.image_rows[chosen]
            return np.eye(int(counts.max()) + 1, dtype=np.float32)[counts[pictures]]

        fitted = _fit(count_features(train, rows), targets[rows], _TEXT_PENALTY)
        floors["region_count"] = Floor(majority, count_features, fitted)
    return floors


def _fit(features: Any, targets: np.ndarray, strength: float) -> LogisticRegression | None:
    """A fitted logistic regression; None where there is one answer, or none, to choose from."""
    if len(np.unique(targets)) < 2:
        return None
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=_ITERATIONS, tol=1e-3)
    with warnings.catch_warnings():
        # A floor that is stopped early is still a floor, and the same one every time.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, targets)


def ngrams(
    input_ids: np.ndarray, lengths: np.ndarray, vocabulary: int, chosen: np.ndarray | None = None
) -> sparse.csr_matrix:
    """Which 1- and 2-grams each text holds; 2-grams are hashed.

    Args:
        input_ids: int (N, T), padded.
        lengths: int (N,), tokens of each row.
        vocabulary: number of different tokens.
        chosen: rows to take; all by default.

    Returns:
        float32 (rows, vocabulary + BIGRAM_BUCKETS) of zeros and ones.
    """
    ids = np.asarray(input_ids if chosen is None else input_ids[chosen]).astype(np.int64)
    count = np.asarray(lengths if chosen is None else lengths[chosen])
    places = np.arange(ids.shape[1])
    present = places[None, :] < count[:, None]
    pairs = present[:, 1:]
    # Multiplying by an odd constant spreads neighbouring pairs over the buckets.
    buckets = (ids[:, :-1] * 1_000_003 + ids[:, 1:]) * 2_654_435_761 % (1 << 32) % BIGRAM_BUCKETS
    row_of_one, _ = np.nonzero(present)
    row_of_two, _ = np.nonzero(pairs)
    rows = np.concatenate([row_of_one, row_of_two])
    columns = np.concatenate([ids[present], vocabulary + buckets[pairs]])
    shape = (len(ids), vocabulary + BIGRAM_BUCKETS)
    matrix = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    matrix.data[:] = 1.0
    return matrix


def coarse_pixels(pixels: np.ndarray, image_rows: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
    """Pictures averaged over a grid, in bounded memory; zeros where a sample has no picture.

    Args:
        pixels: uint8 (P, H, W, 3).
        image_rows: int (N,), rows of `pixels`, -1 for none.
        chosen: rows to take; all by default.

    Returns:
        float32 (rows, GRID * GRID * 3), values in 0..1. A side of fewer than GRID pixels is kept as it is.
    """
    rows = np.asarray(image_rows if chosen is None else image_rows[chosen])
    height, width = pixels.shape[1:3]
    tops = np.unique(np.linspace(0, height, min(GRID, height), endpoint=False).astype(int))
    lefts = np.unique(np.linspace(0, width, min(GRID, width), endpoint=False).astype(int))
    areas = np.diff([*tops, height])[:, None, None] * np.diff([*lefts, width])[None, :, None] * np.float32(255)
    coarse = np.zeros((len(rows), len(tops), len(lefts), 3), dtype=np.float32)
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[begin : begin + _ROWS_AT_ONCE]
        shown = block >= 0
        if shown.any():
            images = np.asarray(pixels[block[shown]]).astype(np.float32)
            sums = np.add.reduceat(np.add.reduceat(images, tops, axis=1), lefts, axis=2)
            coarse[begin : begin + len(block)][shown] = sums / areas
    return coarse.reshape(len(rows), -1)
