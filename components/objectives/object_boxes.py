"""Boxes of objects with their classes and attributes: the pretraining of region detectors, grids and patches."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.detector import DenseHeads, DenseOutputs, at_cells
from components.models.regions import FrontKind, feature_map

_UNNAMED = -1


class BoxTargets(NamedTuple):
    """What dense heads should say of a picture (B batch, M objects at most, h and w of the map).

    Attributes:
        real: (B, M) bool, False at padding.
        cells: (B, M) int64: where the centre lies, cells numbered row by row.
        offsets: (B, M, 2): where in the cell.
        log_sizes: (B, M, 2): logarithms of width and height in cells.
        heat: (B, h, w): 1 in cells with a centre, less around them.
    """

    real: Tensor
    cells: Tensor
    offsets: Tensor
    log_sizes: Tensor
    heat: Tensor


def box_targets(boxes: Tensor, height: int, width: int) -> BoxTargets:
    """Targets on a map of height x width cells for boxes (B, M, 4), shares of the picture, padded with -1.

    Around a centre the heat falls off as a Gaussian of which three standard deviations reach the sides of the box (as
    in TTFNet, Liu et al., 2020): a guess beside the centre of a large object is less wrong than beside a small one's.
    """
    real = boxes[..., 2] > boxes[..., 0]
    sides = boxes.new_tensor([width, height])
    corners = torch.where(real[..., None], boxes, boxes.new_tensor([0.0, 0.0, 1.0, 1.0]))
    sizes = (corners[..., 2:] - corners[..., :2]) * sides
    centres = (corners[..., 2:] + corners[..., :2]) / 2 * sides
    corner = torch.minimum(centres.floor(), sides - 1)  # an object on the very border belongs to the last cell
    across = _falling(corner[..., 0], sizes[..., 0], width)
    down = _falling(corner[..., 1], sizes[..., 1], height)
    each = down[..., :, None] * across[..., None, :] * real[..., None, None]
    return BoxTargets(
        real=real,
        cells=(corner[..., 1] * width + corner[..., 0]).long(),
        offsets=centres - corner,
        log_sizes=sizes.log(),
        heat=each.amax(dim=1),
    )


def _falling(centre: Tensor, size: Tensor, cells: int) -> Tensor:
    distance = torch.arange(cells, device=centre.device) - centre[..., None]
    return torch.exp(-0.5 * (6 * distance / size[..., None]) ** 2)


def focal_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """The penalty-reduced focal loss of Objects as Points (Zhou et al., 2019, equation 1), summed, not yet divided.

    Args:
        logits: (B, h, w).
        heat: (B, h, w), 1 exactly at centres.
    """
    here, nowhere = F.logsigmoid(logits), F.logsigmoid(-logits)
    at_centre = nowhere.exp() ** 2 * here
    elsewhere = (1 - heat) ** 4 * here.exp() ** 2 * nowhere
    return -torch.where(heat == 1, at_centre, elsewhere).sum()


class ObjectBoxes(nn.Module):
    """Say where objects are, how large, and what, from every cell of a front end's map.

    Args:
        front: whose map it is.
        heads: that read it; None for the detector, which has its own.
    """

    def __init__(self, front: FrontKind, heads: DenseHeads | None = None) -> None:
        super().__init__()
        self.front = front
        self.heads = heads

    def forward(self, model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Focal loss over cells plus, at the centres of objects, L1 of offset and logarithmic size and cross-entropy of
        class and attribute; all per object.

        Args:
            model: a grid encoder, a patch encoder or a `RegionDetector`, as `front` says.
            batch: `pixels` (B, 3, height, width), `boxes` (B, M, 4) shares of the picture, padded with -1,
                `box_classes` and `box_attributes` (B, M) int64, -1 where there is no name.

        Returns:
            The loss, and the parts of it; `class_accuracy` and `attribute_accuracy`, the shares of named objects at
            whose centre the right name scores highest.
        """
        heads = model.heads if self.heads is None else self.heads
        outputs = DenseOutputs(*(part.float() for part in heads(feature_map(self.front, model, batch["pixels"]))))
        targets = box_targets(batch["boxes"], *outputs.objectness.shape[1:])
        objects = targets.real.sum().clamp(min=1)
        parts = {
            "centre": focal_loss(outputs.objectness, targets.heat) / objects,
            "offset": _distance(outputs.offsets, targets.offsets, targets) / objects,
            "size": _distance(outputs.log_sizes, targets.log_sizes, targets) / objects,
        }
        metrics = {}
        for name, maps in (("class", outputs.classes), ("attribute", outputs.attributes)):
            names = batch["box_classes" if name == "class" else "box_attributes"]
            if maps.shape[1]:
                logits = at_cells(maps, targets.cells)
                parts[name] = _cross_entropy(logits, names) / objects
                named = names != _UNNAMED
                right = (logits.argmax(dim=-1) == names) & named
                metrics[f"{name}_accuracy"] = right.sum() / named.sum().clamp(min=1)
        loss = torch.stack(list(parts.values())).sum()
        return loss, metrics | {name: part.detach() for name, part in parts.items()}


def _distance(maps: Tensor, wanted: Tensor, targets: BoxTargets) -> Tensor:
    """L1 over both axes at the centres of real objects, summed."""
    return ((at_cells(maps, targets.cells) - wanted).abs().sum(dim=-1) * targets.real).sum()


def _cross_entropy(logits: Tensor, names: Tensor) -> Tensor:
    """Over named objects, summed: logits (B, M, K), names (B, M)."""
    return F.cross_entropy(logits.flatten(0, 1), names.flatten(), ignore_index=_UNNAMED, reduction="sum")
