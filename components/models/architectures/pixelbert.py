"""Pixel-BERT: BERT over words and cells of an image grid, trained end to end."""

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from components.models.family import Design, FusionArchitecture, answer_head
from components.models.heads import MATCHING, KeptHead
from components.models.passes import Pass, Pretraining
from components.models.visual_embedding import PixelEmbedding


class PixelBERT(FusionArchitecture):
    """Pixel-BERT (Huang et al., 2020; no official code).

    BERT reads text and the cells of a convolutional grid as one sequence, text first. The grid encoder is trained with it. A
    cell is embedded as its projected features plus one learned vector that all cells share; it has no position. Pretraining
    reads a random sample of cells (see `begin_pretraining`). The tanh pooler on [CLS] is the readout. Visual tokens are
    the cells that were read, row by row.

    DEVIATIONS:
        * The study's grid encoder in place of ResNet-50 or ResNeXt-152, without the maximum over 2x2 cells after it,
          because the study's pictures are small.
          (tests/models/test_architectures.py::test_components_load_strictly_and_keep_their_function)
          (tests/models/test_visual_embedding.py::test_cells_share_one_vector_and_keep_their_order)
        * In pretraining half of the cells are read, at most 100; in the paper 100, which is about half of its grids.
          (tests/models/test_visual_embedding.py::test_sampled_cells_are_distinct_and_differ_between_pictures_and_times)
        * One optimiser, AdamW, for everything; in the paper the convolutions are trained by stochastic gradient descent.
          (tests/training/test_module.py::test_one_optimiser_trains_everything_at_one_rate)
        * The paper does not say which side of a pair is swapped: here the text is. It does not say whether masked words of
          swapped pairs are predicted: here they are.
          (tests/models/test_family.py::test_pretraining_in_one_pass)
          (tests/objectives/test_inputs.py::test_masked_words_and_regions_of_torn_pairs_are_asked_for_unless_dropped)
        * Questions are answered by one softmax over the answers, as for all architectures; the paper takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * In retrieval a text is compared with three more pictures, and a picture with three more texts, as for all
          architectures; the paper takes twenty and trains on the five hardest.
          (tests/tasks/test_retrieval.py::test_pairs_are_scored_within_their_pool)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=PixelEmbedding)
    COMPONENTS: ClassVar[dict[str, str]] = {"text": "", "grid": "visual_embedding.encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (Pass(losses=(("mlm", 1.0), ("itm", 1.0)), words=True, mismatched="texts"),)
    )
    KEEPS: ClassVar[Mapping[str, KeptHead]] = {"retrieval": MATCHING}
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "grid of a ResNet, trained end to end",
        "spatial code": "none after the convolutions",
        "fusion": "single stream, early: BERT reads cells behind the text",
        "objectives": "masked language modelling 1.0, image-text matching 1.0",
        "corruption": "words masked, texts swapped, half of the cells left out, in one forward; masked words of swapped texts "
        "are predicted too",
        "readout": "BERT's pooler on [CLS]; two-layer MLP",
        "norm": "post-norm (text and cells), batch norm (convolutions)",
        "initial scale": "common",
        "start": "text encoder and grid encoder",
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

    def begin_pretraining(self) -> None:
        """From now on read a random sample of cells in training mode."""
        assert isinstance(self.visual_embedding, PixelEmbedding)
        self.visual_embedding.samples = True

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP whose hidden layer is twice as wide as its input."""
        return answer_head(self.pooled_size, 2 * self.pooled_size, outputs)
