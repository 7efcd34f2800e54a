"""The late-fusion baseline: pooled text and pooled image meet only in the task head."""

from typing import ClassVar

import torch
from torch import nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.encoders import (
    grid_channels,
    grid_encoder,
    grid_features,
    pooled_text,
    text_encoder,
    word_embeddings,
)
from components.models.heads import mlp_head, pool_grid
from components.models.initialisation import initialised
from components.models.passes import Pretraining
from components.models.states import Batch, States


class LateFusion(Architecture):
    """Pooled text, pooled image and their product under an MLP.

    The text vector is BERT's pooler on [CLS]. The image vector is a tanh layer on mean and maximum of a ResNet's grid.
    Visual tokens are the cells of the grid, row by row.

    DEVIATIONS: none; it follows no paper.
    """

    COMPONENTS: ClassVar[dict[str, str]] = {"text": "text_encoder", "grid": "image_encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining()
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "grid of a ResNet",
        "spatial code": "none after the convolutions",
        "fusion": "late: pooled vectors and their product",
        "objectives": "none between unimodal pretraining and the task",
        "corruption": "none",
        "readout": "image vector, text vector and product concatenated; two-layer MLP",
        "norm": "post-norm (text), batch norm (image)",
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

    def __init__(self, configuration: ModelConfiguration) -> None:
        super().__init__(configuration)
        self.text_encoder = text_encoder(configuration)
        self.image_encoder = grid_encoder(configuration)
        width = self.text_encoder.config.hidden_size
        self.image_pooler = initialised(nn.Linear(2 * grid_channels(self.image_encoder), width))
        self.hidden_size = 2 * width
        self.pooled_size = 3 * width

    def encode(self, batch: Batch) -> States:
        """Read picture and text, each with its own encoder; see `Architecture.encode`."""
        grid = grid_features(self.image_encoder, batch["pixels"])
        image = torch.tanh(self.image_pooler(pool_grid(grid)))
        states = self.text_encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        text = pooled_text(states)
        return States(
            text=states.last_hidden_state,
            image=grid.flatten(2).transpose(1, 2),
            pooled=torch.cat([image, text, image * text], dim=1),
        )

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        return word_embeddings(self.text_encoder)

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP."""
        return mlp_head(self.pooled_size, self.hidden_size, outputs)
