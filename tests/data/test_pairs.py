"""What an intermediate step reads of the captioned pictures, on a small store of scenes made up here."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data.batches import BatchStream, Ingredients, truth_of
from components.data.pairs import SelectedPairs, of_domain, ranks, select_pairs
from components.data.scenes.oracle import (
    AT_LEAST,
    COUNT,
    EQUAL,
    FIRST_DIGIT,
    Fact,
    Pattern,
    Thing,
    decode_scene,
    encode_facts,
    encode_scene,
    holds,
    pad,
)
from components.data.store import Store
from components.errors import CeterisError
from components.study.axes import PairsSettings

SAMPLES, BATCH = 120, 8
EVERYTHING = Ingredients(
    pictures=True,
    texts=True,
    masked_share=0.15,
    mismatches=True,
    pass_draw=True,
    further=("pair_answers", "truth"),
)


def write(folder: Path, order: np.ndarray) -> Store:
    """Scenes of one to three objects, each with a caption that says how many things of some colour there are.

    Args:
        order: of the samples in the part; everything about a sample but its place is the same in any order.
    """
    part = folder / "parts/pairs/train"
    part.mkdir(parents=True)
    generator = np.random.default_rng(5)
    scenes, captions = [], []
    for _ in range(SAMPLES):
        scene = [
            Thing(int(generator.integers(1, 4)), int(generator.integers(1, 10)), 1, place, 0)
            for place in range(generator.integers(1, 4))
        ]
        colour = int(generator.integers(1, 4))
        number = sum(thing.colour == colour for thing in scene)
        scenes.append(encode_scene(scene))
        captions.append((colour, number))
    facts = pad([encode_facts([Fact(COUNT, Pattern(colour=c), operator=EQUAL, number=n)]) for c, n in captions])
    ids = np.array([[2, 5 + c, 10 + n, 3] for c, n in captions], dtype=np.int32)
    arrays: dict[str, np.ndarray] = {
        "input_ids": ids,
        "lengths": np.full(SAMPLES, 4, dtype=np.int32),
        "image_rows": np.arange(SAMPLES)[::-1].copy(),
        "targets": np.arange(SAMPLES) % 7,
        "facts": facts,
    }
    for name, array in arrays.items():
        np.save(part / f"{name}.npy", array[order])
    pq.write_table(pa.table({"id": [f"pairs-{number:04d}" for number in order]}), part / "samples.parquet")
    np.save(folder / "objects.npy", pad(scenes)[::-1])
    np.save(folder / "pixels.npy", generator.integers(0, 256, (SAMPLES, 6, 6, 3), dtype=np.uint8))
    np.save(folder / "image_groups.npy", np.arange(SAMPLES, dtype=np.int32))
    index = {
        "parts": {"pairs": {"train": SAMPLES}},
        "oracle": "scenes",
        "special_tokens": {"pad": 0, "cls": 2, "sep": 3, "mask": 4, "first_word": 5},
        "vocabulary_size": 20,
    }
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return Store(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write(tmp_path_factory.mktemp("tokens"), np.arange(SAMPLES))


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same samples in another order."""
    return write(tmp_path_factory.mktemp("shuffled"), np.random.default_rng(6).permutation(SAMPLES))


def read(store: Store, share: float = 1.0, noise: float = 0.0, domain: str = "all", seed: int = 3) -> SelectedPairs:
    pairs = PairsSettings.model_validate({"share": share, "caption_noise": noise, "domain": domain})
    return select_pairs(store, pairs, seed, BATCH, "mine")


def named(store: Store, found: SelectedPairs) -> dict[str, str]:
    """Whose caption stands beside whose picture."""
    ids = store.part("pairs", "train").ids
    return {ids[row]: ids[found.captions[row]] for row in found.rows}


SHARES = st.floats(0.1, 1.0)
SEEDS = st.integers(0, 50)


@settings(max_examples=40, deadline=None)
@given(shares=st.tuples(SHARES, SHARES), seed=SEEDS)
def test_a_share_is_exact_and_part_of_every_larger_one(store: Store, shares: tuple[float, float], seed: int) -> None:
    smaller, larger = (read(store, share, seed=seed).rows for share in sorted(shares))
    assert len(smaller) == round(min(shares) * SAMPLES)
    assert set(smaller) <= set(larger)
    assert len(set(smaller)) == len(smaller)
    assert (np.diff(smaller) > 0).all()


@settings(max_examples=20, deadline=None)
@given(share=SHARES, noise=st.floats(0.0, 1.0), seed=SEEDS)
def test_what_is_read_is_a_matter_of_ids_and_not_of_their_order(
    store: Store, shuffled: Store, share: float, noise: float, seed: int
) -> None:
    assert named(store, read(store, share, noise, seed=seed)) == named(
        shuffled, read(shuffled, share, noise, seed=seed)
    )


def test_replicates_read_different_parts() -> None:
    ids = [f"pairs-{number:04d}" for number in range(4000)]
    first, second = (set(ranks(ids, seed, "share")[:1000]) for seed in (1, 2))
    assert 190 < len(first & second) < 310  # a quarter of a quarter: 250, three deviations either way
    noisy = set(ranks(ids, 1, "caption noise")[:1000])
    assert 190 < len(first & noisy) < 310


def test_everything_is_everything_as_it_is(store: Store) -> None:
    found = read(store)
    for array in found:
        assert np.array_equal(array, np.arange(SAMPLES))
    plain = BatchStream(store, "pairs", 3, BATCH, 30, EVERYTHING)
    ours = BatchStream(store, "pairs", 3, BATCH, 30, EVERYTHING, subset=found.rows, captions=found.captions)
    for step in (0, 14, 29):
        expected, batch = plain.at(step), ours.at(step)
        assert set(batch) == set(expected)
        for name, tensor in expected.items():
            assert tensor.dtype == batch[name].dtype
            assert tensor.equal(batch[name])


@settings(max_examples=40, deadline=None)
@given(noises=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), share=SHARES, seed=SEEDS)
def test_noise_is_exact_and_wrong_and_part_of_every_louder_one(
    store: Store, noises: tuple[float, float], share: float, seed: int
) -> None:
    part = store.part("pairs", "train")
    quiet, loud = (read(store, share, noise, seed=seed) for noise in sorted(noises))
    assert np.array_equal(quiet.rows, loud.rows)
    strayed = np.flatnonzero(quiet.captions != np.arange(SAMPLES))
    assert len(strayed) == round(min(noises) * len(quiet.rows))
    assert set(strayed) <= set(quiet.rows)
    # What is wrong at a low level is wrong in the same way at a high one.
    assert np.array_equal(quiet.captions[strayed], loud.captions[strayed])
    assert set(quiet.captions[quiet.rows]) <= set(quiet.rows)
    for row in strayed:
        caption = part.facts[[quiet.captions[row]]]
        assert not holds(caption, store.objects[part.image_rows[[row]]]).any()


def test_wrong_captions_are_spread_over_all(store: Store) -> None:
    found = read(store, noise=1.0)
    _, counts = np.unique(found.captions, return_counts=True)
    assert len(counts) > 0.5 * SAMPLES
    assert counts.max() <= 8


def test_a_picture_keeps_its_wrong_caption_over_the_whole_run(store: Store) -> None:
    found = read(store, 0.5, 0.4)
    part = store.part("pairs", "train")
    batches = BatchStream(store, "pairs", 3, BATCH, 40, EVERYTHING, subset=found.rows, captions=found.captions)
    shown: dict[int, set[tuple[int, ...]]] = {}
    for step in range(40):
        batch = batches.at(step)
        rows = batch["rows"].numpy()
        captions = found.captions[rows]
        assert np.array_equal(batch["pixels"].numpy(), store.pixels[part.image_rows[rows]])
        assert np.array_equal(batch["input_ids"].numpy(), part.input_ids[captions])
        assert np.array_equal(batch["pair_answers"].numpy(), part.targets[captions])
        for row, ids in zip(rows.tolist(), batch["input_ids"].tolist(), strict=True):
            shown.setdefault(row, set()).add(tuple(ids))
    assert set(shown) == set(found.rows)
    assert {len(texts) for texts in shown.values()} == {1}


def test_nothing_that_trains_knows_which_captions_are_wrong(store: Store) -> None:
    """Truth is that of a world in which every picture is the one that its caption was written for."""
    found = read(store, 1.0, 0.5)
    batches = BatchStream(store, "pairs", 3, BATCH, 15, EVERYTHING, subset=found.rows, captions=found.captions)
    own, torn = np.arange(BATCH), 0
    for step in range(15):
        batch = batches.at(step)
        captions = found.captions[batch["rows"].numpy()]
        believed = truth_of(store, batches.part, captions)
        assert np.array_equal(batch["truth"].numpy(), believed)
        assert believed.diagonal().all()
        for name, truth in (("itm_image_rows", believed), ("itm_text_rows", believed.T)):
            rows = batch[name].numpy()
            assert not truth[own, rows][rows != own].any()
            torn += (rows != own).sum()
    assert torn > 15 * BATCH * 0.8


def test_domains_are_told_by_what_is_drawn(store: Store) -> None:
    part = store.part("pairs", "train")
    expected = np.array(
        [any(thing.shape >= FIRST_DIGIT for thing in decode_scene(store.objects[row])) for row in part.image_rows]
    )
    assert 0 < expected.sum() < SAMPLES
    assert np.array_equal(of_domain(store, part, "digits"), expected)
    assert np.array_equal(of_domain(store, part, "shapes"), ~expected)
    for domain, members in (("digits", expected), ("shapes", ~expected)):
        found = read(store, 0.2, domain=domain)
        assert len(found.rows) == round(0.2 * SAMPLES)  # as many as of all domains
        assert members[found.rows].all()


def test_too_little_is_one_sentence(store: Store) -> None:
    with pytest.raises(
        CeterisError, match=r"arms.mine.pairs asks for 120 captioned pictures of the domain shapes and"
    ) as error:
        read(store, 1.0, domain="shapes")
    assert "give it a share of 0." in str(error.value)
    with pytest.raises(CeterisError, match=r"arms.mine.pairs leaves 6 captioned pictures, too few for a batch of 8"):
        read(store, 0.05)


def test_without_a_wrong_caption_there_is_no_noise(store: Store, tmp_path: Path) -> None:
    alike = write(tmp_path, np.arange(SAMPLES))
    vague = encode_facts([Fact(COUNT, Pattern(), operator=EQUAL, number=99)])
    np.save(tmp_path / "parts/pairs/train/facts.npy", np.tile(np.array(vague, dtype=np.int16), (SAMPLES, 1)))
    assert read(alike, noise=1.0).rows.size == SAMPLES  # a caption that is never true is wrong anywhere
    everywhere = encode_facts([Fact(COUNT, Pattern(), operator=AT_LEAST, number=1)])
    np.save(tmp_path / "parts/pairs/train/facts.npy", np.tile(np.array(everywhere, dtype=np.int16), (SAMPLES, 1)))
    with pytest.raises(
        CeterisError, match=r"all captions read hold of the picture of pairs-\d+: set caption_noise to 0.0"
    ):
        read(Store(tmp_path), noise=0.1)
