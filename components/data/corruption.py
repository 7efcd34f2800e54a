"""What objectives do to a batch before the model sees it: masks and mismatched pictures.

Everything random comes from a generator of the counter-based streams, so a corruption is a function of the position in
the stream and nothing else.
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
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's masking; at least one word of every text is chosen.

    Args:
        input_ids: int (B, T), [CLS] first, [SEP] at `lengths - 1`, padded.
        lengths: int (B,), tokens with [CLS] and [SEP].
        share: probability that a word is chosen.
        first_word_id: ids below it are special tokens.

    Returns:
        Masked ids and labels, both (B, T); labels are `IGNORED` where nothing is predicted.
    """
    positions = np.arange(input_ids.shape[1])
    words = (positions > 0) & (positions < lengths[:, None] - 1)
    draws = np.where(words, generator.random(input_ids.shape), np.inf)
    chosen = draws < share
    chosen[np.arange(len(chosen)), draws.argmin(axis=1)] |= words.any(axis=1)
    kind = generator.random(input_ids.shape)
    random_ids = generator.integers(first_word_id, vocabulary_size, input_ids.shape)
    masked = np.where(chosen & (kind < MASKED_SHARE), mask_id, input_ids)
    masked = np.where(chosen & (kind >= MASKED_SHARE) & (kind < MASKED_SHARE + RANDOM_SHARE), random_ids, masked)
    return masked.astype(input_ids.dtype), np.where(chosen, input_ids, IGNORED).astype(np.int64)


def mismatch_images(truth: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Show half of the texts a picture of the batch of which they are false (ViLT, section 3.3: the image is replaced).

    Args:
        truth: bool (B, B), whether text i holds of picture j.

    Returns:
        The picture each text is shown (row of the batch, int64 (B,)) and the label (1 matching, 0 not, int64 (B,)).
        A text that holds of every picture of the batch keeps its own.
    """
    size = len(truth)
    proposals = np.where(truth, np.inf, generator.random(truth.shape))
    wrong = proposals.argmin(axis=1)
    swap = np.zeros(size, dtype=bool)
    swap[generator.permutation(size)[: size // 2]] = True
    swap &= ~truth.all(axis=1)
    return np.where(swap, wrong, np.arange(size)), np.where(swap, 0, 1).astype(np.int64)
