"""The image-only baseline, which does not read the text."""

from typing import ClassVar

from torch import nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.encoders import grid_channels, grid_encoder, grid_features
from components.models.heads import mlp_head, pool_grid
from components.models.passes import Pretraining
from components.models.states import Batch, States


class ImageOnly(Architecture):
    """A ResNet on the picture alone. It shows how much the picture tells without the text.

    Visual tokens are the cells of the grid, row by row.

    DEVIATIONS: none; it follows no paper.
    """

    COMPONENTS: ClassVar[dict[str, str]] = {"grid": "image_encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining()
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "none",
        "visual input": "grid of a ResNet",
        "spatial code": "none after the convolutions",
        "fusion": "none",
        "objectives": "none between unimodal pretraining and the task",
        "corruption": "none",
        "readout": "mean and maximum over the grid; two-layer MLP",
        "norm": "batch norm",
        "initial scale": "common",
        "start": "grid encoder",
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
        self.image_encoder = grid_encoder(configuration)
        self.hidden_size = 2 * configuration.width
        self.pooled_size = 2 * grid_channels(self.image_encoder)

    def encode(self, batch: Batch) -> States:
        """Read the picture only; see `Architecture.encode`."""
        grid = grid_features(self.image_encoder, batch["pixels"])
        return States(text=None, image=grid.flatten(2).transpose(1, 2), pooled=pool_grid(grid))

    def head(self, outputs: int) -> nn.Module:
        """A two-layer MLP."""
        return mlp_head(self.pooled_size, self.hidden_size, outputs)
