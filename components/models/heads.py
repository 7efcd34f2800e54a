"""Readouts and task heads shared by several architectures."""

import torch
from torch import Tensor, nn

from components.models.configuration import InitialScale
from components.models.initialisation import initialised


def linear_head(inputs: int, outputs: int, scale: InitialScale = "common") -> nn.Linear:
    """One linear layer (BERT, MMBT): (B, inputs) to (B, outputs)."""
    return initialised(nn.Linear(inputs, outputs), scale)


def mlp_head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """ViLT's two-layer head (linear, LayerNorm, GELU, linear): (B, inputs) to (B, outputs)."""
    return initialised(
        nn.Sequential(nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, outputs))
    )


def pool_grid(grid: Tensor) -> Tensor:
    """The mean and the maximum of every channel over the grid: (B, C, height, width) to (B, 2C).

    The maximum says that something is somewhere, which the mean of a mostly empty picture hardly shows.
    """
    return torch.cat([grid.mean(dim=(2, 3)), grid.amax(dim=(2, 3))], dim=1)
