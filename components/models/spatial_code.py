"""Spatial codes: encode where a region lies, from boxes (B, V, 4) as shares of the picture's sides to codes (B, V, D).

Shapes: B batch, V visual tokens, D width.
"""

import torch
from torch import Tensor, nn

from components.models.configuration import ModelConfiguration, SpatialCode

NORM_EPSILON = 1e-12


def spatial_code(kind: SpatialCode, configuration: ModelConfiguration, width: int) -> nn.Module | None:
    """A fresh spatial code.

    Args:
        kind: one of
            'none' (VisualBERT, Pixel-BERT);
            'averaged_4' (LXMERT: LN of a linear map of four numbers, averaged with the features by the caller);
            'sum_5' (ViLBERT: a linear map of five numbers);
            'normed_7' (UNITER: LN of a linear map of seven numbers);
            'sinusoid' (VL-BERT: a linear map of sines);
            'learned_grid' (a vector for each cell, as in vision transformers).

    Raises:
        ValueError: there is no such code.
    """
    match kind:
        case "none":
            return None
        case "averaged_4":
            return BoxCode(4, width, normed=True)
        case "sum_5":
            return BoxCode(5, width)
        case "normed_7":
            return BoxCode(7, width, normed=True)
        case "sinusoid":
            return SineCode(max(1, configuration.region_features // 8), width)
        case "learned_grid":
            return GridCode(configuration.image_size // configuration.patch_size, width)
        case _:
            raise ValueError(f"there is no spatial code called {kind!r}")


def box_numbers(boxes: Tensor, count: int) -> Tensor:
    """Numbers that describe a box: (..., 4) to (..., count).

    Args:
        count: 4 for left, top, right, bottom; 5 for these and the area; 7 for these four, width, height and area.
    """
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    further = {4: [], 5: [width * height], 7: [width, height, width * height]}[count]
    return torch.cat([boxes, *(number[..., None] for number in further)], dim=-1)


def box_sines(boxes: Tensor, frequencies: int) -> Tensor:
    """Sines and cosines of a box's centre and sides in hundredths: (..., 4) to (..., 8 * frequencies).

    Wave lengths are 2 pi times 1 to 1,000 (VL-BERT section 3.2; code: jackroos/VL-BERT, `coordinate_embeddings`).
    """
    centre, sides = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    steps = torch.arange(frequencies, dtype=boxes.dtype, device=boxes.device) / frequencies
    angles = 100 * torch.cat([centre, sides], dim=-1)[..., None] / 1000**steps
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)


class BoxCode(nn.Module):
    """A linear map of `count` numbers of a box (see `box_numbers`), normalised or not."""

    def __init__(self, count: int, width: int, *, normed: bool = False) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(count, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON) if normed else nn.Identity()

    def forward(self, boxes: Tensor) -> Tensor:
        """(B, V, 4) to (B, V, D)."""
        return self.norm(self.linear(box_numbers(boxes, self.count)))


class SineCode(nn.Module):
    """A linear map of `box_sines`."""

    def __init__(self, frequencies: int, width: int) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.linear = nn.Linear(8 * frequencies, width)

    def forward(self, boxes: Tensor) -> Tensor:
        """(B, V, 4) to (B, V, D)."""
        return self.linear(box_sines(boxes, self.frequencies))


class GridCode(nn.Module):
    """A learned vector for each cell, chosen by a region's centre, and one for regions as large as the picture.

    Args:
        side: cells along each side of the picture, as many as there are patches.
    """

    def __init__(self, side: int, width: int) -> None:
        super().__init__()
        self.side = side
        self.cells = nn.Embedding(side * side + 1, width)

    def forward(self, boxes: Tensor) -> Tensor:
        """(B, V, 4) to (B, V, D)."""
        centre = (boxes[..., :2] + boxes[..., 2:]) / 2
        column, row = (centre * self.side).long().clamp(0, self.side - 1).unbind(dim=-1)
        whole = ((boxes[..., 2:] - boxes[..., :2]) >= 1).all(dim=-1)
        return self.cells(torch.where(whole, self.side * self.side, row * self.side + column))
