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
        * Questions are answered from the state of their last word; the paper reads a [MASK] in the answer's place.
        * The whole picture has the mean features of its regions, as the code has it with regions that are computed beforehand;
          the paper pools its feature map.
        * Dropout has the study's rate; the answer head of the code has one more, of 0.1, before its last layer.
        * No [END] token after the regions.
        * The normalisations of the visual part start at one, by the common initialisation; in the code they start at zero.
        * Only image-text pairs: there are no batches of text alone. A frozen front end of the study replaces the Faster
          R-CNN, which may be trained in the paper.
        * Tied vocabulary logits are scaled by the common initialisation (components/models/initialisation.py).
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
