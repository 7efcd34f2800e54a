"""From a batch as the stream hands it over to one that models read: pixels scaled, regions found."""

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from components.models.pixels import PixelScaling

Batch = Mapping[str, Tensor]

PICTURES = {"": "pixels", "_second": "pixels_second"}
"""What the names of everything about a picture end in, and its pixels."""


class WithFrontEnd(nn.Module):
    """A network with a frozen front end that looks at the pictures for it, or none.

    The front end never trains: whatever is done with the network, its running statistics stay.
    """

    front: nn.Module | None

    def train(self, mode: bool = True) -> Self:
        """As every module's, but that the front end stays in evaluation mode."""
        super().train(mode)
        if self.front is not None:
            self.front.eval()
        return self


def looked_at(batch: Batch, scaling: PixelScaling, front: Any) -> dict[str, Tensor]:
    """The batch with its pictures as models take them.

    Where an arm has a front end, models read regions and no pixels. A training stream carries what the front end saw,
    computed once for all; elsewhere (a served model) the front end looks now, without gradients.

    Args:
        front: a module that offers `regions`; None where the arm has none.
    """
    if front is None:
        return {name: scaling(tensor) if name in PICTURES.values() else tensor for name, tensor in batch.items()}
    ready = {name: tensor for name, tensor in batch.items() if name not in PICTURES.values()}
    for suffix, pixels in PICTURES.items():
        if pixels in batch and f"region_features{suffix}" not in ready:
            with torch.no_grad():
                regions = front.regions(scaling(batch[pixels]))
            ready |= {f"region_{name}{suffix}": tensor for name, tensor in regions._asdict().items()}
    return ready
