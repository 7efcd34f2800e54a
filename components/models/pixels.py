"""Scale stored pictures to the input of models."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PixelScaling(nn.Module):
    """Standardise each channel by the mean and deviation of the study's training pictures.

    Both are buffers, so they are saved with the weights and a served model scales as the trained one did.

    Args:
        mean: per channel, in units of the stored values 0 to 255.
        deviation: standard deviation per channel, in the same units.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float] = (127.5,) * 3, deviation: Sequence[float] = (127.5,) * 3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float32)[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        """Uint8 (B, H, W, 3) to float (B, 3, H, W)."""
        return (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.deviation
