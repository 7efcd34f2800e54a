"""What a downstream task is: a head, scores of candidates, a loss to fine-tune with and a way to be right.

What is known of a kind without torch (what it needs of an architecture, its metric, its floors), its row says.

Shapes: B batch, C candidates (answers, regions, the pictures of a pool), V visual tokens, D width, P readout width.
Which architecture can do which task, `components.study.capabilities` says.
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
        kind: as studies name it; architectures may read out differently for it.
        questions: names of the several things that are asked of every sample, which are predicted, and scored, apart;
            none where one thing is asked. With Q of them scores are (B, Q, C), and `correct` gives (B, Q).
        pool: how many samples in a row belong together and are handed over together.
        distractors: how many others of the pool each sample is compared with in training (`distractors` in the batch).
        boxes: it reads `target_boxes` (B, 4): where the object is that a sample asks for, as `region_boxes`.
        second_picture: it reads a second picture for every text, under the same names with the suffix `_second`.
    """

    kind: ClassVar[str]
    questions: ClassVar[tuple[str, ...]] = ()
    pool: ClassVar[int] = 1
    distractors: ClassVar[int] = 0
    boxes: ClassVar[bool] = False
    second_picture: ClassVar[bool] = False

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
        """How right each prediction is, 0.0 or 1.0 here: (B, C) to (B,). Without a target nothing is right."""
        return (scores.argmax(dim=-1) == batch["targets"]).float()
