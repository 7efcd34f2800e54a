"""Pixel-BERT: cells of an image grid behind the words of BERT, trained from pixels to words."""

from typing import ClassVar

from torch import nn

from components.models.family import Design, FusionArchitecture, answer_head
from components.models.passes import Pass, Pretraining
from components.models.visual_embedding import PixelEmbedding


class PixelBERT(FusionArchitecture):
    """Pixel-BERT (Huang et al., 2020; no official code).

    BERT over text and the cells of a convolutional grid as one sequence, text first; the encoder of the grid is trained
    with it. A cell is its projected features and one learned vector that all cells share; it has no position. Pretraining
    reads a random sample of cells (see `begin_pretraining`). The tanh pooler on [CLS] is the readout. Visual tokens are
    the cells that were read, row by row.

    DEVIATIONS:
        * The study's grid encoder in place of ResNet-50 or ResNeXt-152, without the maximum over 2x2 cells behind it: the
          study's pictures are small.
        * In pretraining half of the cells are read, at most 100; in the paper 100, which is about half of its grids.
        * One optimiser, AdamW, for everything; in the paper the convolutions have stochastic gradient descent of their own.
        * The paper does not say which side of a pair is swapped, nor whether masked words of swapped pairs are predicted:
          here texts are, and they are.
        * Retrieval's hard negatives are not mined.
        * Tied vocabulary logits are scaled as the common initialisation asks (components/models/initialisation.py).
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=PixelEmbedding)
    COMPONENTS: ClassVar[dict[str, str]] = {"text": "", "grid": "visual_embedding.encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (Pass(losses=(("mlm", 1.0), ("itm", 1.0)), words=True, mismatched="texts"),)
    )
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
        """Read a random sample of cells while training, from now on."""
        assert isinstance(self.visual_embedding, PixelEmbedding)
        self.visual_embedding.samples = True

    def head(self, outputs: int) -> nn.Module:
        """Two layers, the inner one twice as wide."""
        return answer_head(self.pooled_size, 2 * self.pooled_size, outputs)
