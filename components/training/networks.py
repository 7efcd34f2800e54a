"""What is trained: a model with its objectives, or a model with a task's head. Both map a batch to a loss."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

Batch = Mapping[str, Tensor]


class Trainable(Protocol):
    """What the training module needs: a batch in, a loss and detached metrics out."""

    def __call__(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]: ...


def prepare_pixels(pixels: Tensor) -> Tensor:
    """Uint8 (B, H, W, 3) in [0, 255] to float (B, 3, H, W) in [-1, 1]."""
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def prepared(batch: Batch) -> dict[str, Tensor]:
    """The batch with its pictures as models take them."""
    ready = dict(batch)
    if "pixels" in ready:
        ready["pixels"] = prepare_pixels(ready["pixels"])
    return ready


class PretrainingNetwork(nn.Module):
    """A model under a weighted sum of objectives, all computed on the same batch."""

    def __init__(self, model: nn.Module, objectives: Sequence[tuple[str, float, nn.Module]]) -> None:
        super().__init__()
        self.model = model
        self.objectives = nn.ModuleDict({name: objective for name, _, objective in objectives})
        self._weights = {name: weight for name, weight, _ in objectives}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the metrics of every objective, prefixed by its name."""
        ready = prepared(batch)
        losses, metrics = [], {}
        for name, weight in self._weights.items():
            loss, values = self.objectives[name](self.model, ready)
            losses.append(weight * loss)
            metrics[f"{name}/loss"] = loss.detach()
            metrics |= {f"{name}/{key}": value for key, value in values.items()}
        return torch.stack(losses).sum(), metrics


class FinetuningNetwork(nn.Module):
    """A model with the head of one task."""

    def __init__(self, model: nn.Module, head: nn.Module, task: "TaskLoss") -> None:
        super().__init__()
        self.model = model
        self.head = head
        self.task = task

    def logits(self, batch: Batch) -> Tensor:
        """Scores of the answers: (B, C)."""
        ready = prepared(batch)
        states = self.model.encode(ready["pixels"], ready["input_ids"], ready["attention_mask"])
        return self.head(states.pooled)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the share of the batch answered correctly."""
        logits = self.logits(batch)
        correct = self.task.correct(logits.detach(), batch["targets"])
        return self.task.loss(logits, batch["targets"]), {self.task.metric: correct.mean()}


class TaskLoss(Protocol):
    """What the fine-tuning network needs of a task."""

    metric: str

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor: ...

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor: ...
