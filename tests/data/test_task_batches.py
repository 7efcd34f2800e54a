"""What tasks are handed: whole pools in an order of their own, boxes of targets, second pictures."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.batches import BatchStream, Ingredients
from components.data.regions import RegionArrays
from components.data.store import Store
from components.data.task_batches import Needs, TaskStream, few, task_batch
from components.errors import CeterisError

COUNT, PICTURES = 48, 60


@pytest.fixture
def store(tmp_path: Path) -> Store:
    generator = np.random.default_rng(0)
    place = tmp_path / "parts/it/train"
    place.mkdir(parents=True)
    np.save(tmp_path / "pixels.npy", generator.integers(0, 255, (PICTURES, 4, 4, 3), dtype=np.uint8))
    np.save(tmp_path / "boxes.npy", generator.random((PICTURES, 3, 4), dtype=np.float32))
    np.save(place / "input_ids.npy", generator.integers(5, 20, (COUNT, 6), dtype=np.int32))
    np.save(place / "lengths.npy", generator.integers(2, 6, COUNT, dtype=np.int32))
    np.save(place / "image_rows.npy", generator.permutation(PICTURES)[:COUNT])
    np.save(place / "image_rows_second.npy", generator.permutation(PICTURES)[:COUNT])
    np.save(place / "targets.npy", np.arange(COUNT) % 4 - 1)
    pq.write_table(pa.table({"id": [str(row) for row in range(COUNT)]}), place / "samples.parquet")
    (tmp_path / "index.json").write_text(json.dumps({"parts": {"it": {"train": COUNT}}}), encoding="utf-8")
    return Store(tmp_path)


def test_single_samples_come_as_from_the_plain_stream(store: Store) -> None:
    plain = BatchStream(store, "it", 3, 10, 9, Ingredients(pictures=True, texts=True, targets=True))
    ours = TaskStream(store, "it", 3, 10, 9, Needs())
    for one, other in zip(plain, ours, strict=True):
        assert list(one) == list(other)
        assert all(one[name].equal(other[name]) for name in one)


def test_pools_stay_whole_and_each_comes_once_an_epoch(store: Store) -> None:
    stream = TaskStream(store, "it", 3, 16, 6, Needs(pool=8, distractors=3))
    rows = np.concatenate([batch["rows"].numpy().reshape(-1, 8) for batch in stream])
    assert (rows[:, 0] % 8 == 0).all()
    assert (np.diff(rows, axis=1) == 1).all()
    for epoch in rows.reshape(2, -1, 8):
        assert sorted(epoch[:, 0]) == list(range(0, COUNT, 8))
    drawn = [batch["distractors"].tolist() for batch in stream]
    assert all(len(set(steps)) == 3 and set(steps) <= set(range(1, 8)) for steps in drawn)
    assert len(set(map(tuple, drawn))) > 1
    assert [batch["distractors"].tolist() for batch in stream] == drawn


def test_batches_and_data_that_part_pools_are_refused(store: Store) -> None:
    with pytest.raises(CeterisError, match="make the batch size a multiple, not 10"):
        TaskStream(store, "it", 3, 10, 9, Needs(pool=8))
    with pytest.raises(CeterisError, match="12 samples to train on, which are no pools of 8"):
        TaskStream(store, "it", 3, 16, 9, Needs(pool=8), subset=np.arange(12))


def test_few_labels_are_whole_pools(store: Store) -> None:
    rows = few(20, "it", 5, store, 8)
    assert len(rows) == 16
    assert (rows.reshape(-1, 8) == rows[::8, None] + np.arange(8)).all()
    assert len(few(20, "it", 5, store, 1)) == 20


def test_boxes_are_those_of_the_target(store: Store) -> None:
    part = store.part("it", "train")
    batch = task_batch(store, part, np.arange(COUNT), Needs(boxes=True), None)
    for row, target in enumerate(part.targets):
        expected = store.boxes[part.image_rows[row], target].tolist() if target >= 0 else [-1] * 4
        assert batch["target_boxes"][row].tolist() == expected


def test_second_pictures_come_beside_the_first(store: Store) -> None:
    part, rows = store.part("it", "train"), np.array([4, 9, 40])
    generator = np.random.default_rng(1)
    seen = RegionArrays(
        features=generator.random((PICTURES, 2, 5)),
        boxes=generator.random((PICTURES, 2, 4)),
        real=np.ones((PICTURES, 2), dtype=bool),
        classes=generator.random((PICTURES, 2, 3)),
        attributes=generator.random((PICTURES, 2, 1)),
    )
    batch = task_batch(store, part, rows, Needs(second_picture=True), seen)
    assert (batch["pixels_second"].numpy() == store.pixels[part.image_rows_second[rows]]).all()
    assert np.allclose(batch["region_features_second"], seen.features[part.image_rows_second[rows]])
    assert np.allclose(batch["region_boxes"], seen.boxes[part.image_rows[rows]])
