"""What pretraining trains: a model under its objectives. A batch goes in, a loss and figures come out."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from components.models.pixels import PixelScaling

Batch = Mapping[str, Tensor]


def scaled(batch: Batch, scaling: PixelScaling) -> dict[str, Tensor]:
    """The batch with its pictures as models take them."""
    return {name: scaling(tensor) if name == "pixels" else tensor for name, tensor in batch.items()}


class PretrainingNetwork(nn.Module):
    """A model under a weighted sum of objectives, all computed on the same batch."""

    model: Any

    def __init__(
        self, model: nn.Module, scaling: PixelScaling, objectives: Sequence[tuple[str, float, nn.Module]]
    ) -> None:
        super().__init__()
        self.model = model
        self.scaling = scaling
        self.objectives = nn.ModuleDict({name: objective for name, _, objective in objectives})
        self._weights = {name: weight for name, weight, _ in objectives}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the metrics of every objective, prefixed by its name."""
        ready = scaled(batch, self.scaling)
        losses, metrics = [], {}
        for name, weight in self._weights.items():
            loss, values = self.objectives[name](self.model, ready)
            losses.append(weight * loss)
            metrics[f"{name}/loss"] = loss.detach()
            metrics |= {f"{name}/{key}": value for key, value in values.items()}
        return torch.stack(losses).sum(), metrics
