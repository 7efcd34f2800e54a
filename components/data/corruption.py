"""What is drawn for pretraining: which words and regions are masked, and how, and which pairs are torn apart.

Everything random comes from a generator of the counter-based streams, so a corruption is a function of the position in
the stream and nothing else. Shapes: B batch, T tokens, R regions.
"""

import numpy as np

IGNORED = -100  # the label of a token that is not to be predicted
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
    """BERT's masking; at least one word of every text is chosen.

    Args:
        input_ids: int (B, T), [CLS] first, [SEP] at `lengths - 1`, padded.
        lengths: int (B,), tokens with [CLS] and [SEP].
        share: probability that a word is chosen.
        first_word_id: ids below it are special tokens.
        continues: bool, one for each id: the token continues the word that the token before it began. Words are then
            chosen whole (ViLT, section 3.3), and what becomes of a chosen token is still drawn for each by itself.
            Without it every token is a word.

    Returns:
        Masked ids and labels, both (B, T); labels are `IGNORED` where nothing is predicted.
    """
    positions = np.arange(input_ids.shape[1])
    words = (positions > 0) & (positions < lengths[:, None] - 1)
    starts = words if continues is None else words & (~continues[input_ids] | (positions == 1))
    draws = np.where(starts, generator.random(input_ids.shape), np.inf)
    chosen = draws < share
    chosen[np.arange(len(chosen)), draws.argmin(axis=1)] |= words.any(axis=1)
    if continues is not None:
        begun = np.maximum.accumulate(np.where(starts, positions, 0), axis=1)
        chosen = words & np.take_along_axis(chosen, begun, axis=1)
    kind = generator.random(input_ids.shape)
    random_ids = generator.integers(first_word_id, vocabulary_size, input_ids.shape)
    masked = np.where(chosen & (kind < MASKED_SHARE), mask_id, input_ids)
    masked = np.where(chosen & (kind >= MASKED_SHARE) & (kind < MASKED_SHARE + RANDOM_SHARE), random_ids, masked)
    return masked.astype(input_ids.dtype), np.where(chosen, input_ids, IGNORED).astype(np.int64)


def choose_regions(real: np.ndarray, generator: np.random.Generator, share: float) -> np.ndarray:
    """Which regions are masked: each real one with probability `share`, at least one of every picture that has any.

    Args:
        real: bool (B, R).

    Returns:
        Bool (B, R).
    """
    draws = np.where(real, generator.random(real.shape), np.inf)
    chosen = draws < share
    chosen[np.arange(len(chosen)), draws.argmin(axis=1)] |= real.any(axis=1)
    return chosen


def other_regions(real: np.ndarray, pictures: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """For every region a real one of another picture of the batch (LXMERT replaces some masked objects by such).

    Args:
        real: bool (B, R).
        pictures: int (B,): which picture it is; the same one may come twice.

    Returns:
        Int64 (B, R): positions among all B * R regions. Where no other picture has a region they are the region's own.
    """
    draws = generator.random(real.shape)
    picks = np.arange(real.size).reshape(real.shape)
    for row, picture in enumerate(pictures):
        candidates = np.flatnonzero(real & (pictures != picture)[:, None])
        if len(candidates):
            picks[row] = candidates[(draws[row] * len(candidates)).astype(np.int64)]
    return picks


def mismatch(truth: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Tear half of the pairs apart: show a text a picture of the batch of which it is false.

    The picture is replaced in UNITER's code and in ViLT (section 3.2), the text in ViLBERT and LXMERT: ask with
    `truth` transposed for texts.

    Args:
        truth: bool (B, B), whether text i holds of picture j; true on the diagonal.

    Returns:
        Int64 (B,): the row of the picture that each text is shown; its own where the pair is left whole, which is so
        too where the text holds of every picture of the batch.
    """
    size = len(truth)
    proposals = np.where(truth, np.inf, generator.random(truth.shape))
    wrong = proposals.argmin(axis=1)
    swap = np.zeros(size, dtype=bool)
    swap[generator.permutation(size)[: size // 2]] = True
    swap &= ~truth.all(axis=1)
    return np.where(swap, wrong, np.arange(size))
