"""What all arms of a study have in common: texts, model size, pretraining on pictures, search, evaluation, machine."""

from typing import Literal

from pydantic import Field, model_validator

from components.study.base import Fraction, Strict
from components.study.contrasts import ContrastSettings


class TextSettings(Strict):
    """How texts become tokens, for all architectures alike, and how many words the text encoder's pretraining masks."""

    tokenizer: str = Field(description="'built' from the training texts, or a Hugging Face name or local folder")
    vocabulary_size: int = Field(ge=64)
    max_length: int = Field(ge=4, le=512, description="tokens, [CLS] and [SEP] included")
    masked_share: float = Field(
        gt=0, lt=1, description="of words, where the text encoder is pretrained; for the intermediate step arms say it"
    )


class ModelSettings(Strict):
    """The one size at which all architectures are built."""

    width: int = Field(ge=8)
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=8)
    dropout: Fraction
    patch_size: int = Field(ge=2, description="side of a square patch, in pixels")
    stem_widths: list[int] = Field(min_length=1, description="channels of the tiny ResNet's stages")
    image_tokens: int = Field(ge=1, le=9, description="MMBT: pooled grid tokens")
    projection: int = Field(ge=8, description="CLIP: width of the shared embedding space")
    text_encoder: str = Field(
        description="'tiny', or the Hugging Face name or local folder of BERT, RoBERTa or another encoder"
    )
    grid_encoder: str = Field(description="'tiny', or a Hugging Face ResNet name or local folder")
    patch_encoder: str = Field(description="'tiny', or a Hugging Face ViT name or local folder")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "ModelSettings":
        if self.width % self.heads:
            raise ValueError(f"model.heads ({self.heads}) must divide model.width ({self.width})")
        return self


class ImagePretraining(Strict):
    """What visual front ends learn on pictures alone. A detector learns from boxes in any case."""

    labels: Literal["image", "boxes"] = Field(
        description="of whole pictures, or boxes of objects with classes and attributes; all front ends alike"
    )
    regions: int = Field(ge=1, description="regions that the detector proposes for every picture")


class GateSettings(Strict):
    """What an intermediate step must have taught before anything is concluded from it, on validation pairs.

    Each must also be beyond sampling error (one-sided, 95%).
    """

    masked_words: Fraction = Field(
        description="how many more masked words are found beside the own picture than beside another, as a fraction"
    )
    matching: float = Field(ge=0.5, le=1.0, description="true and false pairs that are told apart, as a fraction")
    contrastive: float = Field(ge=1.0, description="own pictures found among a batch's, in multiples of chance")


class EvaluationSettings(Strict):
    """How scores are turned into evidence."""

    confidence: float = Field(gt=0.5, lt=1.0)
    margin: float = Field(
        gt=0.0, lt=0.5, description="equivalence margin, as a fraction: a smaller difference counts as none"
    )
    gates: GateSettings
    contrasts: list[ContrastSettings] = Field(
        max_length=5, description="confirmatory ones, with Holm's correction over these alone; all else is exploratory"
    )
    examples: int = Field(ge=0, description="example predictions shown in the report, per task")


class TuningSettings(Strict):
    """A search of the learning rate: for every arm the same candidates, rungs and budget, and its cost charged to the arm.

    One factor, on all learning rates of an arm. Candidates train on shares of the fine-tuning budget, and the best
    1/reduction go on from each rung to the next.
    """

    trials: int = Field(
        ge=0, description="candidates for every arm; 0 for no search: the rates are those of the budgets"
    )
    lowest: float = Field(gt=0, description="smallest factor on the learning rates of the budgets")
    highest: float = Field(gt=0, description="largest factor; candidates are spaced evenly on a logarithmic scale")
    rungs: int = Field(ge=1, description="the last is the whole budget, each before it 1/reduction of the next")
    reduction: int = Field(ge=2)

    @model_validator(mode="after")
    def _is_a_search(self) -> "TuningSettings":
        if self.trials and not (self.trials > 1 and self.lowest < self.highest):
            raise ValueError("a search needs at least two trials, and tuning.lowest below tuning.highest")
        return self


class RuntimeSettings(Strict):
    """How training processes use the machine. On CPUs results are bit-exact for a given thread count."""

    threads: int = Field(ge=1)
    accelerator: Literal["auto", "cpu", "gpu"]
    devices: int | Literal["auto"]
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
    checkpoint_seconds: float = Field(gt=0, description="seconds between resumable checkpoints")
    prediction_batch_size: int = Field(ge=1)
