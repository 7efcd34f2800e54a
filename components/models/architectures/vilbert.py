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
        * At base size (width 768) the image side and co-attention are 1,024 wide with 8 heads and a feed-forward of 1,024,
          as in the paper. At any other size both sides have the study's width, heads and feed-forward, and the readout has
          that width too.
          (tests/models/test_family.py::test_vilbert_is_wider_on_its_image_side_at_base_size_only)
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of Conceptual Captions.
          (tests/training/test_model_inputs.py::test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks)
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * The other side of a mismatched pair comes from the same batch, and is false by all that the data knows; the code
          draws it from all the data.
          (tests/data/test_batches.py::test_torn_pairs_are_false)
        * Dropout has the study's rate everywhere. In the code it is 0.5 between the two layers of the answer head, and 0.1
          on the readout, and on the states of regions, before every head, which have none here.
          (tests/parity/test_parity_original_vilbert.py::test_no_dropout_in_heads_beyond_the_original)
        * Questions are answered by one softmax over the answers, as for all architectures; the code takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * In retrieval a text is compared with three more pictures, and a picture with three more texts, as for all
          architectures. In the code one softmax has two wrong texts, one of them mined, and a wrong picture.
          (tests/tasks/test_retrieval.py::test_pairs_are_scored_within_their_pool)
        * Grounding takes a softmax over the regions, as for all architectures. In the code the whole picture may be chosen
          too, and each region has a binary cross-entropy against its overlap.
          (tests/tasks/test_grounding.py::test_regions_alone_are_pointed_at_by_one_layer)
          (tests/tasks/test_grounding.py::test_loss_and_measure)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
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
