"""RoI-feature regression with the smooth L1 loss (LXMERT)."""

from typing import Any

import torch.nn.functional as F

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome
from components.objectives.regions import asked_regions, asked_states, region_head


class RegionFeaturesSmooth(Objective):
    """Regress the features of masked objects (Tan and Bansal, 2019, section 3.1.2; code: airsplay/lxmert).

    The code averages over all objects and multiplies by 1/0.15, the share of masked ones: the mean over masked objects
    in expectation, which is what is taken here.
    """

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        """Build the head for `model`.

        Raises:
            ValueError: the configuration knows no regions.
        """
        super().__init__()
        if configuration.region_features < 1:
            raise ValueError("region_features_smooth needs a visual front end that gives features of regions")
        self.head = region_head(model, configuration, configuration.region_features)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Mean over the features of the regions asked for; zero where there are none.

        Args:
            model: not looked at.
            states: `image` (B, R, D).
            batch: `region_asked` and `region_real` (B, R) bool, `region_targets` (B, R, F).
        """
        assert states is not None
        asked = asked_regions(states, batch)
        predicted, targets = self.head(asked_states(states, asked)), batch["region_targets"][asked]
        return F.smooth_l1_loss(predicted, targets, reduction="sum") / max(targets.numel(), 1), {}
