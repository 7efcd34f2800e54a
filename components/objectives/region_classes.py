"""Detected-label classification: of which class is a masked object? (LXMERT)"""

from typing import Any, ClassVar

import torch.nn.functional as F

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome
from components.objectives.regions import asked_regions, asked_states, region_head


class RegionClasses(Objective):
    """Name the object in a masked region as the front end does (Tan and Bansal, 2019, section 3.1.2).

    The label is the class that the front end holds likeliest, background aside, and the loss of a region is weighted by
    how sure the front end is of it. The public code asks for the labels of all objects, masked or not, at 1/0.15 times the
    weight; here, as in the paper, only those of the masked ones are asked for.

    Attributes:
        KEY: the batch's probabilities over kinds, "none of them" last.
        KINDS: the configuration's number of them.
    """

    KEY: ClassVar[str] = "region_classes"
    KINDS: ClassVar[str] = "object_classes"

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        """Build the head for `model`.

        Raises:
            ValueError: the front end tells no kinds apart.
        """
        super().__init__()
        kinds = getattr(configuration, self.KINDS)
        if kinds < 2:
            raise ValueError(f"{self.KEY} needs a visual front end that knows {self.KINDS}")
        self.head = region_head(model, configuration, kinds - 1)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Weighted cross-entropy, divided by how many regions are asked for; zero where there are none.

        Args:
            model: not looked at.
            states: `image` (B, R, D).
            batch: `region_asked` and `region_real` (B, R) bool, `region_classes` (B, R, L).

        Returns:
            The loss, and `accuracy`: the share of regions, unweighted, that are named as the front end names them.
        """
        assert states is not None
        asked = asked_regions(states, batch)
        logits = self.head(asked_states(states, asked))
        confidence, labels = batch[self.KEY][asked][:, :-1].max(dim=1)
        count = max(len(labels), 1)
        loss = (confidence * F.cross_entropy(logits, labels, reduction="none")).sum() / count
        return loss, {"accuracy": (logits.detach().argmax(dim=1) == labels).sum() / count}
