"""VL-BERT: BERT over words and regions, in which every token has a word part and a visual part."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from components.models.family import Design, FusionArchitecture, answer_head, state_before_last
from components.models.heads import WORD_TRANSFORM, KeptHead
from components.models.passes import Pass, Pretraining, RegionMasking
from components.models.states import Batch, States
from components.models.visual_embedding import VLBERTEmbedding


class VLBERT(FusionArchitecture):
    """VL-BERT (Su et al., ICLR 2020; code: jackroos/VL-BERT).

    BERT reads text and regions as one sequence, text first. A token is embedded as the sum of a word ([IMG] for regions), a
    visual part (the whole picture for words), a segment and a position; all regions have the same position. The visual part
    is made of features and sines of the box. The first region is the whole picture. Questions are answered from the state
    before the closing [SEP], all other tasks from BERT's pooler on [CLS].

    DEVIATIONS:
        * Questions are answered from the state of their last word; the paper reads a [MASK] in the answer's place, which
          the code gives a segment of its own.
          (tests/models/test_family.py::test_questions_are_read_where_the_paper_reads_them)
          (tests/models/test_visual_embedding.py::test_vlbert_equals_its_formula)
        * The whole picture has the mean features of its regions, as the code has it with regions that are computed
          beforehand; the paper pools its feature map.
          (tests/parity/test_parity_original_vlbert.py::test_the_picture_is_the_mean_of_the_regions_that_are_not_hidden)
        * That mean divides by the number of regions that are not hidden; the code adds 1e-5 to it.
          (tests/models/test_visual_embedding.py::test_vlbert_equals_its_formula)
        * The box of the whole picture ends at its edge; in the code at its last pixel.
          (tests/models/test_visual_embedding.py::test_the_picture_is_the_mean_of_its_real_regions)
        * Masked regions have learned features, as the code has it with regions that are computed beforehand; the paper
          blanks their pixels.
          (tests/models/test_visual_embedding.py::test_vlbert_equals_its_formula)
        * Masked regions are classified against the front end's whole distribution, as in the code; the paper takes its
          likeliest class.
          (tests/parity/test_parity_original_vlbert.py::test_classes_of_masked_regions)
        * Dropout has the study's rate; the answer head of the code has one more, of 0.1, before its last layer.
          (tests/parity/test_parity_original_vlbert.py::test_dropout_acts_where_the_original_has_it)
        * No [END] token after the regions.
          (tests/parity/test_parity_original_vlbert.py::test_states_and_answers)
        * The normalisations of the visual part start at one, by the common initialisation; in the code they start at zero.
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
        * Only image-text pairs: there are no batches of text alone.
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * The front end of the study, frozen, in place of a Faster R-CNN, which may be trained in the paper, and its
          pretraining pairs in place of Conceptual Captions.
          (tests/training/test_model_inputs.py::test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks)
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
          (tests/training/test_pretraining.py::test_a_frozen_front_end_looks_where_the_batch_has_no_regions_and_never_learns)
        * Questions are answered by one softmax over the answers, as for all architectures; the code takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * Grounding takes one linear layer and a softmax over the regions, as for all architectures. In the code the whole
          picture may be chosen too, the head is that of masked regions, and each region has a binary cross-entropy.
          (tests/tasks/test_grounding.py::test_regions_alone_are_pointed_at_by_one_layer)
          (tests/tasks/test_grounding.py::test_loss_and_measure)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=VLBERTEmbedding, picture_first=True)
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (
            Pass(
                losses=(("mlm", 1.0), ("region_distribution", 1.0)),
                words=True,
                whole_words=True,
                regions=RegionMasking(zeroed=0.9),
            ),
        )
    )
    KEEPS: ClassVar[Mapping[str, KeptHead]] = {"vqa": WORD_TRANSFORM}
    ZEROS: ClassVar[tuple[str, ...]] = ("visual_embedding.hidden_features.weight",)
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "features of regions, behind their mean, which every word sees too",
        "spatial code": "sines of the box beside the features",
        "fusion": "single stream, early: BERT reads regions behind the text",
        "objectives": "masked language modelling 1.0, distribution over the classes of masked regions 1.0; no matching",
        "corruption": "whole words and regions masked (0.9 replaced by learned features), in one forward",
        "readout": "state before the closing [SEP] (questions) or BERT's pooler on [CLS]; two-layer MLP",
        "norm": "post-norm",
        "initial scale": "common",
        "start": "text encoder",
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
        """BERT's transform and a linear layer."""
        return answer_head(self.pooled_size, self.pooled_size, outputs)

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        """The state before the closing [SEP] for questions, otherwise the pooler; see `Architecture.readout`."""
        return state_before_last(states, batch) if kind == "vqa" else states.pooled
