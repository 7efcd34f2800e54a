"""VisualBERT: BERT over words and regions."""

from typing import ClassVar

from torch import Tensor, nn

from components.models.family import Design, FusionArchitecture, state_before_last
from components.models.heads import linear_head
from components.models.passes import Pass, Pretraining
from components.models.states import Batch, States
from components.models.visual_embedding import VisualBERTEmbedding


class VisualBERT(FusionArchitecture):
    """VisualBERT (Li et al., 2019; code: uclanlp/visualbert; reference: `VisualBertModel`).

    BERT reads text and regions as one sequence, text first. A region is embedded as its projected features plus a visual type
    and the visual position 0, under BERT's own LayerNorm; its box is not used. Questions are answered from the state before
    the closing [SEP], all other tasks from BERT's pooler on [CLS], each with one linear layer.

    DEVIATIONS:
        * Questions are answered from the state of their last word; the paper appends a [MASK] and reads its state.
        * In pretraining a picture is read with one caption, its own or (half of the time) another's. The paper reads two:
          the first is always its own, and matching is predicted for the second.
        * No second pretraining on the task's own data.
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of COCO.
        * Tied vocabulary logits are scaled by the common initialisation (components/models/initialisation.py).
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=VisualBERTEmbedding)
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (Pass(losses=(("mlm", 1.0), ("itm", 1.0)), words=True, mismatched="texts"),)
    )
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "features of regions",
        "spatial code": "none: visual position 0 for every region",
        "fusion": "single stream, early: BERT reads regions behind the text",
        "objectives": "masked language modelling 1.0, image-text matching 1.0",
        "corruption": "words masked, texts swapped, in one forward; masked words of swapped texts are predicted too",
        "readout": "state before the closing [SEP] (questions) or BERT's pooler on [CLS]; linear",
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
        """One linear layer."""
        return linear_head(self.pooled_size, outputs)

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        """The state before the closing [SEP] for questions, otherwise the pooler; see `Architecture.readout`."""
        return state_before_last(states, batch) if kind == "vqa" else states.pooled
