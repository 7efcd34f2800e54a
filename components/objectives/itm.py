"""Image-text matching: does this text belong to this picture?"""

import torch.nn.functional as F

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.heads import linear_head
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome


class ImageTextMatching(Objective):
    """Tell pairs from mismatches, by one linear layer on the readout.

    Beside masked words (ViLBERT, LXMERT, Pixel-BERT), or in a pass of its own on unmasked text (UNITER and ViLT, both
    section 3.2). Which pairs are torn apart is decided by the data, which knows what is true
    of which: the other side comes from the same batch, where the codes draw it from all the data.
    """

    def __init__(self, model: Architecture, configuration: ModelConfiguration) -> None:
        super().__init__()
        self.head = linear_head(model.pooled_size, 2, configuration.initial_scale)

    def forward(self, model: Architecture, states: States | None, batch: Batch) -> Outcome:
        """Mean cross-entropy over the batch.

        Args:
            model: not looked at.
            states: `pooled` (B, P).
            batch: `pair_matches` (B,), 1 where picture and text belong together.

        Returns:
            The loss, and the `accuracy`.
        """
        assert states is not None
        logits, labels = self.head(states.pooled), batch["pair_matches"].long()
        accuracy = (logits.detach().argmax(dim=-1) == labels).float().mean()
        return F.cross_entropy(logits, labels), {"accuracy": accuracy}
