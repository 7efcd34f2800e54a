"""Front ends that find nothing: grid cells and patches tile the picture, given boxes stay what they are."""

import pytest
import torch
from torch import nn

from components.models.detector import DenseHeads, RegionDetector
from components.models.encoders import grid_encoder, patch_encoder
from components.models.regions import CellRegions, GivenRegions, feature_map, tiles
from tests.models.small_models import pictures
from tests.small_configurations import SMALL

CLASSES, ATTRIBUTES = 3, 2


def cells(kind: str, heads: bool) -> CellRegions:
    torch.manual_seed(0)
    encoder: nn.Module = grid_encoder(SMALL) if kind == "grid" else patch_encoder(SMALL)
    channels = SMALL.stem_widths[-1] if kind == "grid" else SMALL.width
    return CellRegions(kind, encoder, DenseHeads(channels, CLASSES, ATTRIBUTES) if heads else None).eval()


@pytest.mark.parametrize("kind", ["grid", "patches"])
@torch.inference_mode()
def test_cells_tile_the_picture(kind: str) -> None:
    front = cells(kind, heads=True)
    regions = front.regions(pictures(2))
    left, top, right, bottom = regions.boxes[0].unbind(dim=-1)
    side = round(len(left) ** 0.5)
    assert side > 1
    torch.testing.assert_close(((right - left) * (bottom - top)).sum(), torch.tensor(1.0))
    for row in range(side):
        for column in range(side):
            cell = row * side + column
            expected = torch.tensor([column, row, column + 1, row + 1]) / side
            torch.testing.assert_close(regions.boxes[0, cell], expected)
    assert regions.real.all()
    for probabilities, kinds in ((regions.classes, CLASSES), (regions.attributes, ATTRIBUTES)):
        assert probabilities.shape == (2, side * side, kinds + 1)
        torch.testing.assert_close(probabilities.sum(dim=-1), torch.ones(2, side * side))


@torch.inference_mode()
def test_patch_features_are_the_states_of_the_patches_in_their_place() -> None:
    front = cells("patches", heads=False)
    states = front.encoder(pictures(2))
    regions = front.regions(pictures(2))
    torch.testing.assert_close(regions.features, states[:, 1:])
    assert torch.equal(regions.classes, torch.ones(*regions.real.shape, 1))
    assert torch.equal(regions.attributes, torch.ones(*regions.real.shape, 1))


@torch.inference_mode()
def test_heads_read_the_cell_that_the_box_covers() -> None:
    """Row by row in features, boxes and probabilities alike."""
    front = cells("grid", heads=True)
    assert front.heads is not None
    regions = front.regions(pictures(2))
    features = feature_map("grid", front.encoder, pictures(2))
    height, width = features.shape[2:]
    row, column = height - 1, 0
    cell = row * width + column
    torch.testing.assert_close(regions.features[:, cell], features[:, :, row, column])
    outputs = front.heads(features)
    presence = outputs.objectness[:, row, column].sigmoid()
    torch.testing.assert_close(regions.classes[:, cell, -1], 1 - presence)
    expected = presence[:, None] * outputs.classes[:, :, row, column].softmax(dim=1)
    torch.testing.assert_close(regions.classes[:, cell, :-1], expected)


def test_oblong_maps_are_tiled_too() -> None:
    boxes = tiles(2, 3)
    torch.testing.assert_close(boxes[4], torch.tensor([1 / 3, 0.5, 2 / 3, 1.0]))


@torch.inference_mode()
def test_given_boxes_stay_and_padding_is_nothing() -> None:
    torch.manual_seed(0)
    front = GivenRegions(RegionDetector((6, 8), CLASSES, ATTRIBUTES, 4)).eval()
    shown = torch.randn(1, 3, 24, 24)
    boxes = torch.tensor([[[0.5, 0.0, 1.0, 0.4], [0.9, 0.9, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0]]])
    real = torch.tensor([[True, True, False]])
    regions = front.regions(shown, boxes, real)
    assert torch.equal(regions.boxes[:, :2], boxes[:, :2])
    assert torch.equal(regions.boxes[:, 2], torch.zeros(1, 4))
    assert torch.equal(regions.real, real)
    features = front.detector.feature_map(shown)  # 6 x 6 cells: centres (4.5, 1.2) and (5.7, 5.7)
    torch.testing.assert_close(regions.features[0, 0], features[0, :, 1, 4])
    torch.testing.assert_close(regions.features[0, 1], features[0, :, 5, 5])
    assert not regions.features[0, 2].any()
    nothing = torch.tensor([0.0, 0.0, 1.0])
    assert torch.equal(regions.classes[0, :, -1], nothing)
    torch.testing.assert_close(regions.classes.sum(dim=-1), torch.ones(1, 3))


def test_the_oracle_wants_boxes() -> None:
    front = GivenRegions(RegionDetector((6, 8), CLASSES, ATTRIBUTES, 4))
    with pytest.raises(ValueError, match="has to be given boxes"):
        front.regions(torch.zeros(1, 3, 24, 24))
