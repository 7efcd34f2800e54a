"""Labels of pictures: the unimodal pretraining of image encoders."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.encoders import EncoderKind, grid_features, output_width
from components.models.heads import linear_head, pool_grid


class ImageLabels(nn.Module):
    """Say which labels hold of a picture, each by itself: one linear layer on a pooled encoder.

    A grid is pooled by mean and maximum; a vision transformer by its class token beside the mean of its patches, so
    that the tokens which architectures read later are all trained. Shapes: B batch, C labels.
    """

    def __init__(self, encoder_kind: EncoderKind, configuration: ModelConfiguration, labels: int) -> None:
        super().__init__()
        self.encoder_kind = encoder_kind
        self.head = linear_head(2 * output_width(encoder_kind, configuration), labels)

    def logits(self, encoder: Any, pixels: Tensor) -> Tensor:
        """(B, 3, height, width) to (B, C)."""
        if self.encoder_kind == "grid":
            return self.head(pool_grid(grid_features(encoder, pixels)))
        states = encoder(pixels)
        return self.head(torch.cat([states[:, 0], states[:, 1:].mean(dim=1)], dim=1))

    def forward(self, encoder: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Binary cross-entropy, summed over labels and averaged over pictures.

        A mean over labels would make gradients so small where there are many labels that AdamW's epsilon holds them up.

        Args:
            encoder: what `grid_encoder` or `patch_encoder` made, as `encoder_kind` says.
            batch: `pixels` (B, 3, height, width) and `labels` (B, C), 1 where a label holds and 0 elsewhere.

        Returns:
            The loss, and `precision`: of the k labels scored highest, k being how many hold of the picture, the share
            that do hold, over the whole batch.
        """
        logits, labels = self.logits(encoder, batch["pixels"]), batch["labels"].float()
        loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(labels)
        ranked = labels.gather(1, logits.detach().argsort(dim=1, descending=True))
        held = labels.sum(dim=1, keepdim=True)
        among_first = torch.arange(labels.shape[1], device=labels.device) < held
        precision = (ranked * among_first).sum() / held.sum().clamp(min=1)
        return loss, {"precision": precision}
