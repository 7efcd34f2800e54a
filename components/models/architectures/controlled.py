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
          (tests/models/test_visual_embedding.py::test_controlled_arms_differ_in_their_code_alone)
        * Every readout has the study's width; the paper's product is 1,024 wide at a width of 768.
          (tests/models/test_family.py::test_readouts_of_controlled_arms_are_no_wider_at_base_size)
        * Fusion 'late' and 'single_stream_wide', readout 'pooled_text', pre-norm and most spatial codes are not in the paper.
          (tests/models/test_family.py::test_every_controlled_arm_reads_both_sides)
          (tests/models/test_visual_embedding.py::test_controlled_arms_differ_in_their_code_alone)
        * Regions that overlap a masked one by more than 0.4 lose their features too; the code only counts them.
          (tests/models/test_family.py::test_pretraining_in_one_pass)
          (tests/objectives/test_inputs.py::test_masking_spreads_to_what_overlaps_and_asks_no_more_for_it)
        * Removed features count as zeros in the mean that stands for the whole picture; the code divides by how many
          regions are left.
          (tests/models/test_visual_embedding.py::test_removed_features_count_in_the_picture_of_a_controlled_arm)
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of Conceptual Captions.
          (tests/training/test_model_inputs.py::test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks)
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * The other side of a mismatched pair comes from the same batch, and is false by all that the data knows; the code
          draws it from all the data.
          (tests/data/test_batches.py::test_torn_pairs_are_false)
        * No dropout on the readout before heads; in the code it is 0.1.
          (tests/models/test_architectures.py::test_nothing_is_dropped_between_a_readout_and_what_reads_it)
        * Questions are answered by one softmax over the answers, as for all architectures; the code takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * In retrieval a text is compared with three more pictures, and a picture with three more texts, as for all
          architectures. In the code one softmax has two wrong texts, one of them mined, and a wrong picture.
          (tests/tasks/test_retrieval.py::test_pairs_are_scored_within_their_pool)
        * Grounding takes a softmax over the regions, as for all architectures. In the code the whole picture may be chosen
          too, and each region has a binary cross-entropy against its overlap.
          (tests/tasks/test_grounding.py::test_regions_alone_are_pointed_at_by_one_layer)
          (tests/tasks/test_grounding.py::test_loss_and_measure)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py), unless the initial scale is BERT's.
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
          (tests/models/test_initialisation.py::test_all_that_begins_from_nothing_has_the_size_of_its_rule)
          (tests/models/test_initialisation.py::test_vocabulary_logits_of_fresh_words_are_scaled_by_the_common_rule_alone)

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
