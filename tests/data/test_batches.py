"""The batch stream, on a small store made up here."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data import batches as batches_module
from components.data.batches import FURTHER, BatchStream, Ingredients, collate, continuations
from components.data.corruption import mismatch
from components.data.regions import RegionArrays
from components.data.store import Part, Store
from components.data.streams import Stream

PICTURES, SAMPLES, LENGTH, REGIONS, VOCABULARY = 12, 40, 8, 5, 30
EVERYTHING = Ingredients(
    pictures=True,
    texts=True,
    targets=True,
    image_labels=True,
    regions=True,
    masked_share=0.15,
    masked_region_share=0.15,
    mismatches=True,
    pass_draw=True,
    further=("pair_answers", "truth"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Texts of 3 to 8 tokens of 30, some of the very same words; 12 pictures in 6 groups."""
    folder = tmp_path_factory.mktemp("tokens")
    part = folder / "parts/pairs/train"
    part.mkdir(parents=True)
    (folder / "tokenizer").mkdir()
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, LENGTH + 1, SAMPLES)
    ids = generator.integers(5, VOCABULARY, (SAMPLES, LENGTH))
    ids[:, 0], ids[np.arange(SAMPLES), lengths - 1] = 2, 3
    ids[np.arange(LENGTH) >= lengths[:, None]] = 0
    ids[10:14], lengths[10:14] = ids[10], lengths[10]
    for name, array in {
        "input_ids": ids.astype(np.int32),
        "lengths": lengths.astype(np.int32),
        "image_rows": generator.integers(0, PICTURES, SAMPLES),
        "targets": generator.integers(-1, 4, SAMPLES),
        "facts": np.zeros((SAMPLES, 14), dtype=np.int16),
    }.items():
        np.save(part / f"{name}.npy", array)
    np.save(folder / "pixels.npy", generator.integers(0, 256, (PICTURES, 6, 6, 3), dtype=np.uint8))
    np.save(folder / "labels.npy", generator.random((PICTURES, 3)) < 0.5)
    np.save(folder / "image_groups.npy", np.arange(PICTURES, dtype=np.int32) // 2)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *("##x" * (k % 3 == 0) or "y" for k in range(25))]
    (folder / "tokenizer/vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    index = {
        "parts": {"pairs": {"train": SAMPLES}},
        "oracle": "none",
        "special_tokens": {"pad": 0, "cls": 2, "sep": 3, "mask": 4, "first_word": 5},
        "vocabulary_size": VOCABULARY,
    }
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return Store(folder)


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> RegionArrays:
    """What a front end saw, in half precision, on disk."""
    folder = tmp_path_factory.mktemp("regions")
    generator = np.random.default_rng(1)
    real = generator.random((PICTURES, REGIONS)) < 0.7
    real[:, 0] = True
    for name, width in {"features": 4, "boxes": 4, "classes": 3, "attributes": 2}.items():
        np.save(folder / f"{name}.npy", generator.random((PICTURES, REGIONS, width)).astype(np.float16))
    np.save(folder / "real.npy", real)
    return RegionArrays.open(folder)


def stream(store: Store, regions: RegionArrays | None, ingredients: Ingredients, seed: int = 3) -> BatchStream:
    return BatchStream(store, "pairs", seed, 8, 10, ingredients, regions=regions)


def test_a_batch_carries_what_the_interface_says(store: Store, regions: RegionArrays) -> None:
    batch = stream(store, regions, EVERYTHING).at(4)
    length = batch["attention_mask"].sum(dim=1).max()
    assert {name: (tuple(one.shape), one.dtype) for name, one in batch.items()} == {
        "rows": ((8,), torch.int64),
        "pixels": ((8, 6, 6, 3), torch.uint8),
        "input_ids": ((8, length), torch.int64),
        "attention_mask": ((8, length), torch.int64),
        "targets": ((8,), torch.int64),
        "labels": ((8, 3), torch.float32),
        "pair_answers": ((8,), torch.int64),
        "region_features": ((8, REGIONS, 4), torch.float32),
        "region_boxes": ((8, REGIONS, 4), torch.float32),
        "region_real": ((8, REGIONS), torch.bool),
        "region_classes": ((8, REGIONS, 3), torch.float32),
        "region_attributes": ((8, REGIONS, 2), torch.float32),
        "masked_input_ids": ((8, length), torch.int64),
        "mlm_labels": ((8, length), torch.int64),
        "region_chosen": ((8, REGIONS), torch.bool),
        "region_treatment": ((8, REGIONS), torch.float32),
        "region_other": ((8, REGIONS), torch.int64),
        "itm_image_rows": ((8,), torch.int64),
        "itm_text_rows": ((8,), torch.int64),
        "truth": ((8, 8), torch.bool),
        "pass_draw": ((1,), torch.float32),
    }
    assert 0 <= batch["pass_draw"] < 1
    assert batch["region_treatment"].min() >= 0
    assert batch["region_treatment"].max() < 1


def test_regions_are_those_of_the_pictures(store: Store, regions: RegionArrays) -> None:
    batch = stream(store, regions, EVERYTHING).at(1)
    part = store.part("pairs", "train")
    for row, sample in enumerate(batch["rows"].tolist()):
        picture = part.image_rows[sample]
        for name in ("features", "boxes", "real", "classes", "attributes"):
            expected = getattr(regions, name)[picture].astype(np.float32)
            assert np.array_equal(batch[f"region_{name}"][row].numpy(), expected)
        assert (batch["pixels"][row].numpy() == store.pixels[picture]).all()


SWITCHES = [one.name for one in fields(Ingredients) if one.name not in ("texts", "whole_words", "further")]


@settings(max_examples=40, deadline=None)
@given(
    off=st.sets(st.sampled_from(SWITCHES)), further=st.sets(st.sampled_from(sorted(FURTHER))), step=st.integers(0, 9)
)
def test_no_ingredient_moves_another(
    store: Store, regions: RegionArrays, off: set[str], further: set[str], step: int
) -> None:
    everything = stream(store, regions, EVERYTHING).at(step)
    fewer = replace(EVERYTHING, **{name: type(getattr(EVERYTHING, name))() for name in off})
    batch = stream(store, regions, replace(fewer, further=tuple(further))).at(step)
    assert further <= set(batch) <= set(everything)
    assert all(torch.equal(one, everything[name]) for name, one in batch.items())


def test_every_draw_has_a_purpose_of_its_own(store: Store, regions: RegionArrays) -> None:
    purposes: list[str] = []

    class Listening(BatchStream):
        def _generator(self, purpose: str, step: int) -> np.random.Generator:
            purposes.append(purpose)
            return super()._generator(purpose, step)

    Listening(store, "pairs", 3, 8, 10, EVERYTHING, regions=regions).at(0)
    assert len(purposes) == len(set(purposes)) == 7


def test_batches_are_functions_of_seed_and_step(store: Store, regions: RegionArrays) -> None:
    one, same, other = (stream(store, regions, EVERYTHING, seed) for seed in (3, 3, 4))
    one.at(0)
    assert all(torch.equal(tensor, same.at(5)[name]) for name, tensor in one.at(5).items())
    for name in ("mlm_labels", "region_chosen", "region_treatment", "region_other", "itm_text_rows", "pass_draw"):
        assert not all(
            first[name].shape == second[name].shape and torch.equal(first[name], second[name])
            for first, second in ((one.at(step), other.at(step)) for step in range(4))
        )
        assert not torch.equal(one.at(1)[name].float().mean(), one.at(2)[name].float().mean())


@pytest.mark.parametrize("symmetric", [True, False])
def test_torn_pairs_are_false(
    store: Store, regions: RegionArrays, symmetric: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = batches_module.truth_of

    def one_sided(store: Store, part: Part, rows: np.ndarray) -> np.ndarray:
        return known(store, part, rows) | (rows[:, None] > rows + 10)

    if not symmetric:  # as in scenes, where a vague text holds of many pictures
        monkeypatch.setattr(batches_module, "truth_of", one_sided)
    batches = stream(store, regions, EVERYTHING)
    own, torn = np.arange(8), {"itm_image_rows": 0, "itm_text_rows": 0}
    for step in range(10):
        batch = batches.at(step)
        truth = batches_module.truth_of(store, batches.part, batch["rows"].numpy())
        assert np.array_equal(batch["truth"].numpy(), truth)
        for name in torn:
            rows = batch[name].numpy()
            beside = truth[own, rows] if name == "itm_image_rows" else truth[rows, own]
            assert not beside[rows != own].any()
            torn[name] += (rows != own).sum()
    assert all(30 <= count <= 40 for count in torn.values())


def test_pictures_are_torn_off_by_the_stream_of_negatives(store: Store, regions: RegionArrays) -> None:
    batch = stream(store, regions, EVERYTHING).at(6)
    expected = mismatch(batch["truth"].numpy(), Stream(3, "pairs", "negatives").at(6))
    assert np.array_equal(batch["itm_image_rows"].numpy(), expected)


def test_replacing_regions_are_of_other_pictures(store: Store, regions: RegionArrays) -> None:
    batches = stream(store, regions, EVERYTHING)
    for step in range(5):
        batch = batches.at(step)
        pictures = batches.part.image_rows[batch["rows"].numpy()]
        others = batch["region_other"].numpy()
        assert (pictures[others // REGIONS] != pictures[:, None]).all()
        assert batch["region_real"].flatten()[batch["region_other"]].all()


def test_whole_words_are_masked_where_asked(store: Store) -> None:
    continues = continuations(store)
    assert continues.tolist() == [False] * 5 + [k % 3 == 0 for k in range(25)]
    ingredients = Ingredients(texts=True, masked_share=0.4, whole_words=True)
    split = {True: 0, False: 0}
    for whole in split:
        batches = stream(store, None, replace(ingredients, whole_words=whole))
        for step in range(10):
            batch = batches.at(step)
            ids, chosen = batch["input_ids"].numpy(), (batch["mlm_labels"] != -100).numpy()
            words = ids >= 5
            pieces = words[:, 2:] & continues[ids[:, 2:]]
            split[whole] += (pieces & (chosen[:, 2:] != chosen[:, 1:-1])).sum()
    assert split[True] == 0
    assert split[False] > 0


def test_regions_that_nobody_saw_are_refused(store: Store) -> None:
    part = store.part("pairs", "train")
    with pytest.raises(ValueError, match="visual front end"):
        collate(store, part, np.arange(3), Ingredients(regions=True))
    with pytest.raises(ValueError, match="visual front end"):
        stream(store, None, Ingredients(texts=True, masked_region_share=0.15)).at(0)
