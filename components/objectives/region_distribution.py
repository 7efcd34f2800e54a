"""Masked region classification with the front end's probabilities as soft labels (VL-BERT)."""

from typing import ClassVar

from torch import Tensor

from components.objectives.region_divergence import RegionDivergence


class RegionDistribution(RegionDivergence):
    """Cross-entropy against the front end's distribution over classes (code: jackroos/VL-BERT, `soft_cross_entropy`).

    The paper (Su et al., 2020, section 3.3) takes the likeliest class. The gradient is that of the divergence. The head has no
    normalisation before its last layer (code: `VisualLinguisticBertMVRCHead`).
    """

    NORMED: ClassVar[bool] = False

    def distance(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of log-probabilities (M, L) under probabilities (M, L), in nats, summed over regions."""
        return -(targets * predicted).sum()
