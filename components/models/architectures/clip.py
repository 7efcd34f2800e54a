"""CLIP: an image tower and a text tower that meet in one embedding space."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.encoders import patch_encoder
from components.models.heads import mlp_head
from components.models.initialisation import initialised
from components.models.passes import Pass, Pretraining
from components.models.states import Batch, States
from components.models.transformer import Transformer
from components.models.vision_transformer import without_patch_bias

NORM_EPSILON = 1e-5


class CausalTextEncoder(nn.Module):
    """CLIP's text tower: words and positions through a causal pre-norm transformer, and a final LayerNorm."""

    def __init__(self, configuration: ModelConfiguration) -> None:
        super().__init__()
        self.words = nn.Embedding(configuration.vocabulary_size, configuration.width)
        self.positions = nn.Embedding(configuration.max_length, configuration.width)
        self.transformer = Transformer(
            configuration.width,
            configuration.layers,
            configuration.heads,
            configuration.feed_forward,
            dropout=configuration.dropout,
            activation="quick_gelu",
            norm_epsilon=NORM_EPSILON,
        )
        self.norm = nn.LayerNorm(configuration.width, eps=NORM_EPSILON)

    def forward(self, input_ids: Tensor) -> Tensor:
        """(B, T) to (B, T, D). Padding comes last and attention is causal, so no mask is needed."""
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        embedded = self.words(input_ids) + self.positions(places)
        return self.norm(self.transformer(embedded, causal=True))


class CLIP(Architecture):
    """Contrastive Language-Image Pre-training (Radford et al., ICML 2021; reference: `CLIPModel`).

    Image tower: a ViT without bias in its patch projection, with a LayerNorm before its layers and one on the class token
    after them. Text tower: causal, read at the end-of-text token (here the last token, [SEP]). Linear projections lead into
    the shared space; the learned temperature is clamped at 100 by the contrastive objective. For downstream tasks an MLP
    reads both vectors concatenated, as FLAVA's authors do. These are the projected vectors before normalisation, because
    their entries have the size that a linear layer expects. Visual tokens are the class token and the patches, before the
    final LayerNorm.

    DEVIATIONS:
        * The paper trains both towers from scratch. The `unimodal` start takes the study's vision transformer, which was
          trained with GELU and without LayerNorm before its layers.
          (tests/models/test_clip.py::test_it_takes_a_vision_transformer_of_another_form)
        * The study's tokenizer and vocabulary, [CLS] first, instead of 49,408 byte pairs.
          (tests/data/test_tokenizer.py::test_the_vocabulary_is_of_the_studys_texts_and_knows_no_case)
        * Both towers have the study's width unless `text` says otherwise; the paper's text tower is narrower.
          (tests/models/test_clip.py::test_both_towers_are_of_one_width)
        * Other true pairs of a batch are masked out of the loss, where the data tells which they are.
          (tests/objectives/test_objectives.py::test_contrastive_equals_the_formula_with_false_negatives_left_out)
        * Dropout has the study's rate; the paper has none.
          (tests/models/test_clip.py::test_dropout_has_the_studys_rate)
        * Tasks fine-tune a two-layer MLP on both vectors, as FLAVA's authors do; the paper asks by prompts or trains a
          linear layer.
          (tests/models/test_clip.py::test_tasks_read_both_vectors_by_two_layers)
        * Retrieval fine-tunes the similarities, at most four candidates at a time; the paper ranks by them as they were
          pretrained.
          (tests/tasks/test_retrieval.py::test_pairs_are_scored_within_their_pool)
        * Pictures are not cropped at random.
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * Fresh weights are drawn by the common initialisation (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    COMPONENTS: ClassVar[dict[str, str]] = {"patches": "image_encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining((Pass(losses=(("contrastive", 1.0),)),))
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "causal transformer, from scratch",
        "visual input": "raw patches, linearly projected, with a class token",
        "spatial code": "learned absolute positions of patches",
        "fusion": "none before the readout: two towers",
        "objectives": "symmetric contrastive loss 1.0",
        "corruption": "none",
        "readout": "both projected vectors concatenated; two-layer MLP",
        "norm": "pre-norm, LayerNorm before the image layers",
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

    def __init__(self, configuration: ModelConfiguration, text: ModelConfiguration | None = None) -> None:
        """Build both towers.

        Args:
            configuration: sizes of the image tower and of the shared space.
            text: sizes of the text tower if they differ, as in the paper (width 512 instead of 768).
        """
        super().__init__(configuration)
        text = text or configuration
        self.image_encoder = patch_encoder(
            configuration, activation="quick_gelu", norm_epsilon=NORM_EPSILON, patch_bias=False
        )
        width = self.image_encoder.width
        self.image_embedding_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.image_projection = initialised(nn.Linear(width, configuration.projection, bias=False))
        self.text_encoder = initialised(CausalTextEncoder(text))
        self.text_projection = initialised(nn.Linear(text.width, configuration.projection, bias=False))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.pooled_size = 2 * configuration.projection

    def encode(self, batch: Batch) -> States:
        """Read picture and text, each with its own tower; see `Architecture.encode`."""
        image, image_vector = self._read_image(batch["pixels"])
        text, text_vector = self._read_text(batch["input_ids"], batch["attention_mask"])
        return States(text=text, image=image[:, 1:], pooled=torch.cat([image_vector, text_vector], dim=1))

    def embed_image(self, pixels: Tensor) -> Tensor:
        """(B, 3, height, width) to unit vectors (B, E)."""
        return F.normalize(self._read_image(pixels)[1], dim=1)

    def embed_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, T) to unit vectors (B, E)."""
        return F.normalize(self._read_text(input_ids, attention_mask)[1], dim=1)

    def _read_image(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, V, D) and projected vectors (B, E)."""
        embedded = self.image_embedding_norm(self.image_encoder.embed(pixels))
        states = self.image_encoder.transformer(embedded)
        return states, self.image_projection(self.image_encoder.norm(states[:, 0]))

    def _read_text(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, T, D) and projected vectors (B, E)."""
        states = self.text_encoder(input_ids)
        last = attention_mask.sum(dim=1).long() - 1
        rows = torch.arange(len(states), device=states.device)
        return states, self.text_projection(states[rows, last])

    def adapt_component(self, name: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Fold the patch projection's bias, which CLIP does not have, into the positions."""
        if self.image_encoder.patch_projection.bias is None and "patch_projection.bias" in weights:
            return without_patch_bias(weights)
        return weights

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP, as FLAVA's authors fine-tune CLIP."""
        return mlp_head(self.pooled_size, self.pooled_size, outputs)
