"""What fine-tuning trains: a model with the head of one task. A batch goes in, a loss and figures come out."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from components.data.task_batches import Needs
from components.models.pixels import PixelScaling
from components.tasks import TASKS
from components.tasks.task import Task
from components.training.model_inputs import WithFrontEnd, looked_at

Batch = Mapping[str, Tensor]


def needs_of(task: Task) -> Needs:
    """What a task's batches have to carry."""
    return Needs(task.boxes, task.second_picture, task.pool, task.distractors)


class FinetuningNetwork(WithFrontEnd):
    """A model with the head of one task, and the frozen front end that looks at the pictures for it, if it has one.

    The whole of it is what is saved: pictures and texts in, scores out.
    """

    model: Any

    def __init__(
        self, model: nn.Module, scaling: PixelScaling, head: nn.Module, task: Task, front: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.scaling = scaling
        self.head = head
        self.task = task
        self.front = front

    def scores(self, batch: Batch) -> Tensor:
        """Scores of the candidates: (B, C), or (B, Q, C) where a task asks Q things of every sample."""
        return self.task.scores(self.model, self.head, looked_at(batch, self.scaling, self.front))

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and the share of the batch that is right."""
        scores = self.scores(batch)
        correct = self.task.correct(scores.detach(), batch)
        return self.task.loss(scores, batch), {TASKS[self.task.kind].metric.name: correct.mean()}
