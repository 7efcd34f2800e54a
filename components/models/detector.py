"""Dense heads that detect objects as points (centre, size, class, attributes), and the region detector built on them.

Dense heads read any map of features, so a detector, a grid encoder and a patch encoder learn from the same boxes in the same
way. Shapes: B batch, C channels, h and w height and width of the map, R regions, F features of a region, L classes and A
attributes of object; for probabilities L and A include background and "none".
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.initialisation import initialised
from components.models.states import Regions

STRIDE = 4
"""Side of a cell of the detector's map, in pixels."""

_OBJECT_PRIOR = 0.1  # share of cells with an object that a fresh head predicts (Zhou et al., 2019)
_LOG_SIZES = (-4.0, 8.0)  # in cells; keeps boxes of an untrained head finite and not empty


class DenseOutputs(NamedTuple):
    """Predictions of dense heads for every cell of a map.

    Attributes:
        objectness: (B, h, w), logits that an object's centre lies in the cell.
        offsets: (B, 2, h, w): place of the centre in the cell, x and y from 0 to 1.
        log_sizes: (B, 2, h, w): logarithms of width and height in cells.
        classes: (B, L - 1, h, w), logits over classes of object.
        attributes: (B, A - 1, h, w), logits over attributes.
    """

    objectness: Tensor
    offsets: Tensor
    log_sizes: Tensor
    classes: Tensor
    attributes: Tensor


class DenseHeads(nn.Module):
    """Linear readouts of every cell of a map, so everything they learn is linear in a region's features.

    After Objects as Points (Zhou, Wang and Krähenbühl, 2019), but with one heat map for all classes and a softmax over
    classes, because the architectures need a distribution over classes for every region. Sizes are logarithms, so their loss
    is the same at every stride.

    Args:
        channels: C, of the map.
        classes: number of classes of object without background; 0 where the data has none.
        attributes: number of attributes without "none"; 0 where the data has none.
    """

    def __init__(self, channels: int, classes: int, attributes: int) -> None:
        super().__init__()
        self.splits = [1, 2, 2, classes, attributes]
        self.readout = initialised(nn.Conv2d(channels, sum(self.splits), 1))
        with torch.no_grad():
            assert self.readout.bias is not None
            self.readout.bias[0] = -math.log((1 - _OBJECT_PRIOR) / _OBJECT_PRIOR)

    def forward(self, features: Tensor) -> DenseOutputs:
        """(B, C, h, w) to predictions for every cell."""
        objectness, offsets, log_sizes, classes, attributes = self.readout(features).split(self.splits, dim=1)
        return DenseOutputs(objectness[:, 0], offsets, log_sizes, classes, attributes)


def at_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Values of maps (B, K, h, w) at cells (B, R), numbered row by row: (B, R, K)."""
    flat = maps.flatten(2)
    return flat.gather(2, cells[:, None, :].expand(-1, flat.shape[1], -1)).transpose(1, 2)


def with_nothing(logits: Tensor, presence: Tensor) -> Tensor:
    """Probabilities over kinds and "nothing", which is last: presence times softmax, and one minus presence.

    Args:
        logits: (B, R, K) over kinds. If K is 0, "nothing" has probability one.
        presence: (B, R), probability that there is an object.

    Returns:
        (B, R, K + 1), summing to one.
    """
    if logits.shape[-1] == 0:
        return torch.ones_like(presence)[..., None]
    presence = presence[..., None]
    return torch.cat([presence * logits.softmax(dim=-1), 1 - presence], dim=-1)


def boxes_at(outputs: DenseOutputs, cells: Tensor) -> Tensor:
    """Predicted boxes at cells (B, R): (B, R, 4), left, top, right, bottom as shares of the picture."""
    height, width = outputs.objectness.shape[1:]
    sides = torch.tensor([width, height], device=cells.device)
    corner = torch.stack([cells % width, cells // width], dim=-1)
    centre = (corner + at_cells(outputs.offsets, cells).clamp(0, 1)) / sides
    half = at_cells(outputs.log_sizes, cells).clamp(*_LOG_SIZES).exp() / sides / 2
    return torch.cat([centre - half, centre + half], dim=-1).clamp(0, 1)


def strongest_peaks(objectness: Tensor, count: int) -> Tensor:
    """The cells (B, count) with the strongest objectness (B, h, w), numbered row by row.

    Cells that are the maximum of their 3 x 3 neighbourhood come first. Other cells follow if these are too few. Among equal
    cells the one with the lower number comes first.

    Raises:
        ValueError: the map has fewer than `count` cells.
    """
    if objectness[0].numel() < count:
        height, width = objectness.shape[1:]
        raise ValueError(f"a map of {height} x {width} cells cannot hold {count} regions")
    peak = objectness == F.max_pool2d(objectness[:, None], 3, stride=1, padding=1)[:, 0]
    # Two stable sorts, because torch.topk does not guarantee the order of equal values.
    by_strength = objectness.flatten(1).argsort(dim=1, descending=True, stable=True)
    peaks_first = peak.flatten(1).gather(1, by_strength).int().argsort(dim=1, descending=True, stable=True)
    return by_strength.gather(1, peaks_first)[:, :count]


class RegionDetector(nn.Module):
    """A small centre-based detector that proposes a fixed number of regions, including some without an object.

    The number of regions must not reveal the number of objects, so there is no threshold and no padding.

    Args:
        stem_widths: channels at half the picture's resolution (the first entry) and at a quarter (the last entry, F).
        classes: number of classes of object without background.
        attributes: number of attributes without "none".
        regions: R, number of proposals for every picture.
    """

    def __init__(self, stem_widths: Sequence[int], classes: int, attributes: int, regions: int) -> None:
        super().__init__()
        self.count = regions
        self.region_features = stem_widths[-1]
        narrow, wide = stem_widths[0], stem_widths[-1]
        self.backbone = initialised(
            nn.Sequential(
                _convolution(3, narrow, stride=2),
                _convolution(narrow, wide, stride=2),
                _convolution(wide, wide),
                _convolution(wide, wide),
            )
        )
        self.heads = DenseHeads(wide, classes, attributes)

    def feature_map(self, pixels: Tensor) -> Tensor:
        """(B, 3, height, width) to (B, F, height / 4, width / 4)."""
        return self.backbone(pixels.contiguous(memory_format=torch.channels_last))

    def regions(self, pixels: Tensor, boxes: Tensor | None = None, real: Tensor | None = None) -> Regions:
        """Propose regions, those with the strongest objectness first, in the order of `strongest_peaks`.

        In evaluation mode a picture's regions depend on that picture only.

        Args:
            pixels: (B, 3, height, width).
            boxes: ignored.
            real: ignored.

        Raises:
            ValueError: the pictures are too small for so many regions.
        """
        features = self.feature_map(pixels)
        outputs = self.heads(features)
        cells = strongest_peaks(outputs.objectness, self.count)
        found = boxes_at(outputs, cells)
        presence = outputs.objectness.flatten(1).gather(1, cells).sigmoid()
        return Regions(
            features=at_cells(features, cells),
            boxes=found,
            real=torch.ones_like(cells, dtype=torch.bool),
            classes=with_nothing(at_cells(outputs.classes, cells), presence),
            attributes=with_nothing(at_cells(outputs.attributes, cells), presence),
        )


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
