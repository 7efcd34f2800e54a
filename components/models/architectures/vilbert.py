"""ViLBERT: a text stream and an image stream connected by co-attention."""

from typing import ClassVar

from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from components.models.family import Design, FusionArchitecture
from components.models.initialisation import initialised
from components.models.passes import Pass, Pretraining, RegionMasking
from components.models.visual_embedding import ViLBERTEmbedding


class ViLBERT(FusionArchitecture):
    """Vision-and-Language BERT (Lu et al., NeurIPS 2019; code: jiasenlu/vilbert_beta).

    BERT's lower half reads the text alone. After it, co-attention layers, in which each modality attends to the other and
    not to itself, alternate with a layer of BERT and an image layer. A region is embedded as LN(linear features + linear
    box); the first visual token is the whole picture. The readout is the product of two poolers (linear layer with ReLU),
    one on the state of the whole picture and one on [CLS].

    DEVIATIONS:
        * At base size (width 768) the image side and co-attention are 1,024 wide with 8 heads and a feed-forward of
          1,024, as in the paper. At any other size both sides have the study's width, heads and feed-forward, and the
          readout has that width too.
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of Conceptual Captions.
        * Masked regions are drawn in the same way for all architectures. Regions that overlap a masked one stay visible, as
          in the reference code.
        * Dropout has the study's rate everywhere. In the code it is 0.5 between the two layers of the answer head, and 0.1 on the
          readout before every head, which has none here.
        * Tied vocabulary logits are scaled by the common initialisation (components/models/initialisation.py).
    """

    DESIGN: ClassVar[Design] = Design(
        fusion="vilbert", embedding=ViLBERTEmbedding, readout="product", picture_first=True, wide_image=True
    )
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (
            Pass(
                losses=(("mlm", 1.0), ("region_divergence", 1.0), ("itm", 1.0)),
                words=True,
                regions=RegionMasking(zeroed=0.9),
                mismatched="texts",
            ),
        )
    )
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "features of regions, behind their mean",
        "spatial code": "five numbers of the box, summed with the features",
        "fusion": "dual stream: co-attention between the upper half of BERT's layers and image layers",
        "objectives": "masked language modelling 1.0, divergence from the classes of masked regions 1.0, "
        "image-text matching 1.0",
        "corruption": "words and regions masked (0.9 zeroed), texts swapped, in one forward; what is masked of swapped "
        "pairs is predicted too",
        "readout": "ReLU poolers on [CLS] and on the whole picture, multiplied; two-layer MLP with weight normalisation",
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
        """Two weight-normalised layers, the hidden one twice as wide as the input (vilbert_beta, `SimpleClassifier`)."""
        first, second = nn.Linear(self.pooled_size, 2 * self.pooled_size), nn.Linear(2 * self.pooled_size, outputs)
        mlp = initialised(nn.Sequential(first, nn.ReLU(), nn.Dropout(self.dropout_rate), second))
        for layer in (first, second):
            weight_norm(layer, dim=None)  # type: ignore[arg-type]  # None: one norm for the whole matrix
        return mlp
