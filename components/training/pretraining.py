"""What pretraining trains: a model under its objectives. A batch goes in, a loss and figures come out."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from components.models.passes import Pass, Pretraining
from components.models.pixels import PixelScaling
from components.models.states import Batch
from components.objectives.inputs import as_seen
from components.objectives.objective import Objective
from components.training.model_inputs import WithFrontEnd, looked_at


class PretrainingNetwork(WithFrontEnd):
    """A model in the forward passes of its pretraining, each under a weighted sum of objectives.

    All passes of a batch are run and summed, or one of them, by the batch's own draw: the same one in every process and
    every step of an accumulation.

    Args:
        model: an arm, or a text encoder.
        objectives: those that the passes name; two passes with the same objective share it.
        front: the frozen front end that looks at the pictures, where batches do not carry what it saw.

    Raises:
        ValueError: there is no pass, or objectives are not those that the passes name.
    """

    model: Any

    def __init__(
        self,
        model: nn.Module,
        scaling: PixelScaling,
        pretraining: Pretraining,
        objectives: Mapping[str, Objective],
        front: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if not pretraining.passes:
            raise ValueError("there is nothing to pretrain: no pass is given")
        if set(objectives) != set(pretraining.losses):
            raise ValueError(f"the passes need the objectives {sorted(pretraining.losses)}, not {sorted(objectives)}")
        self.model = model
        self.scaling = scaling
        self.pretraining = pretraining
        self.objectives = nn.ModuleDict(objectives)
        self.front = None if front is None else front.requires_grad_(False)
        # A text encoder is run by its objective.
        self._encoded = {
            name for name, objective in objectives.items() if objective.READS_STATES and hasattr(model, "encode")
        }
        self._edges = list(accumulate(one_pass.ratio for one_pass in pretraining.passes))

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the metrics of every objective that was computed, prefixed by its name.

        An objective that several passes have reports the mean over them.
        """
        ready = looked_at(batch, self.scaling, self.front)
        losses: list[Tensor] = []
        figures: dict[str, list[Tensor]] = {}
        for one_pass in self._passes(ready):
            seen = as_seen(ready, one_pass)
            encoded = any(name in self._encoded for name, _ in one_pass.losses)
            states = self.model.encode(seen) if encoded else None
            for name, weight in one_pass.losses:
                loss, values = self.objectives[name](self.model, states if name in self._encoded else None, seen)
                losses.append(weight * loss)
                for key, value in {"loss": loss.detach(), **values}.items():
                    figures.setdefault(f"{name}/{key}", []).append(value)
        metrics = {
            key: values[0] if len(values) == 1 else torch.stack(values).mean() for key, values in figures.items()
        }
        return torch.stack(losses).sum(), metrics

    def variants(self, batch: Batch) -> list[tuple[float, Batch]]:
        """What a step may be: the probability of each, and the batch with which the network does it."""
        if not self.pretraining.drawn:
            return [(1.0, batch)]
        total = self._edges[-1]
        return [
            (one_pass.ratio / total, {**batch, "pass_draw": torch.tensor([(edge - one_pass.ratio / 2) / total])})
            for one_pass, edge in zip(self.pretraining.passes, self._edges, strict=True)
        ]

    def _passes(self, batch: Batch) -> tuple[Pass, ...]:
        """The passes that are run on a batch."""
        passes = self.pretraining.passes
        if not self.pretraining.drawn:
            return passes
        drawn = bisect_right(self._edges, float(batch["pass_draw"]) * self._edges[-1])
        return (passes[min(drawn, len(passes) - 1)],)


class ImagePretrainingNetwork(nn.Module):
    """An image encoder under one objective, which runs it.

    Args:
        name: of the objective, under which its metrics are reported.
        objective: called with the encoder and a batch.
    """

    model: Any

    def __init__(self, model: nn.Module, scaling: PixelScaling, name: str, objective: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.scaling = scaling
        self.name = name
        self.objective = objective

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the metrics of the objective, prefixed by its name."""
        loss, values = self.objective(self.model, looked_at(batch, self.scaling, None))
        return loss, {f"{self.name}/{key}": value for key, value in {"loss": loss.detach(), **values}.items()}
