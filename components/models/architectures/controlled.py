"""The architecture of controlled arms: one recipe in which arms differ only in named axes."""

from typing import Any, ClassVar, overload

from torch import nn

from components.models.configuration import Axes, ModelConfiguration, Objectives
from components.models.family import Design, FusionArchitecture, answer_head
from components.models.passes import Pass, Pretraining, RegionMasking
from components.models.visual_embedding import ControlledEmbedding

PASSES: dict[Objectives, Pretraining] = {
    "words": Pretraining((Pass(losses=(("mlm", 1.0),), words=True),)),
    "words_matching": Pretraining(
        (Pass(losses=(("mlm", 1.0), ("itm", 1.0)), words=True, mismatched="texts", keeps_mismatched=False),)
    ),
    "words_matching_regions": Pretraining(
        (
            Pass(
                losses=(("mlm", 1.0), ("itm", 1.0), ("region_divergence", 1.0)),
                words=True,
                regions=RegionMasking(zeroed=0.9, spreads=True),
                mismatched="texts",
                keeps_mismatched=False,
            ),
        )
    ),
}
"""The levels of the axis "objectives"; each adds to the one before."""


class OfTheArm:
    """Descriptor for `PRETRAINING`: on an instance the passes of its axis; on the class the passes with all objectives."""

    @overload
    def __get__(self, arm: None, kind: Any) -> Pretraining: ...
    @overload
    def __get__(self, arm: "Controlled", kind: Any) -> Pretraining: ...
    def __get__(self, arm: "Controlled | None", kind: Any) -> Pretraining:
        """The passes."""
        return PASSES["words_matching_regions" if arm is None else arm.axes.objectives]


class Controlled(FusionArchitecture):
    """One arm of a controlled comparison (Bugliarello et al., 2021, "Multimodal Pretraining Unmasked"; code: e-bug/volta).

    Fusion, spatial code, readout, objectives, norm and initial scale are settings of the study (`Axes`). Another setting is
    whether the layers start from those of BERT trained on text alone (`unimodal: [text]`) or from fresh weights
    (`unimodal: []`). Everything else is the same for all arms:

    * both sides have the same width;
    * a region is embedded as LN(LN(linear features) + spatial code);
    * the whole picture is the first region;
    * there is one task head.

    Equal depth is not equal size: two streams have weights of their own for each side. The level 'single_stream_wide' of the axis
    fusion is the single stream of the same depth with feed-forward networks so wide that its layers have as many parameters as
    those of ViLBERT's co-attention (components/models/equal_size.py). The units beyond those of the text encoder are fresh, and
    change nothing of what it computes until they are trained.

    Pre-norm layers cannot start from the text encoder: BERT's layers are post-norm, and its weights would mean something else
    after a normalisation. ViLT and CLIP take no layers of a text encoder either. So a pre-norm arm starts from scratch, and so
    must the post-norm arm that it is compared with. As in ViT there is a normalisation after the last layer: one for a single
    stream, otherwise one for each side. The embeddings keep theirs, as ViLT's text and CLIP's image do.

    The initial scale is the rule by which fresh weights are drawn: the common rule of all architectures, or BERT's rule of 0.02
    everywhere with vocabulary logits that are not scaled. Under both rules normalisations start at one and biases at zero. A
    linear layer with 2,500 inputs has the same scale under both; with fewer inputs it starts smaller under BERT's rule. The rule
    applies only to fresh weights: an arm that takes the text encoder takes it as all arms do, with the scale of its vocabulary
    logits. Then only these differ:

    * the layers through which regions and their places enter;
    * attention and feed-forward that the layout has in addition to BERT's;
    * poolers that are not BERT's;
    * the task head and the heads of the losses.

    For everything to differ, both arms start from scratch (`unimodal: []`, in a study whose `text_encoder` is no checkpoint).

    DEVIATIONS:
        * Every arm has the same image embedding except for its spatial code; in the paper each model keeps its own.
        * Every readout has the study's width; the paper's product is 1,024 wide at a width of 768.
        * Fusion 'late' and 'single_stream_wide', readout 'pooled_text', pre-norm and most spatial codes are not in the paper.
        * Image-text matching has two classes here, as for all architectures; the front end is the study's.
        * Tied vocabulary logits are scaled by the common initialisation (components/models/initialisation.py), unless the
          initial scale is BERT's.

    Attributes:
        axes: the values of this arm's axes.
    """

    # It reads like a class attribute, on the class and on an instance.
    PRETRAINING = OfTheArm()  # type: ignore[assignment]
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "an axis: BERT trained on text alone, or fresh layers in its place",
        "visual input": "features of regions, behind their mean",
        "spatial code": "an axis: none, four averaged, five summed or seven normalised numbers of the box, its sines, or a "
        "learned vector for each cell",
        "fusion": "an axis: single stream, the same but as large as co-attention, ViLBERT's co-attention, LXMERT's "
        "cross-attention, or late",
        "objectives": "an axis: masked language modelling, then image-text matching, then divergence from the classes of "
        "masked regions, 1.0 each",
        "corruption": "what the objectives ask for, in one forward: words masked, texts swapped, regions masked (0.9 zeroed, "
        "with those that overlap them); nothing masked is predicted of swapped pairs",
        "readout": "an axis: tanh pooler on [CLS], or ReLU poolers on [CLS] and on the whole picture, multiplied; two-layer MLP",
        "norm": "an axis: post-norm, or pre-norm with a LayerNorm behind the last layer",
        "initial scale": "an axis: the common rule, or BERT's 0.02 everywhere, of what begins from nothing",
        "start": "text encoder, or nothing; nothing for a pre-norm arm",
        "freezing": "none, or what the study's arm says",
    }
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        "text encoder",
        "visual input",
        "spatial code",
        "fusion",
        "objectives",
        "corruption",
        "readout",
        "norm",
        "initial scale",
        "start",
        "freezing",
    )

    axes: Axes

    def __init__(self, configuration: ModelConfiguration) -> None:
        """Build an arm; see `FusionArchitecture`.

        Raises:
            ValueError: the configuration has no axes, or the readout would not depend on the picture.
        """
        super().__init__(configuration)
        assert configuration.axes is not None, "checked with the design"
        self.axes = configuration.axes

    def designed(self, configuration: ModelConfiguration) -> Design:
        """The design that the axes describe."""
        axes = configuration.axes
        if axes is None:
            raise ValueError("a controlled arm needs axes that say what it is")
        if axes.fusion == "late" and axes.readout == "pooled_text":
            raise ValueError("with fusion 'late' and readout 'pooled_text' nothing of the picture reaches the readout")
        return Design(
            fusion=axes.fusion,
            embedding=ControlledEmbedding,
            readout=axes.readout,
            picture_first=True,
            begins_with_bert=axes.norm == "post",
            norm=axes.norm,
            initial_scale=axes.initial_scale,
        )

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP whose hidden layer is twice as wide as its input."""
        return answer_head(self.pooled_size, 2 * self.pooled_size, outputs, self.axes.initial_scale)
