"""How an architecture is pretrained: the forward passes of its intermediate step, and the losses computed from each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegionMasking:
    """What becomes of the features of a masked region.

    Attributes:
        zeroed: share that is set to zero.
        replaced: share that is replaced by a region of another picture; the rest stays as it is.
        spreads: also mask regions that overlap a masked one by more than 0.4 (intersection over union).
    """

    zeroed: float = 1.0
    replaced: float = 0.0
    spreads: bool = False


@dataclass(frozen=True)
class Pass:
    """One forward pass: what is done to the batch, and which losses are computed from what the model makes of it.

    Attributes:
        losses: names of objectives with their weights.
        words: some words are masked.
        regions: how some regions are masked; None if none is.
        mismatched: half of the pairs are torn apart, by showing another picture or another text.
        keeps_mismatched: masked words and regions of pairs that were torn apart are predicted too.
        ratio: how often the pass is drawn, where one pass is drawn for each batch.
    """

    losses: tuple[tuple[str, float], ...]
    words: bool = False
    regions: RegionMasking | None = None
    mismatched: Literal["images", "texts"] | None = None
    keeps_mismatched: bool = True
    ratio: float = 1.0


@dataclass(frozen=True)
class Pretraining:
    """The multimodal intermediate step.

    Attributes:
        passes: none where the paper has no such step.
        drawn: one pass is drawn for each batch by the ratios, the same for all; otherwise all are run and summed.
    """

    passes: tuple[Pass, ...] = ()
    drawn: bool = False

    @property
    def losses(self) -> dict[str, float]:
        """Every objective with its weight (the largest, where several passes have it)."""
        weights: dict[str, float] = {}
        for one in self.passes:
            for name, weight in one.losses:
                weights[name] = max(weight, weights.get(name, 0.0))
        return weights
