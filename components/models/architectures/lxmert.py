"""LXMERT: a language encoder, an object encoder, and cross-modality layers."""

from typing import ClassVar

from torch import nn

from components.models.family import Design, FusionArchitecture, answer_head
from components.models.passes import Pass, Pretraining, RegionMasking
from components.models.visual_embedding import LXMERTEmbedding


class LXMERT(FusionArchitecture):
    """Learning Cross-Modality Encoder Representations (Tan and Bansal, EMNLP 2019; code: airsplay/lxmert; reference:
    `LxmertModel`).

    A language encoder and an object encoder are followed by cross-modality layers: cross-attention with the same weights in
    both directions, self-attention of each modality, feed-forward of each. An object is embedded as the mean of LN(linear
    features) and LN(linear box). The tanh pooler on [CLS] is the readout.

    DEVIATIONS:
        * The paper has 9, 5 and 5 layers at BERT's depth of 12. At a study's depth the encoders keep these proportions
          (components/models/layouts.py).
          (tests/models/test_layouts.py::test_named_scales_to_the_depth)
        * Labels are predicted for masked objects only, as in the paper; the code predicts them for all objects, at 1/0.15
          times the weight.
          (tests/objectives/test_region_objectives.py::test_labels_are_the_likeliest_kinds_weighted_by_confidence)
        * Features are averaged over masked objects; the code averages over all and multiplies by 1/0.15, which is the same
          in expectation.
          (tests/objectives/test_region_objectives.py::test_smooth_regression_is_the_mean_of_hubers_loss)
        * Objects that replace masked ones come from other pictures of the batch; in the code they come from all the data.
          (tests/data/test_batches.py::test_replacing_regions_are_of_other_pictures)
        * Image question answering is trained only if a study's pretraining texts are questions, and then throughout, as in
          the code; in the paper it is trained in the last 10 of 20 epochs, at twice the weight.
          (tests/objectives/test_objectives.py::test_no_question_is_no_loss)
          (tests/models/test_family.py::test_pretraining_in_one_pass)
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of COCO, Visual Genome,
          VQA and GQA.
          (tests/training/test_model_inputs.py::test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks)
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * The other side of a mismatched pair comes from the same batch, and is false by all that the data knows; the code
          draws it from all the data.
          (tests/data/test_batches.py::test_torn_pairs_are_false)
        * Questions are answered by one softmax over the answers, as for all architectures; the code takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * The head for two pictures normalises before GELU, as for all architectures; the code normalises after it.
          (tests/tasks/test_pair_statements.py::test_the_head_normalises_before_gelu)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    DESIGN: ClassVar[Design] = Design(fusion="lxmert", embedding=LXMERTEmbedding, begins_with_bert=False)
    COMPONENTS: ClassVar[dict[str, str]] = {}
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (
            Pass(
                losses=(
                    ("mlm", 1.0),
                    ("region_features_smooth", 1.0),
                    ("region_classes", 1.0),
                    ("region_attributes", 1.0),
                    ("itm", 1.0),
                    ("image_questions", 1.0),
                ),
                words=True,
                regions=RegionMasking(zeroed=0.8, replaced=0.1),
                mismatched="texts",
            ),
        ),
        shared_transform=("region_features_smooth", "region_classes", "region_attributes"),
    )
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "transformer of BERT's kind, from scratch",
        "visual input": "features of regions",
        "spatial code": "four numbers of the box, normalised and averaged with the features",
        "fusion": "dual stream: two encoders, then cross-attention with weights shared by both directions",
        "objectives": "masked language modelling, features (smooth L1), classes and attributes of masked regions, "
        "image-text matching, image question answering: 1.0 each",
        "corruption": "words and regions masked (0.8 zeroed, 0.1 replaced), texts swapped, in one forward; what is masked "
        "of swapped pairs is predicted too",
        "readout": "tanh pooler on [CLS]; two-layer MLP",
        "norm": "post-norm",
        "initial scale": "common",
        "start": "scratch",
        "freezing": "none",
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
        "start",
    )

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP whose hidden layer is twice as wide as its input."""
        return answer_head(self.pooled_size, 2 * self.pooled_size, outputs)
