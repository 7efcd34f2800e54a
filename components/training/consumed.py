"""Counts of what a run was handed, taken from the batches themselves as they are consumed."""

from collections.abc import Mapping

import torch
from torch import Tensor

from components.data.corruption import IGNORED
from components.records.training import Consumed


class ConsumedBatches:
    """Running counts over all batches so far.

    Attributes:
        counts: as the record has them.
    """

    def __init__(self) -> None:
        self.counts = dict.fromkeys(
            ("text_tokens", "words", "masked_words", "regions", "masked_regions", "torn_pairs"), 0
        )

    def update(self, batch: Mapping[str, Tensor]) -> None:
        """Add one batch (tensors on the CPU, as the loader made them)."""
        found: dict[str, Tensor] = {}
        if "attention_mask" in batch:
            lengths = batch["attention_mask"].sum(dim=1)
            found["text_tokens"] = lengths.sum()
            if "mlm_labels" in batch:
                found["words"] = (lengths - 2).clamp(min=0).sum()  # neither [CLS] nor [SEP]
                found["masked_words"] = (batch["mlm_labels"] != IGNORED).sum()
        if "region_chosen" in batch:
            real = batch["region_real"].bool()
            found["regions"] = real.sum()
            found["masked_regions"] = (batch["region_chosen"].bool() & real).sum()
        if "itm_image_rows" in batch:
            shown = batch["itm_image_rows"]
            found["torn_pairs"] = (shown != torch.arange(len(shown))).sum()
        for name, count in found.items():
            self.counts[name] += int(count)

    def kept(self) -> dict[str, int]:
        """All of it, for a checkpoint."""
        return dict(self.counts)

    def restore(self, kept: Mapping[str, int]) -> None:
        """Continue from what a checkpoint holds."""
        self.counts = dict(kept)

    def described(self, visual_tokens: float | None) -> Consumed:
        """For the record of the run.

        Args:
            visual_tokens: of a picture, in the first step that was run.
        """
        return Consumed(**self.counts, visual_tokens=visual_tokens)
