"""The cache of regions: right, whole or not there, computed once, and never another front end's."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from components.data.regions import RegionArrays
from components.data.store import Store
from components.models.detector import RegionDetector
from components.models.pixels import PixelScaling
from components.models.regions import GivenRegions
from components.models.states import Regions
from components.study.settings import RuntimeSettings
from components.training import region_cache

PICTURES, SIDE, BATCH = 21, 16, 4
BATCHES = -(-PICTURES // BATCH)
RUNTIME = RuntimeSettings(
    threads=1,
    accelerator="cpu",
    devices="auto",
    precision="auto",
    checkpoint_seconds=10,
    prediction_batch_size=8,
)


class Watched(RegionDetector):
    """A detector with weights of a seed. For every batch that it looks at it writes a line, and takes some seconds.

    With the line `last` in the file it stands still.
    """

    def __init__(self, looks: Path, seconds: float = 0.0, seed: int = 0, last: int | None = None) -> None:
        torch.manual_seed(seed)
        super().__init__((6, 8), classes=3, attributes=2, regions=4)
        self.looks, self.seconds, self.last = looks, seconds, last

    def regions(self, pixels: Tensor, boxes: Tensor | None = None, real: Tensor | None = None) -> Regions:
        assert boxes is None
        assert len(pixels) == BATCH
        with self.looks.open("a") as file:
            file.write("look\n")
        time.sleep(3600 if self.last == len(self.looks.read_text().splitlines()) else self.seconds)
        return super().regions(pixels, boxes, real)


def make_store(folder: Path) -> Store:
    """As much of what the tokenize stage writes as regions need."""
    tokens = folder / "tokens"
    tokens.mkdir()
    random = np.random.default_rng(0)
    np.save(tokens / "pixels.npy", random.integers(0, 256, (PICTURES, SIDE, SIDE, 3), dtype=np.uint8))
    boxes = np.full((PICTURES, 2, 4), -1, dtype=np.float32)
    boxes[:, 0] = (0.25, 0.25, 0.75, 1.0)
    np.save(tokens / "boxes.npy", boxes)
    (tokens / "index.json").write_text('{"digest": "of these pictures"}', encoding="utf-8")
    return Store(tokens)


def wanted(folder: Path, front: RegionDetector) -> RegionArrays:
    """What the cache gives."""
    store = Store(folder / "tokens")
    return region_cache.region_arrays("detector", front, PixelScaling(), store, folder / "cache", RUNTIME)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(region_cache, "BATCH", BATCH)
    return make_store(tmp_path)


def process(folder: Path, seconds: float, last: int | None = None) -> multiprocessing.context.ForkProcess:
    """Another process that wants the same. Forked, because importing everything anew takes seconds."""
    started = multiprocessing.get_context("fork").Process(
        target=lambda: wanted(folder, Watched(folder / "looks", seconds, last=last))
    )
    started.start()
    return started


def looks(folder: Path) -> int:
    path = folder / "looks"
    return len(path.read_text().splitlines()) if path.is_file() else 0


def directly(store: Store, seed: int = 0) -> dict[str, np.ndarray]:
    """Every picture by itself, without the cache."""
    front = RegionDetector.__new__(Watched)
    Watched.__init__(front, Path(os.devnull), seed=seed)
    front.eval()
    scaling = PixelScaling()
    with torch.inference_mode():
        seen = [
            RegionDetector.regions(front, scaling(torch.from_numpy(store.pixels[row : row + 1].copy())))
            for row in range(PICTURES)
        ]
    return {name: torch.cat([getattr(one, name) for one in seen]).numpy() for name in seen[0]._fields}


def check(arrays: RegionArrays, expected: dict[str, np.ndarray]) -> None:
    for name, array in expected.items():
        found = getattr(arrays, name)
        assert isinstance(found, np.memmap)
        assert found.dtype == array.dtype, name
        np.testing.assert_allclose(found, array, rtol=1e-5, atol=1e-6, err_msg=name)


def test_every_picture_has_its_own_regions_and_they_are_computed_once(tmp_path: Path, store: Store) -> None:
    check(wanted(tmp_path, Watched(tmp_path / "looks")), directly(store))
    assert looks(tmp_path) == 1 + BATCHES  # the first batch is part of the key
    check(wanted(tmp_path, Watched(tmp_path / "looks")), directly(store))
    assert looks(tmp_path) == 2 + BATCHES


def test_only_the_pictures_that_are_asked_for_are_looked_at(tmp_path: Path, store: Store) -> None:
    front, rows = Watched(tmp_path / "looks"), np.array([2, 3, 7, 11, 12, 20])
    cache = tmp_path / "some"
    found = region_cache.region_arrays("detector", front, PixelScaling(), store, cache, RUNTIME, pictures=rows)
    assert looks(tmp_path) == 1 + -(-len(rows) // BATCH)
    expected = directly(store)
    for name, array in expected.items():
        whole = getattr(found, name)
        assert whole.shape == array.shape
        np.testing.assert_allclose(whole[rows], array[rows], rtol=1e-5, atol=1e-6, err_msg=name)
        assert not whole[np.setdiff1d(np.arange(PICTURES), rows)].any(), name
    again = region_cache.region_arrays("detector", front, PixelScaling(), store, cache, RUNTIME, pictures=rows[:-1])
    assert not again.features[rows[-1]].any()  # other pictures are another entry


def test_other_weights_are_another_entry_and_the_old_one_goes(tmp_path: Path, store: Store) -> None:
    first = wanted(tmp_path, Watched(tmp_path / "looks"))
    second = wanted(tmp_path, Watched(tmp_path / "looks", seed=1))
    check(second, directly(store, seed=1))
    assert not np.allclose(first.features, second.features)  # and what was opened before can still be read
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda front, store: front.__setattr__("count", 3), id="number of regions"),
        pytest.param(lambda front, store: store.index.__setitem__("digest", "of others"), id="pictures"),
        pytest.param(lambda front, store: front.heads.readout.bias.data.__setitem__(0, 5.0), id="a single weight"),
        pytest.param(lambda front, store: front.backbone[0][1].running_mean.add_(1e-3), id="a running statistic"),
    ],
)
def test_the_key_moves_with(tmp_path: Path, store: Store, change: object) -> None:
    assert callable(change)
    front = Watched(tmp_path / "looks")
    cpu = torch.device("cpu")
    rows = np.arange(PICTURES)
    before = region_cache._key("detector", front, PixelScaling(), store, cpu, rows)
    assert region_cache._key("detector", front, PixelScaling(), store, cpu, rows) == before
    with torch.no_grad():
        change(front, store)
    assert region_cache._key("detector", front, PixelScaling(), store, cpu, rows) != before


def test_a_killed_writer_leaves_nothing_that_is_trusted(tmp_path: Path, store: Store) -> None:
    writer = process(tmp_path, 0.0, last=4)
    try:
        while looks(tmp_path) < 4:  # the key's, and two of six that are written
            assert writer.is_alive()
            time.sleep(0.02)
    finally:
        writer.kill()
        writer.join()
    (torn,) = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert torn.suffix == ".part"
    assert (torn / "features.npy").is_file()
    check(wanted(tmp_path, Watched(tmp_path / "looks")), directly(store))
    assert not torn.exists()


def test_two_processes_at_once_compute_once(tmp_path: Path, store: Store) -> None:
    both = [process(tmp_path, 0.1) for _ in range(2)]
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    assert looks(tmp_path) == 2 + BATCHES
    check(wanted(tmp_path, Watched(tmp_path / "looks")), directly(store))


def test_the_oracle_alone_is_shown_boxes(tmp_path: Path, store: Store) -> None:
    torch.manual_seed(0)
    front = GivenRegions(RegionDetector((6, 8), 3, 2, 4))
    arrays = region_cache.region_arrays("boxes", front, PixelScaling(), store, tmp_path / "given", RUNTIME)
    assert arrays.boxes.shape == (PICTURES, 2, 4)
    np.testing.assert_array_equal(arrays.boxes[:, 0], store.boxes[:, 0])
    assert arrays.real.tolist() == [[True, False]] * PICTURES


def test_large_features_are_stored_in_half_precision(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_cache, "LARGE", PICTURES * 4 * 8 * 4)
    arrays = wanted(tmp_path, Watched(tmp_path / "looks"))
    assert (arrays.features.dtype, arrays.boxes.dtype) == (np.float16, np.float32)
    np.testing.assert_allclose(arrays.features, directly(store)["features"], rtol=1e-3, atol=1e-3)
