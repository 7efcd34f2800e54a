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
        * Of a text none of whose words is drawn, and of a picture none of whose regions is drawn, none is masked; the code
          then masks one.
        * Mismatched pairs get another picture, as in the code; the paper says picture or text.
        * Tasks are drawn in the ratios for COCO and Visual Genome (2:2:1:1).
        * The study's tokenizer in place of BERT's cased one, its front end in place of a Faster R-CNN, its pretraining
          pairs in place of COCO, Visual Genome, Conceptual Captions and SBU.
        * Two pictures of one statement are read in the same way for all architectures; the paper adds attention between them.
        * Tied vocabulary logits are scaled by the common initialisation (components/models/initialisation.py).
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
