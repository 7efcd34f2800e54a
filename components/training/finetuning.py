"""What fine-tuning trains: a model with the head of one task. A batch goes in, a loss and figures come out."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from components.models.pixels import PixelScaling
from components.tasks.task import Task

Batch = Mapping[str, Tensor]


class FinetuningNetwork(nn.Module):
    """A model with the head of one task."""

    model: Any

    def __init__(self, model: nn.Module, scaling: PixelScaling, head: nn.Module, task: Task) -> None:
        super().__init__()
        self.model = model
        self.scaling = scaling
        self.head = head
        self.task = task

    def logits(self, batch: Batch) -> Tensor:
        """Scores of the answers: (B, C)."""
        states = self.model.encode(scaled(batch, self.scaling))
        return self.head(states.pooled)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the share of the batch answered correctly."""
        logits = self.logits(batch)
        correct = self.task.correct(logits.detach(), batch["targets"])
        return self.task.loss(logits, batch["targets"]), {self.task.metric: correct.mean()}
