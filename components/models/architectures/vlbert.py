"""VL-BERT: words that see, and regions that are words."""

from typing import ClassVar

from torch import Tensor, nn

from components.models.family import Design, FusionArchitecture, answer_head, state_before_last
from components.models.passes import Pass, Pretraining, RegionMasking
from components.models.states import Batch, States
from components.models.visual_embedding import VLBERTEmbedding


class VLBERT(FusionArchitecture):
    """VL-BERT (Su et al., ICLR 2020; code: jackroos/VL-BERT).

    BERT over text and regions as one sequence, text first. Every token has a word ([IMG] for regions) and something it
    sees (for words the whole picture), besides segment and position; all regions have one position. What is seen are
    features beside sines of the box. The first region is the whole picture. Questions are answered from the state before
    the closing [SEP], everything else from BERT's pooler on [CLS].

    DEVIATIONS:
        * Questions are answered from their last word; the paper asks for a [MASK] in the answer's place.
        * The whole picture has the mean features of its regions; the paper pools its feature map.
        * No [END] token behind the regions.
        * The normalisations of what is seen begin at one, as the common initialisation asks; in the code at zero.
        * Masked regions are asked for the class that the front end finds likeliest, weighted by how sure it is; the code
          asks for its probabilities of all classes.
        * Image-text pairs alone: no batches of text, and a frozen front end of the study in place of a Faster R-CNN that
          may be trained.
        * Tied vocabulary logits are scaled as the common initialisation asks (components/models/initialisation.py).
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=VLBERTEmbedding, picture_first=True)
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (Pass(losses=(("mlm", 1.0), ("region_classes", 1.0)), words=True, regions=RegionMasking(zeroed=0.9)),)
    )
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "features of regions, behind their mean, which every word sees too",
        "spatial code": "sines of the box beside the features",
        "fusion": "single stream, early: BERT reads regions behind the text",
        "objectives": "masked language modelling 1.0, classes of masked regions 1.0; no matching",
        "corruption": "words and regions masked (0.9 replaced by learned features), in one forward",
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
        """For questions the state before the closing [SEP]; see `Architecture.readout`."""
        return state_before_last(states, batch) if kind == "vqa" else states.pooled
