"""Frozen visual front ends, which turn pictures into regions.

Each has a method `regions(pixels, boxes, real) -> Regions`. In evaluation mode the regions of a picture depend on that
picture only. The detector itself is `components.models.detector.RegionDetector`. Shapes: B batch, R regions, F features of a
region, C channels, h and w height and width of a map.
"""

from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from components.models.detector import DenseHeads, RegionDetector, at_cells, with_nothing
from components.models.encoders import EncoderKind, grid_features
from components.models.states import Regions

FrontKind = Literal["grid", "patches", "detector"]
"""The front ends that are pretrained on pictures alone."""


class FrontEnd(Protocol):
    """A visual front end."""

    def regions(self, pixels: Tensor, boxes: Tensor | None = None, real: Tensor | None = None) -> Regions:
        """The regions of pictures.

        Args:
            pixels: (B, 3, height, width), scaled.
            boxes: (B, R, 4), left, top, right, bottom as shares of the picture, for front ends that need given boxes.
            real: (B, R) bool, False where `boxes` is padding.
        """


def feature_map(front: FrontKind, model: Any, pixels: Tensor) -> Tensor:
    """The map of a grid encoder, patch encoder or detector: (B, 3, height, width) to (B, C, h, w)."""
    if front == "detector":
        return model.feature_map(pixels)
    if front == "grid":
        return grid_features(model, pixels)
    patches = model(pixels)[:, 1:]  # without the class token
    side = round(patches.shape[1] ** 0.5)
    return patches.transpose(1, 2).unflatten(2, (side, side))


def tiles(height: int, width: int) -> Tensor:
    """The boxes of the cells of a map, row by row: (height * width, 4)."""
    top, left = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    sides = torch.tensor([width, height, width, height])
    return torch.stack([left, top, left + 1, top + 1], dim=-1).flatten(0, 1) / sides


class CellRegions(nn.Module):
    """A front end whose regions are all cells of a grid encoder, or all patches of a vision transformer.

    Args:
        encoder_kind: "grid" or "patches".
        encoder: the encoder.
        heads: dense heads that were trained with it on boxes; without them classes and attributes are unknown.
    """

    def __init__(self, encoder_kind: EncoderKind, encoder: nn.Module, heads: DenseHeads | None = None) -> None:
        super().__init__()
        self.encoder_kind = encoder_kind
        self.encoder = encoder
        self.heads = heads

    def regions(self, pixels: Tensor, boxes: Tensor | None = None, real: Tensor | None = None) -> Regions:
        """All cells, row by row; `boxes` and `real` are ignored."""
        features = feature_map(self.encoder_kind, self.encoder, pixels)
        batch, _, height, width = features.shape
        every = torch.ones(batch, height * width, dtype=torch.bool, device=features.device)
        classes = attributes = every[..., None].to(features.dtype)
        if self.heads is not None:
            outputs = self.heads(features)
            presence = outputs.objectness.flatten(1).sigmoid()
            classes = with_nothing(outputs.classes.flatten(2).transpose(1, 2), presence)
            attributes = with_nothing(outputs.attributes.flatten(2).transpose(1, 2), presence)
        return Regions(
            features=features.flatten(2).transpose(1, 2),
            boxes=tiles(height, width).to(features.device).expand(batch, -1, -1),
            real=every,
            classes=classes,
            attributes=attributes,
        )


class GivenRegions(nn.Module):
    """A front end whose regions are the data's own boxes, with a trained detector's features.

    It is an oracle, because the boxes tell how many objects there are.

    Attributes:
        GIVEN_BOXES: it has to be given boxes.
    """

    GIVEN_BOXES: ClassVar[bool] = True

    def __init__(self, detector: RegionDetector) -> None:
        super().__init__()
        self.detector = detector

    def regions(self, pixels: Tensor, boxes: Tensor | None = None, real: Tensor | None = None) -> Regions:
        """One region for every given box. The probability that it holds an object is taken as one.

        Raises:
            ValueError: no boxes were given.
        """
        if boxes is None or real is None:
            raise ValueError("this front end has to be given boxes and which of them are real")
        features = self.detector.feature_map(pixels)
        outputs = self.detector.heads(features)
        height, width = features.shape[2:]
        boxes = torch.where(real[..., None], boxes, torch.zeros_like(boxes))
        centres = (boxes[..., :2] + boxes[..., 2:]) / 2
        column = (centres[..., 0] * width).long().clamp(max=width - 1)
        row = (centres[..., 1] * height).long().clamp(max=height - 1)
        cells = row * width + column
        return Regions(
            features=at_cells(features, cells) * real[..., None],
            boxes=boxes,
            real=real,
            classes=with_nothing(at_cells(outputs.classes, cells), real.to(features.dtype)),
            attributes=with_nothing(at_cells(outputs.attributes, cells), real.to(features.dtype)),
        )
