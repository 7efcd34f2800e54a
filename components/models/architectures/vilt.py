"""ViLT: one vision transformer over words and patches."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.encoders import patch_encoder
from components.models.heads import MATCHING, KeptHead, mlp_head
from components.models.initialisation import initialised
from components.models.passes import Pass, Pretraining
from components.models.states import Batch, States
from components.models.text_embedding import TextEmbedding


class ViLT(Architecture):
    """Vision-and-Language Transformer (Kim et al., ICML 2021; code: dandelin/ViLT).

    A ViT whose layers also read words, text first. The text has BERT's embedding block; the image has the ViT's own patches,
    class token and positions. To each a modality embedding is added. The layers are pre-norm with a final LayerNorm, and the
    readout is a tanh pooler on the text [CLS]. Visual tokens are the patches.

    DEVIATIONS:
        * Square images at one resolution: no padded or sampled patches, no positions interpolated per image.
          (tests/models/test_vilt.py::test_all_patches_of_square_pictures_are_read)
        * The paper starts from a ViT pretrained on ImageNet-21k, here the start is the study's own `patches` component.
          (tests/models/test_architectures.py::test_components_load_strictly_and_keep_their_function)
        * The other side of a mismatched pair comes from the same batch, and is false by all that the data knows; the code
          draws it from all the data.
          (tests/data/test_batches.py::test_torn_pairs_are_false)
        * Pictures are not augmented; the paper's best models are fine-tuned with RandAugment.
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * Questions are answered by one softmax over the answers, as for all architectures; the code takes a binary
          cross-entropy for each answer.
          (tests/tasks/test_tasks.py::test_loss_and_metric)
        * In retrieval a text is compared with three more pictures, and a picture with three more texts, as for all
          architectures; the paper compares a picture with fifteen more texts.
          (tests/tasks/test_retrieval.py::test_pairs_are_scored_within_their_pool)
        * Two pictures of one statement are read in the same way for all architectures; the paper gives the second a
          modality embedding of its own.
          (tests/tasks/test_pair_statements.py::test_both_pictures_are_read_with_the_text)
        * Model and head learn at one rate; in the code the head for answers learns ten times as fast.
          (tests/training/test_module.py::test_one_optimiser_trains_everything_at_one_rate)
        * Fresh weights are drawn by the common initialisation (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    COMPONENTS: ClassVar[dict[str, str]] = {"patches": "vision_transformer"}
    TIED_WORDS: ClassVar[bool] = False
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (
            Pass(losses=(("mlm", 1.0),), words=True, whole_words=True),
            Pass(losses=(("itm", 1.0), ("alignment", 0.1)), mismatched="images"),
        )
    )
    KEEPS: ClassVar[Mapping[str, KeptHead]] = {"retrieval": MATCHING}
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT's embedding block only, from scratch",
        "visual input": "raw patches, linearly projected, with a class token",
        "spatial code": "learned absolute positions of patches",
        "fusion": "single stream, early: all layers read text and image",
        "objectives": "masked language modelling 1.0, image-text matching 1.0, word-patch alignment 0.1",
        "corruption": "whole words masked on matched pairs; images swapped in a second, unmasked forward",
        "readout": "tanh pooler on the text [CLS]; two-layer MLP",
        "norm": "pre-norm",
        "initial scale": "common",
        "start": "vision transformer",
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

    def __init__(self, configuration: ModelConfiguration) -> None:
        super().__init__(configuration)
        self.vision_transformer = patch_encoder(configuration)
        width = self.vision_transformer.width
        self.text_embedding = initialised(
            TextEmbedding(
                configuration.vocabulary_size,
                configuration.max_length,
                width,
                pad_token_id=configuration.pad_token_id,
                dropout=configuration.dropout,
            )
        )
        self.modalities = initialised(nn.Embedding(2, width))  # row 0: text, row 1: image
        self.pooler = initialised(nn.Linear(width, width))
        self.pooled_size = width

    def encode(self, batch: Batch) -> States:
        """Read text and image jointly; see `Architecture.encode`."""
        attention_mask = batch["attention_mask"]
        text = self.text_embedding(batch["input_ids"]) + self.modalities.weight[0]
        image = self.vision_transformer.embed(batch["pixels"]) + self.modalities.weight[1]
        real = torch.cat([attention_mask.bool(), attention_mask.new_ones(image.shape[:2], dtype=torch.bool)], dim=1)
        joint = self.vision_transformer.transformer(torch.cat([text, image], dim=1), real)
        joint = self.vision_transformer.norm(joint)
        text, _, image = joint.split([text.shape[1], 1, image.shape[1] - 1], dim=1)
        return States(text=text, image=image, pooled=torch.tanh(self.pooler(joint[:, 0])))

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings. The masked language modelling head has an output layer of its own, as in the code."""
        return self.text_embedding.words

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP whose hidden layer is twice as wide as its input: 1,536 at base size."""
        return mlp_head(self.pooled_size, 2 * self.pooled_size, outputs)
