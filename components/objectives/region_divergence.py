"""Masked region modelling by divergence from the front end's distribution over classes (ViLBERT)."""

from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome
from components.objectives.regions import asked_regions, asked_states, region_head


class RegionDivergence(Objective):
    """Predict the front end's distribution over classes, background included, for masked regions.

    ViLBERT (Lu et al., 2019, section 2.2): KL(front end || model), summed over classes and averaged over regions as in its
    code.

    Attributes:
        OVER_CLASSES: average over classes too.
        NORMED: the head normalises before its last layer.
    """

    OVER_CLASSES: ClassVar[bool] = False
    NORMED: ClassVar[bool] = True

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        """Build the head for `model`.

        Raises:
            ValueError: the front end tells no classes apart.
        """
        super().__init__()
        if configuration.object_classes < 2:
            raise ValueError("region_divergence needs a visual front end that knows object_classes")
        self.head = region_head(model, configuration, configuration.object_classes, normed=self.NORMED)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Mean divergence over the regions asked for; zero where there are none.

        Args:
            model: not looked at.
            states: `image` (B, R, D).
            batch: `region_asked` and `region_real` (B, R) bool, `region_classes` (B, R, L).

        Returns:
            The loss, and `accuracy`: the share of regions for which both hold the same class likeliest.
        """
        assert states is not None
        asked = asked_regions(states, batch)
        logits, targets = self.head(asked_states(states, asked)), batch["region_classes"][asked]
        count = max(len(targets), 1)
        loss = self.distance(logits.log_softmax(dim=1), targets) / count
        if self.OVER_CLASSES:
            loss = loss / targets.shape[1]
        return loss, {"accuracy": (logits.detach().argmax(dim=1) == targets.argmax(dim=1)).sum() / count}

    def distance(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """Between log-probabilities (M, L) and probabilities (M, L), in nats, summed over both."""
        return F.kl_div(predicted, targets, reduction="sum")
