"""The axes on which arms can be set apart, as settings: what a controlled arm is, and what data an intermediate step reads.

Without torch, because the study file is checked with it.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from components.study import Study

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Domain = Literal["all", "shapes", "digits"]
ArchitectureAxis = Literal["fusion", "spatial_code", "readout", "objectives", "norm", "initial_scale"]
DataAxis = Literal["amount", "caption_noise", "domain"]
Axis = ArchitectureAxis | DataAxis | Literal["text_encoder", "front", "freezing", "start", "system"]

DATA_AXES: tuple[DataAxis, ...] = ("amount", "caption_noise", "domain")
"""What `PairsSettings` says, in its order."""


class Strict(BaseModel):
    """A key that is not known is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AxesSettings(Strict):
    """What a controlled arm is, on every axis. Two arms that differ in one answer a question about that axis."""

    fusion: Literal["single_stream", "vilbert", "lxmert", "late"]
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


def arm_fault(study: "Study", arm: str) -> str:
    """Why an arm of the study cannot have its levels, as a sentence without its full stop; empty where it can."""
    axes, pairs, where = study.arms[arm].axes, study.arms[arm].pairs, f"arms.{arm}.pairs"
    if study.arms[arm].front == "precomputed" and study.data.region_features is None:
        return f"arms.{arm}.front is precomputed, and data.region_features names nothing to take regions from"
    if axes is not None and axes.norm == "pre" and "text" in study.arms[arm].unimodal:
        return (
            f"arms.{arm}.unimodal names the text encoder, which is post-norm and means nothing to layers with axes.norm pre: "
            "take it out, there and of the arms it is compared with"
        )
    if arm in study.architectures.direct and not pairs.untouched:
        return (
            f"{where} says what an intermediate step reads, and {arm} is listed under architectures.direct: "
            "give it share 1.0, caption_noise 0.0 and domain all"
        )
    if pairs.domain != "all" and study.data.source != "scenes":
        return (
            f"{where}.domain is {pairs.domain}, but pictures of the source {study.data.source} have no domains: say all"
        )
    if study.data.source == "scenes" and pairs.count(study.data.scenes.pairs) < study.pretrain.batch_size:
        return (
            f"{where}.share leaves {pairs.count(study.data.scenes.pairs)} captioned pictures, too few for a batch of "
            f"{study.pretrain.batch_size}: raise it"
        )
    return ""
