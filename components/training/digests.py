"""Digests of what a module was handed, taken from the batches themselves as they are consumed.

Four chains: sample ids, raw content, what a frozen front end saw, and corruption. The first two must agree across
arms, the third among those with the same front end, the last among those with the same objectives. A
chain is a string, so it lies in a checkpoint and resumes exactly.

Runs of unlike length end in unlike chains whatever they were handed, so the chains are also kept as they stood after 1, 2,
4, 8, ... batches: two runs can be compared at the last of these that both came to, at least halfway through the shorter.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from components.objectives import OBJECTIVES

CONTENT = ("pixels", "input_ids", "attention_mask", "targets", "labels", "target_boxes")
CONTENT_SECOND = ("pixels_second",)
REGIONS = tuple(
    f"region_{name}{suffix}"
    for suffix in ("", "_second")
    for name in ("features", "boxes", "real", "classes", "attributes")
)


class BatchDigests:
    """Running digests of all batches so far.

    Attributes:
        chains: as they stand.
        after: as they stood after a number of batches, the powers of two so far.
        batches: how many there were.
    """

    def __init__(self) -> None:
        self.chains = {"ids": "", "content": "", "regions": "", "corruption": ""}
        self.after: dict[int, dict[str, str]] = {}
        self.batches = 0

    def update(self, batch: Mapping[str, Tensor]) -> None:
        """Extend the chains by one batch (tensors on the CPU, as the loader made them)."""
        further = sorted({name for row in OBJECTIVES.values() for name in row.content})
        content = [*CONTENT, *further, *CONTENT_SECOND]
        for chain, names in {
            "ids": ["rows"],
            "content": [name for name in content if name in batch],
            "regions": [name for name in REGIONS if name in batch],
            "corruption": sorted(set(batch) - {"rows", *content, *REGIONS}),
        }.items():
            if names:
                self._extend(chain, [(name, batch[name]) for name in names])
        self.batches += 1
        if self.batches & (self.batches - 1) == 0:
            self.after[self.batches] = dict(self.chains)

    def kept(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        after = {batches: dict(chains) for batches, chains in self.after.items()}
        return {"chains": dict(self.chains), "after": after, "batches": self.batches}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Continue from what a checkpoint holds."""
        self.chains = dict(kept["chains"])
        self.after = {batches: dict(chains) for batches, chains in kept["after"].items()}
        self.batches = kept["batches"]

    def _extend(self, chain: str, tensors: list[tuple[str, Tensor]]) -> None:
        digest = hashlib.sha256(self.chains[chain].encode())
        for name, tensor in tensors:
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.contiguous().numpy().data)
        self.chains[chain] = digest.hexdigest()
