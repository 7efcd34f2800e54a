"""Describe the intermediate step of an architecture: its forward passes, and the losses computed from each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegionMasking:
    """How many regions are masked, and how their features are changed.

    Attributes:
        share: of a picture's regions that are masked: 15% in every paper that masks regions.
        zeroed: share of masked regions that is set to zero.
        replaced: share that is replaced by a region of another picture; the rest stays unchanged.
        spreads: whether regions that overlap a masked one by more than 0.4 (intersection over union) are masked too.
    """

    zeroed: float = 1.0
    replaced: float = 0.0
    spreads: bool = False
    share: float = 0.15


@dataclass(frozen=True)
class Pass:
    """One forward pass: the corruption of the batch, and the losses computed from the model's states.

    Attributes:
        losses: names of objectives with their weights.
        words: whether some words are masked.
        regions: how some regions are masked; None if no region is masked.
        mismatched: which side of half of the pairs is replaced, "images" or "texts"; None if all pairs stay matched.
        keeps_mismatched: whether masked words and regions of mismatched pairs are predicted too.
        ratio: relative frequency of the pass, where one pass is drawn for each batch.
        whole_words: whether all tokens of a masked word are masked; otherwise each token is drawn by itself.
    """

    losses: tuple[tuple[str, float], ...]
    words: bool = False
    regions: RegionMasking | None = None
    mismatched: Literal["images", "texts"] | None = None
    keeps_mismatched: bool = True
    ratio: float = 1.0
    whole_words: bool = False


@dataclass(frozen=True)
class Pretraining:
    """The multimodal intermediate step.

    Attributes:
        passes: the forward passes; empty where the paper has no such step.
        drawn: whether one pass is drawn for each batch, by the ratios and for the whole batch. Otherwise all passes are run
            and their losses are summed.
        shared_transform: objectives on regions whose heads have the layer before the last in common.
    """

    passes: tuple[Pass, ...] = ()
    drawn: bool = False
    shared_transform: tuple[str, ...] = ()

    @property
    def losses(self) -> dict[str, float]:
        """Every objective with its weight (the largest one, if several passes have it)."""
        weights: dict[str, float] = {}
        for one in self.passes:
            for name, weight in one.losses:
                weights[name] = max(weight, weights.get(name, 0.0))
        return weights


MASKED_WORDS = Pretraining((Pass(losses=(("mlm", 1.0),), words=True),))
"""The pretraining of text encoders, on texts alone."""
