"""Image question answering as a pretraining loss (LXMERT)."""

from typing import Any, Self

import torch.nn.functional as F
from torch import nn

from components.models.configuration import ModelConfiguration
from components.models.initialisation import initialised
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome
from components.objectives.regions import NORM_EPSILON


class ImageQuestions(Objective):
    """Where the text of a pair is a question, answer it (Tan and Bansal, 2019, section 3.1.3).

    A head of two layers on the readout, the inner one twice as wide (code: `BertVisualAnswerHead`). A question beside
    another picture, or another text in the question's place, has no answer.

    Args:
        model: offers `pooled_size`.
        answers: how many there are; none where no text of the pairs is a question, which makes the loss zero.
    """

    def __init__(self, model: Any, configuration: ModelConfiguration, answers: int = 0) -> None:
        super().__init__()
        width = model.pooled_size
        self.head = initialised(
            nn.Sequential(
                nn.Linear(width, 2 * width),
                nn.GELU(),
                nn.LayerNorm(2 * width, eps=NORM_EPSILON),
                nn.Linear(2 * width, max(answers, 1)),
            )
        )

    @classmethod
    def for_answers(cls, model: Any, configuration: ModelConfiguration, answers: int) -> Self:
        """One output for each answer."""
        return cls(model, configuration, answers)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Mean cross-entropy over the questions of the batch; zero where there are none.

        Args:
            model: not looked at.
            states: `pooled` (B, P).
            batch: `pair_answers` (B,) int64, -1 where there is none, and `pair_matches` (B,).

        Returns:
            The loss, and the `accuracy`.
        """
        assert states is not None
        asked = (batch["pair_answers"] >= 0) & batch["pair_matches"].bool()
        logits, labels = self.head(states.pooled[asked]), batch["pair_answers"][asked]
        count = max(len(labels), 1)
        loss = F.cross_entropy(logits, labels, reduction="sum") / count
        return loss, {"accuracy": (logits.detach().argmax(dim=1) == labels).sum() / count}
