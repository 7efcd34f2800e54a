"""UNITER: a single stream over text and regions, pretrained on one task per batch."""

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from components.models.family import Design, FusionArchitecture, answer_head
from components.models.heads import MATCHING, KeptHead
from components.models.passes import Pass, Pretraining, RegionMasking
from components.models.visual_embedding import UNITEREmbedding


class UNITER(FusionArchitecture):
    """UNiversal Image-TExt Representation (Chen et al., ECCV 2020; code: ChenRocks/UNITER).

    BERT reads text and regions as one sequence, text first. A region is embedded as LN(LN(linear features) + LN(linear box) +
    BERT's segment 1). One pretraining task is drawn for each batch, so words and regions are never masked together. BERT's
    pooler on [CLS] is the readout.

    DEVIATIONS:
        * Padding stays in the sequence and is masked; the code removes it, which changes no state.
          (tests/parity/test_parity_original_uniter.py::test_states_and_pooler)
        * Of a text none of whose words is drawn, and of a picture none of whose regions is drawn, none is masked; the code
          then masks one.
          (tests/data/test_corruption.py::test_words_are_masked_as_often_as_asked_however_short_the_text)
          (tests/data/test_corruption.py::test_regions_are_masked_as_often_as_asked_however_few_there_are)
        * Mismatched pairs get another picture, as in the code; the paper says picture or text.
          (tests/models/test_family.py::test_uniter_masks_one_modality_at_a_time_and_draws_two_to_two_to_one_to_one)
        * The other side of a mismatched pair comes from the same batch, and is false by all that the data knows; the code
          draws it from all the data.
          (tests/data/test_batches.py::test_torn_pairs_are_false)
        * Tasks are drawn in the ratios for COCO and Visual Genome (2:2:1:1).
          (tests/models/test_family.py::test_uniter_masks_one_modality_at_a_time_and_draws_two_to_two_to_one_to_one)
          (tests/training/test_pretraining.py::test_counts_of_drawn_passes_fit_the_ratios)
        * Errors of features are averaged over features and divergences over classes, as in the code; the paper sums them.
          (tests/parity/test_parity_original_uniter.py::test_losses_and_gradients_of_pretraining)
        * The study's tokenizer in place of BERT's cased one.
          (tests/data/test_tokenizer.py::test_the_vocabulary_is_of_the_studys_texts_and_knows_no_case)
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of COCO, Visual Genome,
          Conceptual Captions and SBU.
          (tests/training/test_model_inputs.py::test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks)
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * Questions are answered by one softmax over the answers, as for all architectures; the code takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * Retrieval takes a cross-entropy over the candidates, as for all architectures; the paper asks for a margin of 0.2
          between the sigmoids of scores, and mines hard negatives.
          (tests/parity/test_parity_original_uniter.py::test_the_task_ranks_by_cross_entropy_and_not_by_a_margin)
        * Two pictures of one statement are read in the same way for all architectures; the paper adds attention between
          them.
          (tests/tasks/test_pair_statements.py::test_both_pictures_are_read_with_the_text)
        * Model and head learn at one rate; in the code the head for answers learns ten times as fast.
          (tests/training/test_module.py::test_one_optimiser_trains_everything_at_one_rate)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=UNITEREmbedding)
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (
            Pass(losses=(("itm", 1.0), ("token_alignment", 0.1)), mismatched="images", ratio=2.0),
            Pass(losses=(("mlm", 1.0),), words=True, ratio=2.0),
            Pass(losses=(("region_features", 1.0),), regions=RegionMasking(), ratio=1.0),
            Pass(losses=(("region_divergence_mean", 1.0),), regions=RegionMasking(), ratio=1.0),
        ),
        drawn=True,
    )
    KEEPS: ClassVar[Mapping[str, KeptHead]] = {"retrieval": MATCHING}
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "features of regions",
        "spatial code": "seven numbers of the box, normalised and summed with the features",
        "fusion": "single stream, early: BERT reads regions behind the text",
        "objectives": "one of these for each batch, 2:2:1:1: image-text matching 1.0 with word-region alignment 0.1, masked "
        "language modelling, features of masked regions, divergence from their classes",
        "corruption": "one modality at a time: images swapped, or words masked, or regions masked (zeroed, plus a learned "
        "vector)",
        "readout": "BERT's pooler on [CLS]; two-layer MLP",
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

    @property
    def region_projection(self) -> nn.Linear:
        """The input layer of the features, (B, R, F) to (B, R, D). Feature regression uses its weights transposed."""
        projection = self.visual_embedding.get_submodule("projection")
        assert isinstance(projection, nn.Linear)
        return projection

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP whose hidden layer is twice as wide as its input."""
        return answer_head(self.pooled_size, 2 * self.pooled_size, outputs)
