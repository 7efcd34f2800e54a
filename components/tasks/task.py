"""What a downstream task is: a loss to fine-tune with and a way to be right. Shapes: B batch, C answers."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

NO_TARGET = -1
"""The target of a sample whose answer is unknown, or is none of the C answers."""


class Task:
    """One right answer among C.

    Attributes:
        metric: the name of the mean of `correct`.
    """

    metric: ClassVar[str] = "accuracy"

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy: (B, C) and (B,) to a scalar. Samples without a target do not count."""
        count = (targets != NO_TARGET).sum().clamp(min=1)
        return F.cross_entropy(logits, targets.long(), ignore_index=NO_TARGET, reduction="sum") / count

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How right each prediction is, 0.0 to 1.0: (B, C) and (B,) to (B,). Without a target nothing is right."""
        return (logits.argmax(dim=-1) == targets).float()
