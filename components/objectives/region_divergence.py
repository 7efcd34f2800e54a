"""Masked region modelling by divergence from the front end's distribution over classes (ViLBERT, UNITER)."""

from typing import Any

import torch.nn.functional as F

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome
from components.objectives.regions import asked_regions, asked_states, region_head


class RegionDivergence(Objective):
    """Predict the front end's distribution over classes, background included, for masked regions.

    ViLBERT (Lu et al., 2019, section 2.2) and UNITER (Chen et al., 2020, section 3.2, MRC-kl): KL(front end || model).
    Summed over classes and averaged over regions as in ViLBERT's code; UNITER's averages over classes too, which makes
    its loss 1,601 times smaller.
    """

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        """Build the head for `model`.

        Raises:
            ValueError: the front end tells no classes apart.
        """
        super().__init__()
        if configuration.object_classes < 2:
            raise ValueError("region_divergence needs a visual front end that knows object_classes")
        self.head = region_head(model, configuration, configuration.object_classes)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Mean divergence over the regions asked for, in nats; zero where there are none.

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
        loss = F.kl_div(logits.log_softmax(dim=1), targets, reduction="sum") / count
        return loss, {"accuracy": (logits.detach().argmax(dim=1) == targets.argmax(dim=1)).sum() / count}
