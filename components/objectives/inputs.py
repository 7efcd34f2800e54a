"""What a model is shown in one forward pass of pretraining: words masked, regions masked, pairs torn apart.

All that is random was drawn by the data stream; here it is only carried out, so that two architectures with equal
passes see equal batches. Shapes: B batch, T text tokens, R regions, F features of a region.
"""

import torch
from torch import Tensor

from components.models.passes import Pass, RegionMasking
from components.models.states import Batch

IGNORED = -100
"""The label of a token that is not asked for."""
OVERLAP = 0.4
"""Regions that overlap a masked one by more than this would give it away (Lu et al., 2020, "12-in-1")."""

_DRAWS = ("masked_input_ids", "region_chosen", "region_treatment", "region_other", "itm_image_rows", "itm_text_rows")
_TEXT = ("input_ids", "attention_mask", "mlm_labels")


def as_seen(batch: Batch, one_pass: Pass) -> dict[str, Tensor]:
    """The batch as one pass shows it.

    Masks belong to the text or the picture and move with it: whatever stands beside a picture, it is masked alike.

    Args:
        batch: with what the pass asks for: `masked_input_ids` (B, T) and `mlm_labels` (B, T), -100 where nothing is
            asked; `region_chosen` (B, R) bool, `region_treatment` (B, R) in [0, 1) and `region_other` (B, R) int64,
            a region of another picture among all B * R; `itm_image_rows` or `itm_text_rows` (B,) int64, the picture
            or text shown in each row, its own one or one that does not belong to the rest of the row.
        one_pass: what is done.

    Returns:
        The batch without those draws, in which `input_ids`, `attention_mask`, `pixels` and everything about regions is
        what the model shall see, and

        * `pair_matches` (B,) int64, 1 where picture and text belong together;
        * `mlm_labels` (B, T) where words are masked;
        * where regions are masked: `region_hidden` (B, R) bool, their features are gone; `region_asked` (B, R) bool,
          they are to be predicted; `region_targets` (B, R, F), their true features.
    """
    seen = {name: tensor for name, tensor in batch.items() if name not in _DRAWS}
    if one_pass.words:
        seen["input_ids"] = batch["masked_input_ids"]
    else:
        seen.pop("mlm_labels", None)
    if one_pass.regions is not None:
        seen |= masked_regions(batch, one_pass.regions)
    own = torch.arange(len(batch["input_ids"]), device=batch["input_ids"].device)
    rows = own
    if one_pass.mismatched is not None:
        images = one_pass.mismatched == "images"
        rows = batch["itm_image_rows" if images else "itm_text_rows"]
        for name, tensor in seen.items():
            moves = name == "pixels" or name.startswith("region_") if images else name in _TEXT
            if moves:
                seen[name] = tensor[rows]
    matches = rows == own
    if not one_pass.keeps_mismatched:
        if "mlm_labels" in seen:
            seen["mlm_labels"] = seen["mlm_labels"].masked_fill(~matches[:, None], IGNORED)
        if "region_asked" in seen:
            seen["region_asked"] = seen["region_asked"] & matches[:, None]
    return seen | {"pair_matches": matches.long()}


def masked_regions(batch: Batch, masking: RegionMasking) -> dict[str, Tensor]:
    """Mask the chosen regions of every picture.

    A chosen region is zeroed, replaced or kept as its treatment says, and asked for whichever it is. Where masking
    spreads, regions that overlap a chosen one lose their features too; they are not asked for.

    Args:
        batch: `region_features` (B, R, F), `region_boxes` (B, R, 4), `region_real` (B, R), and the draws.

    Returns:
        `region_features` (B, R, F), `region_hidden` (B, R), `region_asked` (B, R), `region_targets` (B, R, F).
    """
    features, real = batch["region_features"], batch["region_real"].bool()
    chosen, treatment = batch["region_chosen"].bool() & real, batch["region_treatment"]
    hidden = chosen & (treatment < masking.zeroed)
    replaced = chosen & (treatment < masking.zeroed + masking.replaced)  # or hidden, which comes last
    if masking.spreads:
        close = intersection_over_union(batch["region_boxes"]) > OVERLAP
        hidden = hidden | ((close & chosen[:, None, :]).any(dim=2) & ~chosen & real)
    others = features.flatten(0, 1)[batch["region_other"]]
    shown = torch.where(replaced[..., None], others, features).masked_fill(hidden[..., None], 0.0)
    return {
        "region_features": shown,
        "region_hidden": hidden,
        "region_asked": chosen,
        "region_targets": features,
    }


def intersection_over_union(boxes: Tensor) -> Tensor:
    """Of every two boxes of a picture: (B, R, 4) to (B, R, R); 0 where both are empty."""
    corner = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    opposite = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    common = (opposite - corner).clamp(min=0).prod(dim=-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)
    union = area[:, :, None] + area[:, None, :] - common
    return torch.where(union > 0, common / union, 0.0)
