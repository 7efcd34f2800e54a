"""What one arm of a study is, what it begins from, and what it keeps frozen for how long."""

from typing import Literal

from pydantic import Field, model_validator

from components.study.axes import AxesSettings, PairsSettings
from components.study.base import Fraction, Name, Strict
from components.study.front_ends import FRONT_COMPONENTS, Component, Front

Start = Literal["scratch", "unimodal", "multimodal"]


class FreezingRule(Strict):
    """Parameters whose name matches `pattern` stay frozen for the first `share` of the samples."""

    pattern: str = Field(description="regular expression, matched against the whole parameter name")
    share: Fraction


class ArmSettings(Strict):
    """What one arm is, what it begins from, and what it keeps frozen for how long."""

    architecture: Name = Field(
        description="its file in components/models/architectures; 'controlled' if axes are given"
    )
    front: Front = Field(
        description="who looks at the picture: the architecture itself (pixels), or a frozen front end"
    )
    axes: AxesSettings | None = Field(description="of a controlled arm; null for a faithful one")
    unimodal: list[Component] = Field(description="unimodally pretrained components it begins from")
    pairs: PairsSettings = Field(description="what its intermediate step reads of the captioned pictures")
    masked_words: float = Field(
        gt=0.0,
        lt=1.0,
        description="share of the words that its intermediate step masks, where its objectives ask for them",
    )
    starts: list[Start] = Field(min_length=1)
    few_label_starts: list[Start] = Field(description="starts also fine-tuned on few labels")
    matched_starts: list[Start] = Field(
        description="starts with a twin that is fine-tuned for longer, by what the intermediate step costs in FLOPs"
    )
    freezing: list[FreezingRule] = Field(description="ordered; the first rule that matches a parameter decides")

    @model_validator(mode="after")
    def _few_is_a_subset(self) -> "ArmSettings":
        for key, starts in (("few_label_starts", self.few_label_starts), ("matched_starts", self.matched_starts)):
            if unknown := set(starts) - set(self.starts):
                raise ValueError(f"{key} names {sorted(unknown)}, which are not among starts")
        if self.matched_starts and ("multimodal" in self.matched_starts or "multimodal" not in self.starts):
            raise ValueError(
                "matched_starts are twins of the multimodal start, by its FLOPs: starts must name multimodal, and "
                "matched_starts only others"
            )
        return self

    @model_validator(mode="after")
    def _axes_belong_to_controlled_arms(self) -> "ArmSettings":
        if (self.architecture == "controlled") != (self.axes is not None):
            raise ValueError("architecture: controlled and axes belong together: give both or neither")
        return self

    @property
    def mode(self) -> Literal["faithful", "controlled"]:
        """Controlled arms are what their axes say and nothing else; faithful ones are as their paper has them."""
        return "faithful" if self.axes is None else "controlled"

    @property
    def pretrained(self) -> bool:
        """Whether the arm has a multimodal intermediate step."""
        return "multimodal" in self.starts

    @property
    def components(self) -> list[str]:
        """Everything of unimodal pretraining that the arm takes, its front end included."""
        front = FRONT_COMPONENTS[self.front]
        return [*self.unimodal, *([front] if front and front not in self.unimodal else [])]
