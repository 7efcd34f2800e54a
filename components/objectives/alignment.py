"""Word-patch alignment by optimal transport (ViLT); UNITER's word-region alignment is built on it.

Shapes: B batch, T text tokens, V visual tokens, D width.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome

BETA = 0.5
ITERATIONS = 50
NORM_EPSILON = 1e-5


class Alignment(Objective):
    """Draw the words of a text and the visual tokens of its picture together, those of mismatched pairs apart.

    The cost of moving all words onto all visual tokens, at the best plan that an inexact proximal point algorithm
    (IPOT) finds, is a distance; the loss is the sum of matching pairs' distances less that of mismatched ones, over B
    (Chen et al., 2020, section 3.2, WRA; Kim et al., 2021, section 3.2; code: ChenRocks/UNITER, dandelin/ViLT). Gradients
    flow through the cost and not through the plan. [CLS], [SEP] and padding take no part, as in ViLT's code. Computed in
    single precision whatever the rest runs in: 50 divisions do not forgive.
    """

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        super().__init__()

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """The loss on one batch, and the mean distances of pairs that match and of those that do not.

        Args:
            model: not looked at.
            states: `text` (B, T, D) and `image` (B, V, D) of one width, `image_real` (B, V) or None.
            batch: `attention_mask` (B, T), `pair_matches` (B,).

        Returns:
            The loss; `matching` and `mismatched`, 0 where the batch has no such pair.
        """
        assert states is not None
        assert states.text is not None
        assert states.image is not None
        image_real = states.image_real
        if image_real is None:
            image_real = torch.ones(states.image.shape[:2], dtype=torch.bool, device=states.image.device)
        with torch.autocast(states.text.device.type, enabled=False):
            distances = transport_distance(
                states.text.float(), states.image.float(), self.takes_part(batch["attention_mask"]), image_real
            )
        matches = batch["pair_matches"].bool()
        loss = torch.where(matches, distances, -distances).mean()
        distances = distances.detach()
        return loss, {
            "matching": (distances * matches).sum() / matches.sum().clamp(min=1),
            "mismatched": (distances * ~matches).sum() / (~matches).sum().clamp(min=1),
        }

    def takes_part(self, attention_mask: Tensor) -> Tensor:
        """The tokens that are moved: (B, T), 1 at tokens, to (B, T) bool."""
        return words(attention_mask)


def words(attention_mask: Tensor) -> Tensor:
    """(B, T), 1 at tokens, to (B, T) bool, True at tokens other than the first, [CLS], and the last, [SEP]."""
    positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    return (positions > 0) & (positions < attention_mask.sum(dim=1, keepdim=True) - 1)


def transport_distance(text: Tensor, image: Tensor, text_real: Tensor, image_real: Tensor) -> Tensor:
    """The cost of the plan, (B,): cosine distances of text (B, T, D) and image (B, V, D), weighted by what moves.

    Args:
        text_real: (B, T) bool, tokens that take part. Where a row has none its distance is 0.
        image_real: (B, V) bool.
    """
    cosine = F.normalize(text, dim=-1, eps=NORM_EPSILON) @ F.normalize(image, dim=-1, eps=NORM_EPSILON).mT
    joint = text_real[:, :, None] & image_real[:, None, :]
    cost = torch.where(joint, 1 - cosine, 0.0)
    return (transport_plan(cost, text_real, image_real) * cost).sum(dim=(1, 2))


@torch.no_grad()
def transport_plan(
    cost: Tensor, text_real: Tensor, image_real: Tensor, beta: float = BETA, iterations: int = ITERATIONS
) -> Tensor:
    """How much of each token moves where, (B, T, V), by IPOT (Xie et al., 2019, algorithm 1) with one inner iteration.

    The words of a text share a mass of one equally, and so do the visual tokens of a picture. After any number of
    iterations the sums over visual tokens are exact; those over words converge.

    Args:
        cost: (B, T, V).
        text_real: (B, T) bool.
        image_real: (B, V) bool.
        beta: how much a step is held near the plan before it.
    """
    joint = text_real[:, :, None] & image_real[:, None, :]
    text_count, image_count = (real.sum(dim=1)[:, None].to(cost.dtype) for real in (text_real, image_real))
    kernel = torch.where(joint, torch.exp(-cost / beta), 0.0)  # (B, T, V)
    plan = joint.to(cost.dtype)
    text_scale = _inverse(text_count).expand(cost.shape[:2])  # (B, T)
    for _ in range(iterations):
        proposal = kernel * plan
        image_scale = _inverse(image_count * (proposal * text_scale[:, :, None]).sum(dim=1))  # (B, V)
        text_scale = _inverse(text_count * (proposal * image_scale[:, None, :]).sum(dim=2))
        plan = text_scale[:, :, None] * proposal * image_scale[:, None, :]
    return plan


def _inverse(x: Tensor) -> Tensor:
    """1 / x where x is positive, and 0 for padding, which has no mass."""
    return torch.where(x > 0, 1 / x, 0.0)
