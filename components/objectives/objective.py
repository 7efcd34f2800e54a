"""What every pretraining loss on pairs or texts is."""

from typing import Any, ClassVar, Self

from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States

Outcome = tuple[Tensor, dict[str, Tensor]]
"""The loss, a scalar, and detached figures to log."""


class Objective(nn.Module):
    """A loss that holds what only pretraining needs (a head); the model is handed over at every call, never held.

    Built from a model and its configuration: `Objective(model, configuration)`.

    Attributes:
        READS_STATES: computed from `model.encode(batch)`, which one forward pass does once for all of its losses.
            Where it is false the loss runs the model itself and is handed None.
    """

    READS_STATES: ClassVar[bool] = True

    @classmethod
    def for_answers(cls, model: Any, configuration: ModelConfiguration, answers: int) -> Self:
        """Built for data in which some texts are questions.

        Args:
            answers: how many different answers they have; 0 where no text is a question.
        """
        return cls(model, configuration)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """The loss on one batch.

        Args:
            model: the one that the objective was built for.
            states: what it made of the batch.
            batch: as `components.objectives.inputs.as_seen` made it.
        """
        raise NotImplementedError
