"""Independent counter-based random streams.

A draw at position k of a stream is a pure function of (seed, source, purpose, k). So there is no state to save, and to
resume is to start at k. Streams with different keys are independent, so an architecture that uses one more stream (for its
own masking, for example) does not change the others.

Philox is the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
"""

import hashlib
from functools import lru_cache

import numpy as np

_EPOCHS_KEPT = 2  # a batch can straddle two epochs, never three


class Stream:
    """One stream of random draws, addressed by position."""

    def __init__(self, seed: int, source: str, purpose: str) -> None:
        digest = hashlib.sha256(f"{seed}/{source}/{purpose}".encode()).digest()
        self._key = np.frombuffer(digest[:16], dtype=np.uint64)

    def at(self, position: int) -> np.random.Generator:
        """The generator of position k. It gives any number of draws, and none of them affects another position."""
        counter = np.array([0, 0, position, 0], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(counter=counter, key=self._key))


class Order:
    """The order in which `count` items are drawn: shuffled anew in every epoch, without repeats inside an epoch."""

    def __init__(self, seed: int, source: str, count: int) -> None:
        if count < 1:
            raise ValueError("an order needs at least one item")
        self._stream = Stream(seed, source, "order")
        self._count = count
        self._permutation = lru_cache(maxsize=_EPOCHS_KEPT)(self._draw_permutation)

    def _draw_permutation(self, epoch: int) -> np.ndarray:
        return self._stream.at(epoch).permutation(self._count)

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Items at the given positions: int64 array of the same shape."""
        epochs, offsets = np.divmod(np.asarray(positions, dtype=np.int64), self._count)
        items = np.empty_like(offsets)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            items[chosen] = self._permutation(int(epoch))[offsets[chosen]]
        return items
