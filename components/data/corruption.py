"""Random corruption for pretraining: masked words, masked regions and mismatched pairs.

Every draw comes from a generator of the counter-based streams, so a corruption depends only on the position in the
stream. Shapes: B batch, T tokens, R regions.
"""

import numpy as np

IGNORED = -100  # label of a token that is not predicted
MASKED_SHARE, RANDOM_SHARE = (
    0.8,
    0.1,
)  # of the chosen tokens; the rest stay as they are (Devlin et al. 2019, section 3.1)


def mask_tokens(
    input_ids: np.ndarray,
    lengths: np.ndarray,
    generator: np.random.Generator,
    share: float,
    mask_id: int,
    first_word_id: int,
    vocabulary_size: int,
    continues: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's masking. Each word is chosen with the same probability, so a short text may have none.

    Args:
        input_ids: int (B, T), [CLS] first, [SEP] at `lengths - 1`, padded.
        lengths: int (B,), tokens with [CLS] and [SEP].
        share: probability that a word is chosen.
        first_word_id: ids below it are special tokens.
        continues: bool, one for each id of the vocabulary: whether the token continues the word before it. If given,
            whole words are chosen (ViLT, section 3.3); mask, random or unchanged is still drawn for each token. If None,
            every token is a word.

    Returns:
        Masked ids and labels, both (B, T); labels are `IGNORED` where nothing is predicted.
    """
    positions = np.arange(input_ids.shape[1])
    words = (positions > 0) & (positions < lengths[:, None] - 1)
    starts = words if continues is None else words & (~continues[input_ids] | (positions == 1))
    chosen = starts & (generator.random(input_ids.shape) < share)
    if continues is not None:
        begun = np.maximum.accumulate(np.where(starts, positions, 0), axis=1)
        chosen = words & np.take_along_axis(chosen, begun, axis=1)
    kind = generator.random(input_ids.shape)
    random_ids = generator.integers(first_word_id, vocabulary_size, input_ids.shape)
    masked = np.where(chosen & (kind < MASKED_SHARE), mask_id, input_ids)
    masked = np.where(chosen & (kind >= MASKED_SHARE) & (kind < MASKED_SHARE + RANDOM_SHARE), random_ids, masked)
    return masked.astype(input_ids.dtype), np.where(chosen, input_ids, IGNORED).astype(np.int64)


def choose_regions(real: np.ndarray, generator: np.random.Generator, share: float) -> np.ndarray:
    """Choose the regions to mask: each real one with probability `share`.

    Args:
        real: bool (B, R).

    Returns:
        Bool (B, R).
    """
    return real & (generator.random(real.shape) < share)


def other_regions(real: np.ndarray, pictures: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw for every region a real region of another picture of the batch (LXMERT replaces some masked objects this way).

    Args:
        real: bool (B, R).
        pictures: int (B,), the picture of each row; the same picture may occur twice.

    Returns:
        Int64 (B, R): positions among all B * R regions. Where no other picture has a region, a region's own position.
    """
    draws = generator.random(real.shape)
    picks = np.arange(real.size).reshape(real.shape)
    for row, picture in enumerate(pictures):
        candidates = np.flatnonzero(real & (pictures != picture)[:, None])
        if len(candidates):
            picks[row] = candidates[(draws[row] * len(candidates)).astype(np.int64)]
    return picks


def mismatch(truth: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mismatch half of the pairs: give a text a picture of the batch of which it is false.

    UNITER's code and ViLT (section 3.2) replace the picture; ViLBERT and LXMERT replace the text. To replace texts, pass
    `truth` transposed.

    Args:
        truth: bool (B, B), whether text i is true of picture j; true on the diagonal.

    Returns:
        Int64 (B,): the row of the picture that each text gets. A pair that is not chosen keeps its own row, and so does a
        text that is true of every picture of the batch.
    """
    size = len(truth)
    proposals = np.where(truth, np.inf, generator.random(truth.shape))
    wrong = proposals.argmin(axis=1)
    swap = np.zeros(size, dtype=bool)
    swap[generator.permutation(size)[: size // 2]] = True
    swap &= ~truth.all(axis=1)
    return np.where(swap, wrong, np.arange(size))
