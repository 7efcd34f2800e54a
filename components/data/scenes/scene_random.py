"""Random numbers for one scene: a counter-based stream that depends only on its key."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_BLOCK = 48
Item = TypeVar("Item")


class SceneRandom:
    """Draws from Philox, whose key is a hash of `key`.

    Only raw 64-bit numbers are taken from numpy, because numpy guarantees that they never change; it does not guarantee this
    for `numpy.random.Generator`. A remainder modulo a small n is uniform to within n / 2**64.
    """

    def __init__(self, *key: object) -> None:
        digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=16).digest()
        self._philox = np.random.Philox(key=int.from_bytes(digest, "little"))
        self._numbers: list[int] = []

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        if not self._numbers:
            self._numbers = self._philox.random_raw(_BLOCK).tolist()
        return self._numbers.pop() % bound

    def chance(self, probability: float) -> bool:
        """True with this probability (in steps of a millionth)."""
        return self.below(1_000_000) < probability * 1_000_000

    def choose(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """All items, in random order."""
        rest = list(items)
        for last in range(len(rest) - 1, 0, -1):
            other = self.below(last + 1)
            rest[last], rest[other] = rest[other], rest[last]
        return rest

    def bytes(self, count: int) -> np.ndarray:
        """Random bytes: uint8 (count,)."""
        return self._philox.random_raw(-(-count // 8)).astype("<u8").view(np.uint8)[:count]
