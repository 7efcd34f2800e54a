"""Region features that came with the data: from the user's files through the stages' folders to batches."""

import base64
from pathlib import Path

import numpy as np
import pytest

from components.data import region_table
from components.data.region_table import write_arrays, write_regions
from components.data.regions import RegionArrays
from components.errors import CeterisError

COUNTS = {"cat": 3, "dog": 1, "bird": 5}
IMAGES = {name: f"id-{name}" for name in COUNTS}


def drawn(count: int, seed: int, features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Features, and boxes in a picture of 100 by 50 pixels."""
    random = np.random.default_rng(seed)
    corners = np.sort(random.random((count, 2, 2)), axis=1).reshape(count, 4) * [100, 50, 100, 50]
    return random.random((count, features), dtype=np.float32), corners.astype(np.float32)


def row(name: str, count: int, seed: int, features: int = 4) -> str:
    seen, boxes = drawn(count, seed, features)
    packed = [base64.b64encode(array.tobytes()).decode() for array in (boxes, seen)]
    return "\t".join([name, "100", "50", str(count), *packed]) + "\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "regions.tsv"
    rows = [row(name, count, count) for name, count in COUNTS.items()]
    path.write_text("".join([*rows, row("stranger", 2, 9)]))
    return path


def test_every_picture_gets_its_own_regions(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_table, "_ROWS_PER_SHARD", 2)
    data, out = tmp_path / "data", tmp_path / "tokens"
    data.mkdir()
    out.mkdir()
    said = write_regions(data, table, IMAGES)
    assert said == "1 to 5 regions of 4 numbers for each of 3 pictures; regions of 1 other pictures left out"
    assert len(list(data.glob("regions-*.parquet"))) == 2
    rows = {"id-bird": 0, "id-cat": 1, "id-dog": 2}
    assert write_arrays(data, out, rows) == {"features": 4, "most": 5, "fewest": 1, "classes": 1, "attributes": 1}
    arrays = RegionArrays.open(out / "regions")
    assert arrays.features.dtype == np.float32
    assert arrays.real.sum(axis=1).tolist() == [5, 3, 1]
    for name, count in COUNTS.items():
        seen, boxes = drawn(count, count)
        place = rows[f"id-{name}"]
        np.testing.assert_array_equal(arrays.features[place, :count], seen)
        np.testing.assert_allclose(arrays.boxes[place, :count], boxes / [100, 50, 100, 50], atol=1e-6)
        assert not arrays.features[place, count:].any()
        assert arrays.classes[place, :count].tolist() == arrays.attributes[place, :count].tolist() == [[1.0]] * count
    batch = arrays.of(np.array([2, 0]))
    assert batch["region_real"].tolist() == [[True] + [False] * 4, [True] * 5]


def test_classes_come_along_and_large_features_are_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_table, "LARGE", 1)
    source, data = tmp_path / "npz", tmp_path / "data"
    source.mkdir()
    data.mkdir()
    classes = np.random.default_rng(0).dirichlet(np.ones(6), 3).astype(np.float32)
    seen, boxes = drawn(3, 0)
    np.savez(source / "cat.npz", features=seen, bbox=boxes, image_w=100, image_h=50, cls_prob=classes)
    assert write_regions(data, source, {"cat": "a"}) == "3 regions of 4 numbers for each of 1 pictures"
    told = write_arrays(data, tmp_path, {"a": 0})
    assert told == {"features": 4, "most": 3, "fewest": 3, "classes": 6, "attributes": 1}
    arrays = RegionArrays.open(tmp_path / "regions")
    np.testing.assert_allclose(arrays.classes[0], classes, atol=1e-3)
    assert arrays.features.dtype == np.float16
    assert arrays.of(np.array([0]))["region_features"].dtype == np.float32


def test_the_likeliest_alone_leaves_the_rest_to_the_background(tmp_path: Path) -> None:
    """LXMERT's files."""
    seen, boxes = drawn(2, 0)
    named = [np.array([4, 0]), np.array([0.75, 0.5], np.float32), np.array([1, 1]), np.array([0.25, 1.0], np.float32)]
    packed = [base64.b64encode(array.tobytes()).decode() for array in (*named, boxes, seen)]
    path = tmp_path / "regions.tsv"
    path.write_text("\t".join(["cat", "50", "100", *packed[:4], "2", *packed[4:]]) + "\n")
    write_regions(tmp_path, path, {"cat": "a"})
    told = write_arrays(tmp_path, tmp_path, {"a": 0})
    assert told == {"features": 4, "most": 2, "fewest": 2, "classes": 6, "attributes": 3}
    arrays = RegionArrays.open(tmp_path / "regions")
    assert arrays.classes[0].tolist() == [[0, 0, 0, 0, 0.75, 0.25], [0.5, 0, 0, 0, 0, 0.5]]
    assert arrays.attributes[0].tolist() == [[0, 0.25, 0.75], [0, 1, 0]]


def test_data_without_regions_stays_as_it_was(tmp_path: Path) -> None:
    assert write_arrays(tmp_path, tmp_path, {"a": 0}) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows", "images", "sentence"),
    [
        ([("cat", 3, 4)], IMAGES, r"no regions of 2 pictures \('dog', 'bird'\): compute them"),
        ([("fish", 3, 4)], {"cat": "a"}, r"no regions of 1 pictures \('cat'\)"),
        ([("cat", 3, 4), ("cat", 3, 4)], {"cat": "a"}, "regions of 'cat' twice: remove one"),
        ([("cat", 3, 4)], {"cat": None}, "regions of 'cat', and two pictures have that name: rename"),
        ([("cat", 3, 4)], {"cat": "a", "dog": None}, r"no regions of 1 pictures \('dog'\)"),
        ([("cat", 3, 4), ("dog", 1, 5)], {"cat": "a", "dog": "b"}, "has 5 features for each region of 'dog' and 4 for"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    tmp_path: Path, rows: list[tuple[str, int, int]], images: dict[str, str | None], sentence: str
) -> None:
    path = tmp_path / "regions.tsv"
    path.write_text("".join(row(name, count, 1, features) for name, count, features in rows))
    with pytest.raises(CeterisError, match=sentence) as error:
        write_regions(tmp_path, path, images)
    assert "\n" not in str(error.value)


def test_one_picture_under_two_names_needs_its_regions_once(tmp_path: Path) -> None:
    path = tmp_path / "regions.tsv"
    path.write_text(row("cat", 3, 1) + row("copy", 3, 1))
    assert "each of 1 pictures" in write_regions(tmp_path, path, {"cat": "a", "copy": "a"})
