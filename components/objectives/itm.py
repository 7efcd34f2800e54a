"""Image-text matching: does this text belong to this picture?"""

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.heads import linear_head


class ImageTextMatching(nn.Module):
    """Tell pairs from mismatches (ViLT section 3.2): a forward pass of its own, on unmasked text, with images swapped.

    Which texts are shown another picture is decided by the data, which knows what is true of which.
    """

    def __init__(self, model: Architecture, configuration: ModelConfiguration) -> None:
        super().__init__()
        self.head = linear_head(model.pooled_size, 2)

    def forward(self, model: Architecture, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy over the batch.

        Args:
            model: the one that the head was built for.
            batch: `input_ids` and `attention_mask` (B, T), `pixels` (B, 3, height, width), `itm_image_rows` (B,)
                the row of `pixels` shown beside each text, `itm_labels` (B,) 1 where they belong together.

        Returns:
            The loss, and the `accuracy`.
        """
        shown = batch["pixels"][batch["itm_image_rows"]]
        states = model.encode(shown, batch["input_ids"], batch["attention_mask"])
        logits = self.head(states.pooled)
        labels = batch["itm_labels"].long()
        accuracy = (logits.detach().argmax(dim=-1) == labels).float().mean()
        return F.cross_entropy(logits, labels), {"accuracy": accuracy}
