"""Masked region feature regression (UNITER)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from components.models.configuration import ModelConfiguration
from components.models.initialisation import initialised
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome
from components.objectives.regions import asked_regions, asked_states, image_width, transform


class RegionFeatures(Objective):
    """Regress the features of masked regions (Chen et al., 2020, section 3.2, MRFR; code: ChenRocks/UNITER).

    Linear, GELU, LayerNorm; then the transpose of the very layer through which features enter the model, where the
    model offers it as `region_projection` (linear, F to D), and a linear layer of its own elsewhere. The squared error
    is averaged over features and regions as in the code; the paper writes a sum.
    """

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        """Build the head for `model`.

        Raises:
            ValueError: the configuration knows no regions.
        """
        super().__init__()
        if configuration.region_features < 1:
            raise ValueError("region_features needs a visual front end that gives features of regions")
        width = image_width(model, configuration)
        self.transform = initialised(transform(width))
        own = None if hasattr(model, "region_projection") else nn.Linear(width, configuration.region_features)
        self.weight = None if own is None else initialised(own).weight
        self.bias = nn.Parameter(torch.zeros(configuration.region_features))

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Mean squared error over the features of the regions asked for; zero where there are none.

        Args:
            model: the one that the head was built for.
            states: `image` (B, R, D).
            batch: `region_asked` and `region_real` (B, R) bool, `region_targets` (B, R, F).
        """
        assert states is not None
        asked = asked_regions(states, batch)
        hidden = self.transform(asked_states(states, asked))
        weight = model.region_projection.weight.T if self.weight is None else self.weight
        predicted, targets = F.linear(hidden, weight, self.bias), batch["region_targets"][asked]
        return F.mse_loss(predicted, targets, reduction="sum") / max(targets.numel(), 1), {}
