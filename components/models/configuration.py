"""The configuration from which every architecture is built: sizes, encoders, and the axes of controlled arms."""

from dataclasses import dataclass
from typing import Literal

Fusion = Literal["single_stream", "single_stream_wide", "vilbert", "lxmert", "late"]
SpatialCode = Literal["none", "averaged_4", "sum_5", "normed_7", "sinusoid", "learned_grid"]
Readout = Literal["pooled_text", "product"]
Objectives = Literal["words", "words_matching", "words_matching_regions"]
Norm = Literal["pre", "post"]
InitialScale = Literal["common", "bert"]


@dataclass(frozen=True)
class Axes:
    """A controlled arm: one level on each axis. Two arms that differ in only one axis show the effect of that axis.

    Attributes:
        fusion: the layout of the layers (components/models/layouts.py). 'single_stream_wide' is the single stream with as many
            parameters as 'vilbert' has (components/models/equal_size.py).
        spatial_code: how a region's place is encoded (components/models/spatial_code.py).
        readout: the tanh pooler on the text's [CLS], or the product of pooled text and pooled image.
        objectives: masked words, then also image-text matching, then also divergence from the classes of masked regions.
        norm: layers normalise the input of a sub-layer ('pre', as ViT) or the sum of its input and output ('post', as BERT).
        initial_scale: the rule by which fresh weights are drawn (components/models/initialisation.py).
    """

    fusion: Fusion
    spatial_code: SpatialCode
    readout: Readout
    objectives: Objectives
    norm: Norm
    initial_scale: InitialScale


@dataclass(frozen=True)
class ModelConfiguration:
    """Sizes and encoders. The same sizes build every architecture, so that architectures do not differ in size.

    An encoder is `'tiny'` (built here, at the sizes below) or the name or local folder of a Hugging Face checkpoint,
    which has its own sizes.

    Attributes:
        regions: R, number of regions that a detector proposes for every picture; 0 without a detector.
        region_features: F, numbers that describe a region of the arm's visual front end; 0 where the arm reads pixels.
        object_classes: L, number of classes of object of the front end, background included; 0 where unknown.
        object_attributes: A, number of its attributes, "none" included; 0 where unknown.
        axes: the axes of a controlled arm; None for any other arm.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    dropout: float
    patch_size: int
    stem_widths: tuple[int, ...]
    image_tokens: int
    projection: int
    text_encoder: str
    grid_encoder: str
    patch_encoder: str
    vocabulary_size: int
    max_length: int
    image_size: int
    pad_token_id: int
    regions: int = 0
    region_features: int = 0
    object_classes: int = 0
    object_attributes: int = 0
    axes: Axes | None = None

    def __post_init__(self) -> None:
        """Check that the sizes fit one another.

        Raises:
            ValueError: heads do not divide the width, or patches do not tile the image.
        """
        # Settings files give lists; a tuple keeps the configuration hashable.
        object.__setattr__(self, "stem_widths", tuple(self.stem_widths))
        if isinstance(self.axes, dict):
            object.__setattr__(self, "axes", Axes(**self.axes))
        if self.width % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide width ({self.width})")
        if self.image_size % self.patch_size:
            raise ValueError(f"patch_size ({self.patch_size}) must divide image_size ({self.image_size})")

    @property
    def initial_scale(self) -> InitialScale:
        """The rule for the arm's fresh weights: that of its axes for a controlled arm, otherwise the common one."""
        return self.axes.initial_scale if self.axes else "common"
