"""Floors on stores made by hand, where what each half gives away is known beforehand."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.store import Store
from components.evaluation.scoring.floors import BIGRAM_BUCKETS, coarse_pixels, compute_floors, ngrams

SIZE, LENGTH, VOCABULARY = 24, 6, 20


def make_store(folder: Path, parts: dict[str, dict[str, dict[str, list]]], pixels: np.ndarray) -> Store:
    """Write a store as the tokenize stage does.

    Args:
        parts: task to split to `tokens` (lists of ids), `rows` and `targets`.
        pixels: uint8 (P, H, W, 3).
    """
    folder.mkdir()
    np.save(folder / "pixels.npy", pixels)
    counts: dict[str, dict[str, int]] = {}
    for task, splits in parts.items():
        for split, content in splits.items():
            place = folder / "parts" / task / split
            place.mkdir(parents=True)
            count = len(content["targets"])
            counts.setdefault(task, {})[split] = count
            ids = np.zeros((count, LENGTH), dtype=np.int32)
            for row, tokens in enumerate(content["tokens"]):
                ids[row, : len(tokens)] = tokens
            np.save(place / "input_ids.npy", ids)
            np.save(place / "lengths.npy", np.array([len(tokens) for tokens in content["tokens"]], dtype=np.int32))
            np.save(place / "image_rows.npy", np.array(content["rows"], dtype=np.int64))
            np.save(place / "targets.npy", np.array(content["targets"], dtype=np.int64))
            names = {name: [""] * count for name in ("group", "form", "text", "target", "pair")}
            table = {"id": [f"{task}-{split}-{row}" for row in range(count)]} | names
            pq.write_table(pa.table(table), place / "samples.parquet")
    index = {"parts": counts, "vocabulary_size": VOCABULARY, "answers": {task: ["a", "b", "c"] for task in parts}}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return Store(folder)


def drawn(count: int, seed: int, text_tells: bool, image_tells: bool) -> dict[str, list]:
    """Samples whose target shows in the text (token 5 or 6), in the picture (row 0 dark, row 1 bright), or nowhere."""
    generator = np.random.default_rng(seed)
    targets = generator.permutation(np.arange(count) % 2)
    noise = generator.permutation(np.arange(count) % 2)
    return {
        "tokens": [
            [1, 5 + int(target if text_tells else other), 2] for target, other in zip(targets, noise, strict=True)
        ],
        "rows": list(targets if image_tells else noise),
        "targets": list(targets),
    }


BRIGHTNESS = np.stack([np.full((SIZE, SIZE, 3), 30, np.uint8), np.full((SIZE, SIZE, 3), 220, np.uint8)])


@pytest.mark.parametrize(("text_tells", "image_tells"), [(True, False), (False, True), (True, True), (False, False)])
def test_each_floor_sees_its_own_half_only(tmp_path: Path, text_tells: bool, image_tells: bool) -> None:
    splits = {
        split: drawn(200, seed, text_tells, image_tells)
        for seed, split in enumerate(("train", "validation", "selection", "gate", "general_far"))
    }
    scores, hard = compute_floors(
        make_store(tmp_path / "s", {"task": splits}, BRIGHTNESS), {"task": "vqa"}, 1, lambda *_: None
    )
    assert set(scores["task"]) == {"validation", "selection", "gate", "general_far"}
    for floors in scores["task"].values():
        assert floors["majority"] == 0.5
        for name, tells in (("text_only", text_tells), ("image_only", image_tells)):
            assert floors[name] == 1.0 if tells else 0.3 < floors[name] < 0.7
    assert hard.num_rows == 0 if text_tells or image_tells else 0 < hard.num_rows < 600


def test_the_order_of_tokens_counts(tmp_path: Path) -> None:
    """The same tokens in another order: only 2-grams can tell."""
    splits = {}
    for seed, split in enumerate(("train", "selection")):
        targets = np.random.default_rng(seed).integers(0, 2, 200)
        splits[split] = {
            "tokens": [[1, 7, 8, 2] if t else [1, 8, 7, 2] for t in targets],
            "rows": [-1] * 200,
            "targets": list(targets),
        }
    scores, _ = compute_floors(
        make_store(tmp_path / "s", {"task": splits}, BRIGHTNESS), {"task": "vqa"}, 1, lambda *_: None
    )
    assert scores["task"]["selection"]["text_only"] == 1.0
    assert scores["task"]["selection"]["image_only"] == scores["task"]["selection"]["majority"]


def test_the_hard_subset_is_what_both_get_wrong(tmp_path: Path) -> None:
    train = drawn(200, 0, text_tells=True, image_tells=True)
    # Text says 0, 0, 1, 1; picture says 0, 1, 0, 1; the truth is 1 throughout.
    selection = {"tokens": [[1, 5, 2], [1, 5, 2], [1, 6, 2], [1, 6, 2]], "rows": [0, 1, 0, 1], "targets": [1, 1, 1, 1]}
    store = make_store(tmp_path / "s", {"task": {"train": train, "selection": selection}}, BRIGHTNESS)
    scores, hard = compute_floors(store, {"task": "vqa"}, 1, lambda *_: None)
    assert hard.to_pylist() == [{"task": "task", "split": "selection", "id": "task-selection-0"}]
    assert scores["task"]["selection"]["text_only"] == scores["task"]["selection"]["image_only"] == 0.5


def test_majority_is_of_training_and_unknown_targets_are_missed(tmp_path: Path) -> None:
    train = drawn(100, 0, text_tells=False, image_tells=False) | {"targets": [2] * 60 + [0] * 40}
    selection = drawn(10, 1, text_tells=False, image_tells=False) | {"targets": [2] * 3 + [0] * 5 + [-1] * 2}
    store = make_store(tmp_path / "s", {"task": {"train": train, "selection": selection}}, BRIGHTNESS)
    scores, hard = compute_floors(store, {"task": "vqa"}, 1, lambda *_: None)
    assert scores["task"]["selection"]["majority"] == pytest.approx(0.3)
    assert {"task-selection-8", "task-selection-9"} <= set(hard["id"].to_pylist())


def test_one_answer_alone_is_no_obstacle(tmp_path: Path) -> None:
    only = drawn(50, 0, text_tells=True, image_tells=True) | {"targets": [1] * 50}
    store = make_store(tmp_path / "s", {"task": {"train": only, "gate": only}}, BRIGHTNESS)
    scores, hard = compute_floors(store, {"task": "vqa"}, 1, lambda *_: None)
    assert scores == {"task": {"gate": {"majority": 1.0, "text_only": 1.0, "image_only": 1.0}}}
    assert hard.num_rows == 0


def test_floors_are_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import components.evaluation.scoring.floors as module

    monkeypatch.setattr(module, "MAX_TRAINING_ROWS", 90)
    splits = {split: drawn(200, seed, False, False) for seed, split in enumerate(("train", "selection"))}
    store = make_store(tmp_path / "s", {"task": splits}, BRIGHTNESS)
    first, second = (compute_floors(store, {"task": "vqa"}, 1, lambda *_: None) for _ in range(2))
    assert first[0] == second[0]
    assert first[1].equals(second[1])


def test_ngrams_are_counted_as_by_hand() -> None:
    ids = np.array([[1, 5, 5, 2, 0, 0], [1, 2, 0, 0, 0, 0]])
    matrix = ngrams(ids, np.array([4, 2]), VOCABULARY).toarray()
    assert matrix.shape == (2, VOCABULARY + BIGRAM_BUCKETS)
    assert set(np.flatnonzero(matrix[0, :VOCABULARY])) == {1, 2, 5}
    assert set(np.flatnonzero(matrix[1, :VOCABULARY])) == {1, 2}
    assert matrix[0, VOCABULARY:].sum() == 3  # 1-5, 5-5, 5-2
    assert matrix[1, VOCABULARY:].sum() == 1
    assert set(np.unique(matrix)) == {0.0, 1.0}


@pytest.mark.parametrize("side", [8, 12, 13, 48, 50])
def test_coarse_pixels_are_means_of_cells(side: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, side, side, 3), dtype=np.uint8)
    coarse = coarse_pixels(pixels, np.array([3, -1, 0]))
    cells = min(12, side)
    edges = [int(index * side / cells) for index in range(cells)] + [side]
    shaped = coarse.reshape(3, cells, cells, 3)
    assert (shaped[1] == 0).all()
    for row in range(cells):
        for column in range(cells):
            cell = pixels[3, edges[row] : edges[row + 1], edges[column] : edges[column + 1]].astype(np.float64)
            np.testing.assert_allclose(shaped[0, row, column], cell.mean((0, 1)) / 255, atol=1e-6)
