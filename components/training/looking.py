"""From a batch as the stream hands it over to one that models read: pixels scaled, regions found."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from components.models.pixels import PixelScaling

Batch = Mapping[str, Tensor]


def looked_at(batch: Batch, scaling: PixelScaling, front: nn.Module | None) -> dict[str, Tensor]:
    """The batch with its pictures as models take them.

    Where an arm has a front end, models read regions and no pixels. A training stream carries what the front end saw,
    computed once for all; elsewhere (a served model) the front end looks now, without gradients.
    """
    if front is None:
        return {name: scaling(tensor) if name == "pixels" else tensor for name, tensor in batch.items()}
    ready = {name: tensor for name, tensor in batch.items() if name != "pixels"}
    if "region_features" not in ready:
        with torch.no_grad():
            regions = front.regions(scaling(batch["pixels"]))
        ready |= {f"region_{name}": tensor for name, tensor in regions._asdict().items()}
    return ready
