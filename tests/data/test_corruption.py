"""Masks of words and regions, and mismatches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from components.data.corruption import IGNORED, choose_regions, mask_tokens, mismatch, other_regions

MASK, FIRST_WORD, VOCABULARY = 4, 5, 50


def texts(seed: int, size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(3, length + 1, size)
    ids = generator.integers(FIRST_WORD, VOCABULARY, (size, length))
    ids[:, 0] = 2
    ids[np.arange(size), lengths - 1] = 3
    ids[np.arange(length) >= lengths[:, None]] = 0
    return ids, lengths


@given(seed=st.integers(0, 10_000), size=st.integers(1, 20), length=st.integers(3, 15), share=st.floats(0.01, 0.9))
def test_only_words_are_masked(seed: int, size: int, length: int, share: float) -> None:
    ids, lengths = texts(seed, size, length)
    masked, labels = mask_tokens(ids, lengths, np.random.default_rng(seed), share, MASK, FIRST_WORD, VOCABULARY)
    chosen = labels != IGNORED
    assert (ids[chosen] >= FIRST_WORD).all()
    assert np.array_equal(labels[chosen], ids[chosen])
    assert np.array_equal(masked[~chosen], ids[~chosen])


def test_shares_of_mask_random_and_kept_are_berts() -> None:
    ids, lengths = texts(0, 4000, 12)
    masked, labels = mask_tokens(ids, lengths, np.random.default_rng(1), 0.15, MASK, FIRST_WORD, VOCABULARY)
    chosen = labels != IGNORED
    masks = (masked[chosen] == MASK).mean()
    kept = (masked[chosen] == ids[chosen]).mean()
    assert abs(masks - 0.8) < 0.02
    assert abs(kept - (0.1 + 0.1 / (VOCABULARY - FIRST_WORD))) < 0.015


@given(seed=st.integers(0, 10_000), size=st.integers(1, 20), length=st.integers(3, 15), share=st.floats(0.01, 0.9))
def test_whole_words_are_never_split(seed: int, size: int, length: int, share: float) -> None:
    ids, lengths = texts(seed, size, length)
    continues = np.arange(VOCABULARY) >= 20
    masked, labels = mask_tokens(
        ids, lengths, np.random.default_rng(seed), share, MASK, FIRST_WORD, VOCABULARY, continues
    )
    chosen = labels != IGNORED
    for row in range(size):
        for position in range(2, lengths[row] - 1):
            if continues[ids[row, position]]:
                assert chosen[row, position] == chosen[row, position - 1]
        assert not chosen[row, 0]
        assert not chosen[row, lengths[row] - 1 :].any()
    assert np.array_equal(labels[chosen], ids[chosen])
    assert np.array_equal(masked[~chosen], ids[~chosen])


def test_words_of_many_tokens_are_chosen_as_often_as_words_of_one() -> None:
    ids, lengths = texts(0, 4000, 12)
    continues = np.arange(VOCABULARY) >= 30
    _, labels = mask_tokens(ids, lengths, np.random.default_rng(1), 0.3, MASK, FIRST_WORD, VOCABULARY, continues)
    words = (ids >= FIRST_WORD) & (lengths > 8)[:, None]
    followed = words & ~continues[ids] & np.roll(words & continues[ids], -1, axis=1)
    alone = words & ~continues[ids] & ~followed
    chosen = labels != IGNORED
    assert abs(chosen[followed].mean() - chosen[alone].mean()) < 0.02
    # Where a text begins with the rest of a word, that rest is a word.
    begins = words[:, 1] & continues[ids[:, 1]]
    assert abs(chosen[begins, 1].mean() - chosen[alone].mean()) < 0.03


def test_without_continuing_tokens_whole_words_are_tokens() -> None:
    ids, lengths = texts(3, 50, 10)
    plain, whole = (
        mask_tokens(ids, lengths, np.random.default_rng(5), 0.2, MASK, FIRST_WORD, VOCABULARY, continues)
        for continues in (None, np.zeros(VOCABULARY, dtype=bool))
    )
    assert all(np.array_equal(one, other) for one, other in zip(plain, whole, strict=True))


@given(seed=st.integers(0, 10_000), size=st.integers(1, 20), regions=st.integers(1, 9), share=st.floats(0.01, 0.9))
def test_only_real_regions_are_masked(seed: int, size: int, regions: int, share: float) -> None:
    real = np.random.default_rng(seed).random((size, regions)) < 0.7
    chosen = choose_regions(real, np.random.default_rng(seed), share)
    assert not (chosen & ~real).any()


@pytest.mark.parametrize("count", [1, 3, 8, 36])
def test_regions_are_masked_as_often_as_asked_however_few_there_are(count: int) -> None:
    chosen = choose_regions(np.ones((72_000 // count, count), dtype=bool), np.random.default_rng(0), 0.15)
    assert abs(chosen.mean() - 0.15) < 0.005


@pytest.mark.parametrize("words", [1, 4, 9])
def test_words_are_masked_as_often_as_asked_however_short_the_text(words: int) -> None:
    ids = np.full((36_000 // words, words + 2), FIRST_WORD)
    lengths = np.full(len(ids), words + 2)
    _, labels = mask_tokens(ids, lengths, np.random.default_rng(0), 0.15, MASK, FIRST_WORD, VOCABULARY)
    assert abs((labels[:, 1:-1] != IGNORED).mean() - 0.15) < 0.01


@given(seed=st.integers(0, 10_000), size=st.integers(1, 12), regions=st.integers(1, 6), pictures=st.integers(1, 8))
def test_other_regions_are_real_ones_of_other_pictures(seed: int, size: int, regions: int, pictures: int) -> None:
    generator = np.random.default_rng(seed)
    real = generator.random((size, regions)) < 0.6
    shown = generator.integers(0, pictures, size)
    others = other_regions(real, shown, np.random.default_rng(seed))
    assert others.shape == real.shape
    for row in range(size):
        if (real & (shown != shown[row])[:, None]).any():
            assert real.ravel()[others[row]].all()
            assert (shown[others[row] // regions] != shown[row]).all()
        else:
            assert np.array_equal(others[row], row * regions + np.arange(regions))


def test_other_regions_are_drawn_evenly() -> None:
    others = np.stack(
        [other_regions(np.ones((4, 2), dtype=bool), np.arange(4), np.random.default_rng(k))[0] for k in range(3000)]
    )
    counts = np.bincount(others.ravel(), minlength=8)
    assert not counts[:2].any()
    assert chisquare(counts[2:]).pvalue > 1e-3


@given(seed=st.integers(0, 10_000), size=st.integers(2, 30), density=st.floats(0, 1))
def test_mismatched_pictures_and_texts_are_false_of_one_another(seed: int, size: int, density: float) -> None:
    truth = np.random.default_rng(seed).random((size, size)) < density
    np.fill_diagonal(truth, True)
    own = np.arange(size)
    for holds in (truth, truth.T):  # a picture for each text, a text for each picture
        shown = mismatch(holds, np.random.default_rng(seed))
        torn = shown != own
        assert not holds[own, shown][torn].any()
        assert torn.sum() <= size // 2
        if not holds.all(axis=1).any():
            assert torn.sum() == size // 2
