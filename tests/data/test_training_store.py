"""Which data a replicate trains on: what it has drawn, its own share of the groups, or what all share."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.batches import BatchStream, Ingredients
from components.data.pairs import select_pairs
from components.data.store import Store
from components.data.task_batches import Needs, TaskStream, few
from components.data.training_store import ShareOfStore, chosen_groups, training_store
from components.study.axes import PairsSettings
from components.study.loading import parse_study
from components.study.study import Study
from tests.study.complete import complete

GROUPS, SHARE = 60, 0.4
SIZES = {"pairs": 120, "text": 120, "images": 60, "vqa": 180}
"""Samples of each part; sample i belongs to group i modulo the number of groups."""


def study_of(share: float | None, **data: object) -> Study:
    values = complete("clothing")
    values["data"]["manifest"]["training_share"] = share
    values["data"] |= data
    return parse_study(values, "mine")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """As much of `outputs/tokens` as rows need."""
    folder = tmp_path / "outputs/tokens"
    for part, size in SIZES.items():
        place = folder / "parts" / part / "train"
        place.mkdir(parents=True)
        np.save(place / "lengths.npy", np.full(size, 4, dtype=np.int32))
        names = {
            "id": [f"{part}/{row}" for row in range(size)],
            "group": [f"group {row % GROUPS}" for row in range(size)],
        }
        pq.write_table(pa.table(names), place / "samples.parquet")
    parts = {part: {"train": size} for part, size in SIZES.items()}
    (folder / "index.json").write_text(json.dumps({"parts": parts, "oracle": "identity"}), encoding="utf-8")
    return tmp_path


def groups(store: Store, part: str, rows: np.ndarray) -> set[str]:
    found = store.part(part, "train").groups
    return {found[row] for row in rows}


def test_a_replicate_reads_what_it_has_drawn_and_the_first_one_what_lies_beside_the_tests(root: Path) -> None:
    values = complete("smoke")
    assert parse_study(values, "mine").drawings == [1]
    study = parse_study(values | {"replicates": [7, 0, 3]}, "mine")
    assert study.drawings == [0, 3]
    for replicate in study.drawings:
        folder = root / "outputs/drawn" / str(replicate)
        folder.mkdir(parents=True)
        (folder / "index.json").write_text("{}", encoding="utf-8")
    read = {replicate: training_store(root, study, replicate).folder for replicate in study.replicates}
    assert read == {7: root / "outputs/tokens", 0: root / "outputs/drawn/0", 3: root / "outputs/drawn/3"}
    values["data"]["redrawn"] = False
    shared = parse_study(values, "mine")
    assert {training_store(root, shared, replicate).folder for replicate in shared.replicates} == {
        root / "outputs/tokens"
    }


def test_without_a_share_every_row_is_trained_on(root: Path) -> None:
    store = training_store(root, study_of(None), 1)
    assert type(store) is Store
    for part, size in SIZES.items():
        assert store.training_rows(part).tolist() == list(range(size))
    assert few(20, "vqa", 5, store, 1).tolist() == few(20, "vqa", 5, Store(root / "outputs/tokens"), 1).tolist()


def test_groups_are_never_parted_and_every_part_has_the_same_ones(root: Path) -> None:
    store = training_store(root, study_of(SHARE), 1)
    assert isinstance(store, ShareOfStore)
    assert len(store.chosen) == SHARE * GROUPS
    for part, size in SIZES.items():
        rows = store.training_rows(part)
        assert groups(store, part, rows) == store.chosen
        assert len(rows) == SHARE * size
        rest = np.setdiff1d(np.arange(size), rows)
        assert not groups(store, part, rest) & store.chosen


def test_every_replicate_has_other_groups_the_first_one_too(root: Path) -> None:
    study = study_of(SHARE)
    stores = [training_store(root, study, replicate) for replicate in study.replicates]
    found = {store.chosen for store in stores if isinstance(store, ShareOfStore)}
    assert len(found) == len(study.replicates) == 3
    again = training_store(root, study, study.replicates[0])
    assert again.training_rows("vqa").tolist() == stores[0].training_rows("vqa").tolist()


def test_streams_pairs_and_few_labels_draw_from_the_share(root: Path) -> None:
    store = training_store(root, study_of(SHARE), 2)
    for part in ("pairs", "text", "images"):
        assert BatchStream(store, part, 1, 8, 0, Ingredients()).rows.tolist() == store.training_rows(part).tolist()
    own = set(store.training_rows("vqa").tolist())
    assert set(TaskStream(store, "vqa", 1, 8, 0, Needs()).rows.tolist()) == own
    labelled = few(20, "vqa", 3, store, 1)
    assert len(set(labelled.tolist())) == 20
    assert set(labelled.tolist()) < own
    half = PairsSettings(share=0.5, caption_noise=0.0, domain="all")
    rows, captions = select_pairs(store, half, 1, 8, "clip")
    assert len(rows) == len(store.training_rows("pairs")) / 2
    assert set(rows.tolist()) < set(store.training_rows("pairs").tolist())
    assert captions.tolist() == list(range(SIZES["pairs"]))


def test_pools_of_a_share_stay_whole(root: Path) -> None:
    store = training_store(root, study_of(SHARE), 0)
    rows = store.training_rows("vqa")
    pools = {tuple(pool) for pool in rows.reshape(-1, 4).tolist()}
    assert {tuple(pool) for pool in few(12, "vqa", 3, store, 4).reshape(-1, 4).tolist()} < pools


def test_the_choice_of_groups_does_not_depend_on_their_order() -> None:
    names = [f"group {number}" for number in range(100)]
    assert chosen_groups(names, 0.3, "a") == chosen_groups(reversed(names), 0.3, "a")
    assert len(chosen_groups(names, 0.3, "a")) == 30
    assert chosen_groups(names, 0.3, "a") < chosen_groups(names, 0.6, "a")
    assert chosen_groups(names, 0.3, "a") != chosen_groups(names, 0.3, "b")
    assert len(chosen_groups(names, 0.001, "a")) == 1
    assert chosen_groups(names, 1.0, "a") == set(names)
