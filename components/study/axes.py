"""The axes on which arms can be set apart, as settings: what a controlled arm is, and what data an intermediate step reads.

Without torch, because the study file is checked with it.
"""

from typing import Literal

from pydantic import Field

from components.study.base import Fraction, Strict

Domain = Literal["all", "shapes", "digits"]
ArchitectureAxis = Literal["fusion", "spatial_code", "readout", "objectives", "norm", "initial_scale"]
DataAxis = Literal["amount", "caption_noise", "domain"]
Axis = ArchitectureAxis | DataAxis | Literal["text_encoder", "front", "masked_words", "freezing", "start", "system"]

EQUALLY_LARGE = {"single_stream_wide", "vilbert"}
"""The levels of fusion that have as many parameters as one another, to within whole units of a layer."""
DATA_AXES: tuple[DataAxis, ...] = ("amount", "caption_noise", "domain")
"""What `PairsSettings` says, in its order."""


class AxesSettings(Strict):
    """What a controlled arm is, on every axis. Two arms that differ in one answer a question about that axis."""

    fusion: Literal["single_stream", "single_stream_wide", "vilbert", "lxmert", "late"]
    spatial_code: Literal["none", "averaged_4", "sum_5", "normed_7", "sinusoid", "learned_grid"]
    readout: Literal["pooled_text", "product"]
    objectives: Literal["words", "words_matching", "words_matching_regions"]
    norm: Literal["pre", "post"]
    initial_scale: Literal["common", "bert"]


class PairsSettings(Strict):
    """What an arm's intermediate step reads of the captioned pictures. Two arms that differ in one answer a question about
    the data."""

    share: float = Field(
        gt=0.0, le=1.0, description="of all captioned pictures; a smaller share is part of a larger one"
    )
    caption_noise: Fraction = Field(description="share of the pictures read that carry another picture's caption")
    domain: Domain = Field(description="scenes: 'shapes' have no digit in them, 'digits' have at least one")

    @property
    def levels(self) -> dict[DataAxis, float | str]:
        """The level on each of `DATA_AXES`."""
        return dict(zip(DATA_AXES, (self.share, self.caption_noise, self.domain), strict=True))

    def count(self, pairs: int) -> int:
        """How many of so many captioned pictures are read."""
        return round(self.share * pairs)

    @property
    def untouched(self) -> bool:
        """Whether everything is read as it is."""
        return self.share == 1.0 and self.caption_noise == 0.0 and self.domain == "all"
