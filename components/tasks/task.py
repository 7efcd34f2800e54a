"""What a downstream task is: a head, scores of candidates, a loss to fine-tune with and a way to be right.

Shapes: B batch, C candidates (answers, regions, the pictures of a pool), V visual tokens, D width, P readout width.
"""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.states import Batch

NO_TARGET = -1
"""The target of a sample whose answer is unknown, or is none of the C answers."""


class Task:
    """One right answer among C, read off one picture and one text.

    Attributes:
        metric: the name of the mean of `correct`.
        kind: as studies name it; architectures may read out differently for it.
    """

    metric: ClassVar[str] = "accuracy"
    kind: ClassVar[str]

    def able(self, model: Architecture) -> bool:
        """Whether an architecture can do the task at all."""
        return True

    def head(self, model: Architecture, answers: int) -> nn.Module:
        """A fresh head."""
        return model.head(answers)

    def scores(self, model: Architecture, head: nn.Module, batch: Batch) -> Tensor:
        """Scores of the candidates, (B, C); minus infinity where there is none."""
        return head(model.readout(model.encode(batch), batch, self.kind))

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy of (B, C) against `targets` (B,). Samples without a target do not count."""
        targets = batch["targets"]
        count = (targets != NO_TARGET).sum().clamp(min=1)
        return F.cross_entropy(scores, targets.long(), ignore_index=NO_TARGET, reduction="sum") / count

    def correct(self, scores: Tensor, batch: Batch) -> Tensor:
        """How right each prediction is, 0.0 to 1.0: (B, C) to (B,). Without a target nothing is right."""
        return (scores.argmax(dim=-1) == batch["targets"]).float()
