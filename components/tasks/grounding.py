"""Which object of the picture does an expression mean?"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.heads import linear_head
from components.models.states import Batch
from components.tasks.task import Task


class Grounding(Task):
    """Point at it: one visual token among V, by one linear layer on the state of each (ViLBERT section 3.2, RefCOCO+).

    A choice is right if the centre of the chosen token's box lies in the object's box: the pointing measure (Zhang et
    al., "Top-down neural attention by excitation backprop", IJCV 2018). ViLBERT and UNITER ask that the chosen region
    overlaps the object by half, intersection over union; a cell or a patch, whose size was fixed before anything was
    drawn, could not do that however well it is chosen. All of them have a centre.

    The loss is the cross-entropy over all tokens whose centre lies in the object's box: several patches, or overlapping
    regions, are right, and which of them is chosen does not matter. Where no token's centre does (a detector missed the
    object) there is nothing to learn, and the sample counts as wrong: seeing the object is part of the task.
    """

    kind: ClassVar[str] = "grounding"
    boxes: ClassVar[bool] = True

    def head(self, model: Architecture, answers: int) -> nn.Module:
        """One linear layer, (B, V, D) to (B, V, 1). D is the readout's width, unless `image_width` says otherwise."""
        return linear_head(getattr(model, "image_width", model.pooled_size), 1)

    def scores(self, model: Architecture, head: nn.Module, batch: Batch) -> Tensor:
        """Scores of the visual tokens, (B, V); minus infinity at padding.

        Raises:
            ValueError: the architecture has no visual tokens.
        """
        states = model.encode(batch)
        if states.image is None:
            raise ValueError(f"{type(model).__name__} has no visual tokens to point at")
        scores = head(states.image).squeeze(-1)
        return scores if states.image_real is None else scores.masked_fill(~states.image_real, -math.inf)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Mean of minus the logarithm of the probability of all right tokens together, over samples that have one."""
        right = self.right(scores, batch)
        learnable = right.any(dim=1)
        scores, right = scores[learnable], right[learnable]
        lost = scores.logsumexp(dim=1) - scores.masked_fill(~right, -math.inf).logsumexp(dim=1)
        return lost.sum() / learnable.sum().clamp(min=1)

    def correct(self, scores: Tensor, batch: Batch) -> Tensor:
        """1.0 where the best token is a right one: (B, V) to (B,)."""
        return self.right(scores, batch).gather(1, scores.argmax(dim=1, keepdim=True)).squeeze(1).float()

    def right(self, scores: Tensor, batch: Batch) -> Tensor:
        """Which tokens have their centre in the object's box, bool (B, V); padding has not."""
        box = batch["target_boxes"][:, None]
        centres = token_centres(batch, scores.shape[1]).to(box)
        inside = ((centres >= box[..., :2]) & (centres <= box[..., 2:])).all(dim=-1)
        return inside & scores.isfinite()


def token_centres(batch: Batch, tokens: int) -> Tensor:
    """Where visual tokens are, left to right and top to bottom from 0 to 1: (B, V, 2), or (1, V, 2) where all alike.

    Regions bring their boxes; other tokens are the tiles of a square grid, row by row.

    Raises:
        ValueError: the tokens tile no square.
    """
    if "region_boxes" in batch:
        boxes = batch["region_boxes"]
        return (boxes[..., :2] + boxes[..., 2:]) / 2
    side = math.isqrt(tokens)
    if side * side != tokens:
        raise ValueError(f"{tokens} visual tokens without boxes tile no square: where they are is not known")
    middles = (torch.arange(side) + 0.5) / side
    down, across = torch.meshgrid(middles, middles, indexing="ij")
    return torch.stack([across, down], dim=-1).reshape(1, tokens, 2)
