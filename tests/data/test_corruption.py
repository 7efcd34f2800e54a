"""Masks and mismatches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.data.corruption import IGNORED, mask_tokens, mismatch_images

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
def test_only_words_are_masked_and_at_least_one_of_each_text(seed: int, size: int, length: int, share: float) -> None:
    ids, lengths = texts(seed, size, length)
    masked, labels = mask_tokens(ids, lengths, np.random.default_rng(seed), share, MASK, FIRST_WORD, VOCABULARY)
    chosen = labels != IGNORED
    assert chosen.any(axis=1).all()
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


@given(seed=st.integers(0, 10_000), size=st.integers(2, 30), density=st.floats(0, 1))
def test_mismatched_pictures_are_false_of_their_texts(seed: int, size: int, density: float) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.random((size, size)) < density
    np.fill_diagonal(truth, True)
    shown, labels = mismatch_images(truth, np.random.default_rng(seed))
    assert not truth[np.arange(size), shown][labels == 0].any()
    assert (shown == np.arange(size))[labels == 1].all()
    if not truth.all(axis=1).any():
        assert (labels == 0).sum() == size // 2
